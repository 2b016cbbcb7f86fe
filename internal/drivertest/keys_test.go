package drivertest_test

import (
	"testing"

	"github.com/goupsert/upsert/internal/conformance"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/keysuite"
	"github.com/jmoiron/sqlx"
)

// TestKeys runs the suite of package keys. The mode of pgx decides which statements pgx prepares and how pgx sends the other
// statements.
func TestKeys(t *testing.T) {
	t.Parallel()
	exercise := func(name, engineName, dialect string, opts ...engine.Option) {
		keysuite.Exercise(t, conformance.Server{
			Name: name, Dialect: dialect,
			Open: func(t testing.TB) *sqlx.DB { return engine.Get(engineName).Open(t, opts...) },
		})
	}
	for _, on := range []string{"postgres", "postgres18"} {
		exercise("pgx on "+on, on, "postgres", engine.Driver("pgx"))
	}
	for _, mode := range []string{"exec", "simple_protocol"} {
		exercise("pgx with "+mode, "postgres", "postgres", engine.Driver("pgx"), engine.Param("default_query_exec_mode", mode))
	}
	exercise("modernc.org/sqlite", "sqlite", "sqlite", engine.Driver("sqlite"))
}

// TestKeysBehindPooler runs the suite behind a pooler, which requires a mode of pgx without prepared statements.
func TestKeysBehindPooler(t *testing.T) {
	t.Parallel()
	keysuite.Exercise(t, conformance.Server{
		Name: "pgx with exec", Dialect: "postgres",
		Open: func(t testing.TB) *sqlx.DB {
			ns := engine.Pooler(engine.Get("postgres").Namespace(t))
			return ns.DB(engine.Driver("pgx"), engine.Param("default_query_exec_mode", "exec"))
		},
	})
}
