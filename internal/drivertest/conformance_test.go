package drivertest_test

import (
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/conformance"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/pgxcopy"
	"github.com/jmoiron/sqlx"
)

// throughPgx lets the path Copy work with pgx.
var throughPgx = upsert.CopyThrough(pgxcopy.From)

// TestConformance runs the suite with drivers that the library's own run of the suite does not cover.
func TestConformance(t *testing.T) {
	t.Parallel()
	exercise(t, "sqlite", conformance.Server{Name: "modernc.org/sqlite"}, engine.Driver("sqlite"), engine.Param("_time_format", "sqlite")) // the format that the library writes
	for _, on := range []string{"postgres", "postgres18"} {
		exercise(t, on, conformance.Server{Name: "pgx on " + on, Options: []upsert.Option{throughPgx}}, engine.Driver("pgx"))
		exercise(t, on, conformance.Server{Name: "plain tables, pgx on " + on, Options: []upsert.Option{throughPgx}, Plain: true}, engine.Driver("pgx"))
		overPaths(t, on, "pgx on "+on, engine.Driver("pgx"))
	}
	// The mode of pgx decides which statements pgx prepares and how pgx sends the other statements.
	for _, mode := range []string{"cache_describe", "exec", "simple_protocol"} {
		overPaths(t, "postgres", "pgx with "+mode, engine.Driver("pgx"), engine.Param("default_query_exec_mode", mode))
	}
}

// overPaths runs the suite for each path that batches can use with pgx. In the caller's transaction pgx cannot copy.
func overPaths(t *testing.T, on, name string, opts ...engine.Option) {
	t.Helper()
	for _, path := range []upsert.Path{upsert.Values, upsert.Arrays, upsert.Copy} {
		s := conformance.Server{Name: name + " via " + path.String(), Options: []upsert.Option{throughPgx, upsert.Via(path)}}
		if path == upsert.Copy {
			s.InTx = []upsert.Option{throughPgx}
		}
		exercise(t, on, s, opts...)
	}
}

func exercise(t *testing.T, on string, s conformance.Server, opts ...engine.Option) {
	t.Helper()
	e := engine.Get(on)
	s.Dialect, s.Open = e.Dialect(), func(t testing.TB) *sqlx.DB { return e.Open(t, opts...) }
	conformance.Exercise(t, s)
}
