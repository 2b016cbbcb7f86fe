package keys_test

import (
	"fmt"
	"testing"

	"github.com/goupsert/upsert/internal/faults"
)

// The kill tests stop a session, a connection, a process or a context at every point of Run, on every engine and isolation
// level, and then repeat the call. The effect must be stored once, and every caller must receive the token of this effect.

// TestKillSession ends the server's side of the connection. SQLite has no server, so there the test closes the connection.
func TestKillSession(t *testing.T) {
	t.Parallel()
	grounds(t, func(g *ground) {
		g.atEachPoint("session", (*faults.Point).KillSession)
	})
}

// TestKillConnection loses the connection on the caller's side. Before a statement, the statement does not arrive; after it,
// its answer does not arrive. The test runs only on SQLite. For other databases TestKillWire cuts the network connection.
func TestKillConnection(t *testing.T) {
	t.Parallel()
	grounds(t, func(g *ground) {
		if !g.wire() {
			g.atEachPoint("connection", faults.Cut)
		}
	})
}

// atEachPoint calls do at each point of a call, one point per run.
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
					g.Errorf("%s: the call did not reach this point", what)
				}
				lostCommit := at.Kind == faults.Commit && m == faults.After
				g.wantAbsorbed(what, s, c, lostCommit)
				g.wantOnce(what, s, id, &c, db.store, g.store)
			}
		}
	}
}

// TestKillConnectionTwice loses the answer of the commit, and then the connection that asks for the result of the commit.
func TestKillConnectionTwice(t *testing.T) {
	t.Parallel()
	grounds(t, func(g *ground) {
		if g.wire() {
			return // TestKillWireTwice tests this
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
					g.Errorf("%s: no question was sent after the commit", what)
				}
				g.wantAbsorbed(what, fresh, c, true)
				g.wantOnce(what, fresh, id, &c, db.store, g.store)
			}
		}
	})
}
