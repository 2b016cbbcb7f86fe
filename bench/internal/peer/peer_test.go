package peer_test

import (
	"database/sql"
	"os"
	"strings"
	"testing"

	"github.com/goupsert/upsert/bench/internal/contest"
	"github.com/goupsert/upsert/bench/internal/peer"
	"github.com/goupsert/upsert/bench/internal/place"
	"github.com/goupsert/upsert/bench/internal/row"
	"github.com/goupsert/upsert/internal/engine"
)

func TestMain(m *testing.M) { os.Exit(engine.Run(m, engine.Also("mysql57"))) }

// rowsOf has whole statements and a rest, of every way.
const rowsOf = 2100

// exercise runs every way once in every case, and checks what each left.
func exercise[R any](t *testing.T, e *engine.Engine, s *row.Shape[R], n int, peers []peer.Peer[R], cases ...place.Case) {
	t.Helper()
	ctx := t.Context()
	p, err := place.New(t, e, s.Columns)
	if err != nil {
		t.Fatal(err)
	}
	if err := place.Fill(ctx, p, s, n); err != nil {
		t.Fatal(err)
	}
	entries, err := peer.Entries(ctx, p, peers, s.Rows(n, row.Fresh))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		for _, entry := range entries {
			if err := p.Restore(ctx, c); err != nil {
				t.Fatal(err)
			}
			if err := entry.Write(ctx); err != nil {
				t.Errorf("%s, %s: %v", entry.Way, c, err)
				continue
			}
			if err := p.Check(ctx); err != nil {
				t.Errorf("%s, %s: %v", entry.Way, c, err)
			}
		}
	}
}

func TestBatchesLeaveTheRows(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		s := row.Accounts()
		exercise(t, e, s, rowsOf, peer.Batches(e.Dialect(), s), place.Cases()...)
	})
}

func TestSinglesLeaveTheRows(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		s := row.Accounts()
		exercise(t, e, s, 20, peer.Singles(e.Dialect(), s), place.Cases()...)
	})
}

func TestToldLeaveTheRows(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		s := row.Accounts()
		exercise(t, e, s, 50, peer.Told(e.Dialect(), s), place.Cases()...)
	})
}

func TestOtherShapes(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		d := e.Dialect()
		narrow, wide, named := row.ThreeColumns(), row.ThirtyColumns(), row.TextKeys()
		exercise(t, e, narrow, rowsOf, peer.Batches(d, narrow), place.Half)
		exercise(t, e, wide, rowsOf, peer.Batches(d, wide), place.Half)
		exercise(t, e, named, rowsOf, peer.Batches(d, named), place.Half)
	})
}

// TestLoadDataLoads has servers of its own, because a server counts everybody's statements.
func TestLoadDataLoads(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		if d := e.Dialect(); d != "mariadb" && d != "mysql" {
			t.Skipf("%s has no LOAD DATA", d)
		}
		e = engine.Own(t, e.Name())
		s := row.Accounts()
		p, err := place.New(t, e, s.Columns)
		if err != nil {
			t.Fatal(err)
		}
		db, err := p.Open(p.Driver())
		if err != nil {
			t.Fatal(err)
		}
		entries, err := peer.Entries(t.Context(), p, peer.Batches(e.Dialect(), s), s.Rows(rowsOf, row.Fresh))
		if err != nil {
			t.Fatal(err)
		}
		kinds := map[contest.Kind]bool{}
		for _, entry := range entries {
			before := loads(t, db)
			if err := entry.Write(t.Context()); err != nil {
				t.Fatal(err)
			}
			named := strings.Contains(entry.Way.Name, "LOAD DATA")
			if loaded := loads(t, db) > before; loaded != named {
				t.Errorf("%s ran LOAD DATA: %v, want %v", entry.Way, loaded, named)
			}
			kinds[entry.Way.Kind] = kinds[entry.Way.Kind] || named
		}
		if !kinds[contest.Library] || !kinds[contest.ByHand] {
			t.Error("LOAD DATA is not among the library's ways and those by hand")
		}
	})
}

func loads(t *testing.T, db *sql.DB) (n int) {
	t.Helper()
	var name string
	if err := db.QueryRowContext(t.Context(), "SHOW GLOBAL STATUS LIKE 'Com_load'").Scan(&name, &n); err != nil {
		t.Fatal(err)
	}
	return n
}
