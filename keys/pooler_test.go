package keys_test

import (
	"testing"

	"github.com/goupsert/upsert/internal/conformance"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/keysuite"
	"github.com/jmoiron/sqlx"
)

// TestPooler runs the suite through PgBouncer in transaction mode with the default settings of lib/pq. Each transaction uses
// one of a few server connections (hazards E2 and E8).
func TestPooler(t *testing.T) {
	t.Parallel()
	if !engine.IsRequired("pgbouncer") {
		engine.NeedLong(t)
	}
	engine.EachOf(t, "postgres", func(t *testing.T, e *engine.Engine) {
		keysuite.Exercise(t, conformance.Server{
			Name: "pooler", Dialect: e.Dialect(),
			Open: func(t testing.TB) *sqlx.DB { return engine.Pooler(e.Namespace(t)).DB() },
		})
	})
}
