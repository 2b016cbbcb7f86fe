package keys_test

import (
	"fmt"
	"testing"

	"github.com/goupsert/upsert/internal/faults"
)

// The kill matrix: at every boundary of Run, on every engine and isolation level, something is killed, and the call is
// repeated. The effect must be there once, and its token must be what every caller is told.

// TestKillSession ends the server's side of the connection. On SQLite, which has none, it closes the connection.
func TestKillSession(t *testing.T) {
	t.Parallel()
	grounds(t, func(g *ground) {
		g.atEachPoint("session", (*faults.Point).KillSession)
	})
}

// TestKillConnection loses the connection on the caller's side: before, the statement does not arrive; after, its answer
// does not. It is for SQLite: where there is a wire, that is cut.
func TestKillConnection(t *testing.T) {
	t.Parallel()
	grounds(t, func(g *ground) {
		if !g.wire() {
			g.atEachPoint("connection", faults.Cut)
		}
	})
}

// atEachPoint does that at each point of a call, alone.
func (g *ground) atEachPoint(name string, do faults.Hook) {
	g.Helper()
	db := g.trapped()
	for _, s := range g.scenarios() {
		for _, at := range g.points(s) {
			for _, m := range s.moments() {
				what := fmt.Sprintf("%s: %s lost %v %v", s, name, m, &at)
				id := fmt.Sprintf("%s-%s-%d-%v", s, name, at.Index, m)
				g.prepare(s, id)
				db.clear()
				trap := db.at(at.Index, m, do)
				c := g.run(s, db.store, id)
				if !trap.Sprung() {
					g.Errorf("%s: the call did not come that far", what)
				}
				lostCommit := at.Kind == faults.Commit && m == faults.After
				g.wantAbsorbed(what, s, c, lostCommit)
				g.wantOnce(what, s, id, &c, db.store, g.store)
			}
		}
	}
}

// TestKillConnectionTwice loses the answer of the commit, and then the connection that is to tell what became of it.
func TestKillConnectionTwice(t *testing.T) {
	t.Parallel()
	grounds(t, func(g *ground) {
		if g.wire() {
			return // TestKillWireTwice
		}
		commit, db := g.commit(g.points(fresh)), g.trapped()
		for _, m := range []faults.Moment{faults.Before, faults.After} {
			for next, sprung := 0, true; sprung; next++ {
				what := fmt.Sprintf("commit's answer lost, then the connection %v point %d after it", m, next+1)
				id := fmt.Sprintf("twice-%v-%d", m, next)
				db.clear()
				db.at(commit, faults.After, faults.Cut)
				trap := db.at(commit+1+next, m, faults.Cut)
				c := g.run(fresh, db.store, id)
				sprung = trap.Sprung()
				if next == 0 && !sprung {
					g.Errorf("%s: nothing was asked after the commit", what)
				}
				g.wantAbsorbed(what, fresh, c, true)
				g.wantOnce(what, fresh, id, &c, db.store, g.store)
			}
		}
	})
}
