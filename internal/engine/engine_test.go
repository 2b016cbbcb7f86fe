package engine_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
)

func TestMain(m *testing.M) {
	if os.Getenv(plainEnv) != "" {
		os.Exit(engine.Run(m))
	}
	os.Exit(engine.Run(m, engine.Also("mysql57")))
}

func TestAllHasAFixedOrder(t *testing.T) {
	t.Parallel()
	var names []string
	for _, e := range engine.All() {
		names = append(names, e.Name())
		if got := engine.Get(e.Name()); got != e {
			t.Errorf("Get(%q) = %v", e.Name(), got)
		}
	}
	if want := []string{"sqlite", "postgres", "postgres16", "postgres17", "postgres18", "mariadb", "mysql57", "mysql"}; !slices.Equal(names, want) {
		t.Errorf("All() = %q, want %q", names, want)
	}
}

func TestGetPanicsOnAnUnknownName(t *testing.T) {
	t.Parallel()
	defer func() {
		if r, ok := recover().(string); !ok || !strings.Contains(r, "oracle") || !strings.Contains(r, "mariadb") {
			t.Errorf("panic %q, want a text with the wrong name and the valid names", r)
		}
	}()
	engine.Get("oracle")
}

func TestVersionIsTheEngines(t *testing.T) {
	t.Parallel()
	words := map[string]string{
		"sqlite": "SQLite 3.", "postgres": "PostgreSQL 1", "postgres16": "PostgreSQL 16", "postgres17": "PostgreSQL 17",
		"postgres18": "PostgreSQL 18", "mariadb": "MariaDB", "mysql57": "5.7.", "mysql": "8.",
	}
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		if got := e.Version(t); !strings.Contains(got, words[e.Name()]) {
			t.Errorf("Version() = %q, want a text that contains %q", got, words[e.Name()])
		}
	})
}

func TestNamespacesAreIsolated(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		first, second := e.Open(t), e.Open(t)
		first.MustExec("CREATE TABLE things (id INTEGER PRIMARY KEY)")
		first.MustExec("INSERT INTO things VALUES (1)")
		second.MustExec("CREATE TABLE things (id INTEGER PRIMARY KEY)")
		var n int
		if err := second.Get(&n, "SELECT COUNT(*) FROM things"); err != nil || n != 0 {
			t.Errorf("the second namespace has %d rows, err %v; want 0", n, err)
		}
	})
}

func TestPoolsOfANamespaceShareIt(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		ns := e.Namespace(t)
		ns.DB().MustExec("CREATE TABLE things (id INTEGER PRIMARY KEY)")
		if _, err := ns.DB().Exec("INSERT INTO things VALUES (1)"); err != nil {
			t.Errorf("the second pool does not see the first's table: %v", err)
		}
		if ns.Engine() != e {
			t.Errorf("Engine() = %v, want %v", ns.Engine(), e)
		}
	})
}

func TestNamespaceGoesAwayWithItsTest(t *testing.T) {
	t.Parallel()
	count := map[string]string{
		"postgres": "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = $1",
		"mariadb":  "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = ?",
		"mysql":    "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = ?",
	}
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		var name string
		t.Run("inner", func(t *testing.T) {
			ns := e.Namespace(t)
			ns.DB().MustExec("CREATE TABLE things (id INTEGER PRIMARY KEY)")
			name = ns.Name()
		})
		if e.Dialect() == "sqlite" {
			if _, err := os.Stat(name); !os.IsNotExist(err) {
				t.Errorf("stat %s: %v, want the file removed", name, err)
			}
			return
		}
		var n int
		if err := e.Open(t).Get(&n, count[e.Dialect()], name); err != nil || n != 0 {
			t.Errorf("%d namespaces called %s, err %v; want 0", n, name, err)
		}
	})
}

func TestParamReachesTheDriver(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		var got string
		var err error
		switch e.Dialect() {
		case "sqlite":
			err = e.Open(t, engine.Param("_busy_timeout", "1234")).Get(&got, "SELECT timeout FROM pragma_busy_timeout")
		case "postgres":
			err = e.Open(t, engine.Param("lock_timeout", "1234")).Get(&got, "SELECT current_setting('lock_timeout')")
		default:
			err = e.Open(t, engine.Param("lock_wait_timeout", "1234")).Get(&got, "SELECT @@lock_wait_timeout")
		}
		if err != nil || strings.TrimSuffix(got, "ms") != "1234" {
			t.Errorf("the server says %q, err %v; want 1234", got, err)
		}
	})
}

func TestPostgresDSNOfBothForms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ base, want string }{
		{"postgres://u@h/d?sslmode=disable", "postgres://u@h/d?search_path=a%27b&sslmode=disable"},
		{"host=h dbname=d", `host=h dbname=d search_path='a\'b'`},
	} {
		got, err := engine.PostgresDSN(c.base, engine.NewParam("search_path", "a'b"))
		if err != nil || got != c.want {
			t.Errorf("%s with a parameter: %s, err %v; want %s", c.base, got, err, c.want)
		}
	}
}
