package keys_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/goupsert/upsert/internal/faults"
)

// TestKillSessionOthersWaitFor ends a session at each point after its claim, when another caller is about to wait for the
// same key. One of the two callers has the effect, and the other caller gets its result.
func TestKillSessionOthersWaitFor(t *testing.T) {
	t.Parallel()
	grounds(t, func(g *ground) {
		db, other := g.trapped(), g.trapped()
		points := g.points(fresh)
		for _, at := range points {
			if at.Index < g.claim(points) {
				continue
			}
			what, id := fmt.Sprintf("session lost after %v", &at), fmt.Sprintf("waiter-%d", at.Index)
			var waiter call
			var waiting sync.WaitGroup
			db.clear()
			trap := db.at(at.Index, faults.After, func(p *faults.Point) error {
				claims := make(chan struct{})
				other.clear()
				other.at(g.claim(points), faults.Before, func(*faults.Point) error { close(claims); return nil })
				waiting.Go(func() { waiter = g.run(fresh, other.store, id) })
				select {
				case <-claims:
				case <-g.Context().Done():
				}
				return p.KillSession()
			})
			first := g.run(fresh, db.store, id)
			waiting.Wait()
			if !trap.Sprung() {
				g.Errorf("%s: the call did not reach this point", what)
			}
			if first.Replayed == waiter.Replayed || first.Token != waiter.Token {
				g.Errorf("%s: %+v, and the waiter %+v; want one effect and one replay", what, first, waiter)
			}
			g.wantOnce(what, fresh, id, &first, db.store)
			g.wantOnce(what, fresh, id, &waiter, g.store)
		}
	})
}

// claim returns the index of the statement that claims the key.
func (g *ground) claim(points []faults.Point) int {
	g.Helper()
	for _, p := range points {
		if strings.Contains(p.Text, "INSERT") {
			return p.Index
		}
	}
	g.Fatalf("no claim among %d points", len(points))
	return 0
}
