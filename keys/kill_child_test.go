package keys_test

import (
	"database/sql"
	"fmt"
	"testing"

	"github.com/goupsert/upsert/internal/faults"
)

// killJob is a call that a child process makes, and the point at which the child dies.
type killJob struct {
	Driver, DSN string
	Scenario    scenario
	ID          string
	Level       sql.IsolationLevel
	Index       int
	Moment      faults.Moment
}

// TestKillChild is not a test. It is the code of the child processes.
func TestKillChild(t *testing.T) {
	t.Parallel()
	var j killJob
	report, ok := faults.Job(t, &j)
	if !ok {
		return
	}
	db := newTrapped(t, j.Driver, j.DSN)
	db.at(j.Index, j.Moment, faults.Kill)
	c := j.Scenario.run(t.Context(), db.store, j.ID, j.Level)
	report(fmt.Sprint(c))
}

// TestKillProcess kills a process with SIGKILL at each point of its call. The test's own process then acts as the second
// process.
func TestKillProcess(t *testing.T) {
	t.Parallel()
	grounds(t, func(g *ground) {
		other := openStore(g, g.ns.DB())
		for _, s := range g.scenarios() {
			points := g.points(s)
			for _, at := range points {
				for _, m := range s.moments() {
					what := fmt.Sprintf("%s: killed %v %v", s, m, &at)
					id := fmt.Sprintf("%s-process-%d-%v", s, at.Index, m)
					g.prepare(s, id)
					exit := faults.RunChild(g, "TestKillChild", killJob{faults.DriverName(g.ns), g.ns.DSN(), s, id, g.level, at.Index, m})
					if !exit.Killed {
						g.Errorf("%s: the child was not killed; want its call to reach this point", what)
					}
					if s == fresh {
						g.wantCommitted(what, id, at.Index > g.commit(points) || at.Kind == faults.Commit && m == faults.After)
					}
					g.wantOnce(what, s, id, nil, g.store, other)
				}
			}
		}
	})
}

// wantCommitted wants one effect if the commit happened, and no effect otherwise.
func (g *ground) wantCommitted(what, id string, committed bool) {
	g.Helper()
	if there := g.tokens(id); (len(there) == 1) != committed {
		g.Errorf("%s: the effects are %q; want one: %v", what, there, committed)
	}
}
