package drivertest_test

import (
	"testing"

	"github.com/goupsert/upsert/internal/conformance"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/jmoiron/sqlx"
)

// The drivers of the library's own tests are in its own run of the suite.
func TestConformance(t *testing.T) {
	t.Parallel()
	for _, s := range []struct{ engine, driver, dialect string }{
		{"postgres", "pgx", "postgres"}, {"postgres18", "pgx", "postgres"}, {"sqlite", "sqlite", "sqlite"},
	} {
		conformance.Exercise(t, conformance.Server{
			Name:    s.driver + " on " + s.engine,
			Dialect: s.dialect,
			Open: func(t testing.TB) *sqlx.DB {
				return engine.Get(s.engine).Open(t, engine.Driver(s.driver))
			},
		})
	}
}
