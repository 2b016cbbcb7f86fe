package engine_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
)

// plainEnv makes TestMain behave like the TestMain of a package that asks only for the usual engines.
const plainEnv = "ENGINE_TEST_PLAIN"

// TestSkipping runs one test again in processes with other variables. An empty UPSERT_ENGINES hides the installed engines.
func TestSkipping(t *testing.T) {
	t.Parallel()
	nothing := "UPSERT_ENGINES=" + t.TempDir()
	for _, c := range []struct {
		name, engine string
		env          []string
		code         int
		want         []string
	}{
		{
			name: "what is not asked for", engine: "mysql",
			want: []string{"--- SKIP", "engine mysql: SKIPPED: it is started only if it is asked for; name mysql in UPSERT_REQUIRE, or set UPSERT_MYSQL_DSN"},
		},
		{
			name: "what only the suites start", engine: "mysql57", env: []string{plainEnv + "=1", "UPSERT_HIDE=mariadb"},
			want: []string{"--- SKIP", "engine mysql57: SKIPPED: it is started only by the packages that ask for it, above all those of the conformance suites; to start it here, name mysql57"},
		},
		{
			name: "what only long tests start", engine: "postgres16", env: []string{"UPSERT_HIDE=postgres18"},
			want: []string{"--- SKIP", "engine postgres16: SKIPPED: it is started only for long tests; set UPSERT_LONG, or name postgres16 in UPSERT_REQUIRE"},
		},
		{
			name: "what is not there", engine: "mysql57", env: []string{nothing, "UPSERT_HIDE=mariadb"},
			want: []string{"--- SKIP", "engine mysql57: SKIPPED: no MySQL 5.7 found; install it", "or set UPSERT_MYSQL57_DSN"},
		},
		{
			name: "required and not there", engine: "mysql", env: []string{"UPSERT_REQUIRE=sqlite, mysql", nothing}, code: 1,
			want: []string{"--- FAIL", "required by UPSERT_REQUIRE, but no MySQL 8 found; install it (scripts/engines --mysql8"},
		},
		{
			name: "a DSN that does not answer", engine: "mysql", env: []string{"UPSERT_MYSQL_DSN=root@tcp(127.0.0.1:1)/"}, code: 1,
			want: []string{"--- FAIL", "engine mysql: UPSERT_MYSQL_DSN: dial tcp 127.0.0.1:1"},
		},
		{
			name: "hidden with the others", engine: "mariadb", env: []string{"UPSERT_HIDE=all", "UPSERT_MARIADB_DSN=root@tcp(127.0.0.1:1)/"},
			want: []string{"--- SKIP", "engine mariadb: SKIPPED: it is hidden by UPSERT_HIDE"},
		},
		{
			name: "SQLite is no server to hide", engine: "sqlite", env: []string{"UPSERT_HIDE=all"},
			want: []string{"--- PASS", "engine sqlite: ran"},
		},
		{
			name: "hidden and required", engine: "postgres", env: []string{"UPSERT_HIDE=mariadb,postgres", "UPSERT_REQUIRE=postgres"}, code: 1,
			want: []string{"--- FAIL", "required by UPSERT_REQUIRE, but it is hidden by UPSERT_HIDE"},
		},
		{
			name: "an unknown name", engine: "mysql", env: []string{"UPSERT_REQUIRE=mysq"}, code: 2,
			want: []string{`UPSERT_REQUIRE names "mysq"`, "sqlite, postgres, postgres16, postgres17, postgres18, mariadb, mysql57, mysql, pgbouncer, galera"},
		},
		{
			name: "an unknown name to hide", engine: "mysql", env: []string{"UPSERT_HIDE=everything"}, code: 2,
			want: []string{`UPSERT_HIDE names "everything"`},
		},
		{
			name: "no factor", engine: "mysql", env: []string{"UPSERT_LONG=yes"}, code: 2,
			want: []string{`UPSERT_LONG is "yes"; want a factor`},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out, code := testBinary(t, "^TestNamespacesAreIsolated$/^"+c.engine+"$", append(clearedEnv(), c.env...)...)
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("the output does not contain %q", want)
				}
			}
			if t.Failed() {
				t.Log(out)
			}
		})
	}
}

// clearedEnv returns the variables of this package with empty values.
func clearedEnv() []string {
	env := []string{"UPSERT_REQUIRE=", "UPSERT_HIDE=", "UPSERT_LONG="}
	for _, e := range engine.All() {
		env = append(env, "UPSERT_"+strings.ToUpper(e.Name())+"_DSN=")
	}
	return env
}

func TestSize(t *testing.T) {
	for _, c := range []struct {
		env  string
		want int
	}{{"", 25}, {"1", 10_000}, {"0.01", 100}, {"0.001", 25}, {"2", 20_000}} {
		t.Setenv("UPSERT_LONG", c.env)
		if got := engine.Size(25, 10_000); got != c.want || engine.IsLong() != (c.env != "") {
			t.Errorf("UPSERT_LONG=%s: %d, long %v; want %d", c.env, got, engine.IsLong(), c.want)
		}
	}
}

// testBinary runs tests of this test binary in a new process.
func testBinary(t *testing.T, run string, env ...string) (out string, code int) {
	t.Helper()
	var b bytes.Buffer
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run="+run)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &b, &b
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return b.String(), cmd.ProcessState.ExitCode()
}
