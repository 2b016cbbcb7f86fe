package keys_test

import (
	"testing"

	"github.com/goupsert/upsert/internal/conformance"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/keysuite"
	"github.com/jmoiron/sqlx"
)

// TestPooler runs the suite through PgBouncer in transaction mode, with lib/pq's default settings: each transaction meets
// another of a few connections (hazards E2 and E8).
func TestPooler(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"postgres", "postgres18"} {
		keysuite.Exercise(t, conformance.Server{
			Name: name, Dialect: "postgres",
			Open: func(t testing.TB) *sqlx.DB { return engine.Pooler(t, engine.Get(name).Namespace(t)).DB() },
		})
	}
}
