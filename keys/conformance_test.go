package keys_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/conformance"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/keysuite"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

// TestConformance runs the suite on every engine. A long run repeats the suite with the parameters of a driver or a server
// that change the statements or the reported results.
func TestConformance(t *testing.T) {
	t.Parallel()
	engine.Suite(t, func(t *testing.T, e *engine.Engine) {
		exercise(t, e, "default")
		if !engine.IsLong() {
			return
		}
		switch e.Dialect() {
		case "postgres":
			exercise(t, e, "binary_parameters", engine.Param("binary_parameters", "yes"))
		case "mariadb":
			for name, value := range family {
				exercise(t, e, name, engine.Param(name, value))
			}
			exercise(t, e, "innodb_snapshot_isolation", engine.Param("innodb_snapshot_isolation", "ON"))
		case "mysql": // all settings in one run, because the waits of the suite take seconds
			var all []engine.Option
			for name, value := range family {
				all = append(all, engine.Param(name, value))
			}
			exercise(t, e, "clientFoundRows, interpolateParams and sql_mode", all...)
		}
	})
}

// family are settings of the driver and of the session on MariaDB and MySQL.
var family = map[string]string{
	"clientFoundRows": "true", "interpolateParams": "true",
	"sql_mode": "'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,HIGH_NOT_PRECEDENCE,STRICT_ALL_TABLES'",
}

// TestFilterIsOneStatement checks that ten thousand messages need one statement. The driver counts the statements, because
// Filter accepts only transactions.
func TestFilterIsOneStatement(t *testing.T) {
	t.Parallel()
	engine.Suite(t, func(t *testing.T, e *engine.Engine) {
		ns := e.Namespace(t)
		recorded := faults.Open(t, ns, nil)
		store := openStore(t, recorded.DB)
		if err := store.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		ids := make([]string, 10_000)
		for i := range ids {
			ids[i] = fmt.Sprintf("message %d", len(ids)-i)
		}
		first, repeated := 1, 2 // the second statement proves that the seen messages are stored
		switch e.Dialect() {
		case "mysql":
			first = 2 // MySQL has no RETURNING
		case "mariadb":
			repeated = 1 // MariaDB returns all rows
		}
		for _, c := range []struct{ fresh, statements int }{{len(ids), first}, {0, repeated}} {
			tx, err := recorded.BeginTxx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			before := len(recorded.Points())
			got, err := keys.Filter(t.Context(), store, tx, "c", ids, strings.Clone)
			if sent := recorded.Points()[before:]; err != nil || len(got) != c.fresh || len(sent) != c.statements {
				t.Errorf("Filter = %d messages, %v, in %d statements; want %d in %d", len(got), err, len(sent), c.fresh, c.statements)
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func exercise(t *testing.T, e *engine.Engine, name string, opts ...engine.Option) {
	t.Helper()
	keysuite.Exercise(t, conformance.Server{
		Name: name, Dialect: e.Dialect(), Brief: !e.IsAskedFor(),
		Open: func(t testing.TB) *sqlx.DB { return e.Open(t, opts...) },
	})
}
