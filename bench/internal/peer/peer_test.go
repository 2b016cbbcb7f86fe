package peer_test

import (
	"os"
	"testing"

	"github.com/goupsert/upsert/bench/internal/peer"
	"github.com/goupsert/upsert/bench/internal/place"
	"github.com/goupsert/upsert/bench/internal/row"
	"github.com/goupsert/upsert/internal/engine"
)

func TestMain(m *testing.M) { os.Exit(engine.Run(m)) }

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
