package upsert_test

import (
	"testing"

	"github.com/goupsert/upsert/internal/conformance"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/jmoiron/sqlx"
)

// TestConformance runs the suite on every engine, and again with the parameters of a driver that change what it does or is
// told.
func TestConformance(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		exercise(t, e, "default")
		if e.Dialect() == "mariadb" || e.Dialect() == "mysql" {
			exercise(t, e, "clientFoundRows", engine.Param("clientFoundRows", "true"), engine.Param("interpolateParams", "true"))
		}
	})
}

func exercise(t *testing.T, e *engine.Engine, name string, opts ...engine.Option) {
	t.Helper()
	conformance.Exercise(t, conformance.Server{
		Name: name, Dialect: e.Dialect(),
		Open: func(t testing.TB) *sqlx.DB { return e.Open(t, opts...) },
	})
}
