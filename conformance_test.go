package upsert_test

import (
	"testing"

	"github.com/goupsert/upsert/internal/conformance"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/jmoiron/sqlx"
)

// TestConformance runs the suite on SQLite. Package internal/integration runs the suite on the servers.
func TestConformance(t *testing.T) {
	t.Parallel()
	sqlite := engine.Get("sqlite")
	conformance.Exercise(t, conformance.Server{
		Name: sqlite.Name(), Dialect: sqlite.Dialect(),
		Open: func(t testing.TB) *sqlx.DB { return sqlite.Open(t) },
	})
}
