package integration_test

import (
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/conformance"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/jmoiron/sqlx"
)

// TestConformance runs the suite on every server; the root package runs the suite on SQLite. A long run repeats the suite
// for every path of a batch, and for the driver parameters that change the driver's behaviour or reports.
func TestConformance(t *testing.T) {
	t.Parallel()
	engine.Suite(t, func(t *testing.T, e *engine.Engine) {
		if e.Dialect() == "sqlite" {
			if !engine.IsLong() {
				t.Skip("the root package runs the suite on SQLite")
			}
			exercise(t, e, "_stmt_cache_size", nil, engine.Param("_stmt_cache_size", "100"))
			return
		}
		exercise(t, e, "default", nil)
		if !engine.IsLong() { // the default run includes arrays and copy, because of the sizes of its batches
			return
		}
		switch e.Dialect() {
		case "postgres":
			exercise(t, e, "values", []upsert.Option{upsert.Via(upsert.Values)})
			exercise(t, e, "arrays", []upsert.Option{upsert.Via(upsert.Arrays)})
			exercise(t, e, "copy", []upsert.Option{upsert.Via(upsert.Copy)})
			exercise(t, e, "arrays with binary_parameters", []upsert.Option{upsert.Via(upsert.Arrays)}, engine.Param("binary_parameters", "yes"))
		case "mariadb", "mysql":
			mode := engine.Param("sql_mode", "'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,HIGH_NOT_PRECEDENCE,STRICT_ALL_TABLES'")
			exercise(t, e, "copy and sql_mode", []upsert.Option{lab.Load, upsert.Via(upsert.Copy)}, mode)
			exercise(t, e, "clientFoundRows, interpolateParams and sql_mode", nil, engine.Param("clientFoundRows", "true"), engine.Param("interpolateParams", "true"), mode)
		}
	})
}

func exercise(t *testing.T, e *engine.Engine, name string, table []upsert.Option, opts ...engine.Option) {
	t.Helper()
	conformance.Exercise(t, conformance.Server{
		Name: name, Dialect: e.Dialect(), Options: table, Brief: !e.IsAskedFor(),
		Open: func(t testing.TB) *sqlx.DB { return e.Open(t, opts...) },
	})
}
