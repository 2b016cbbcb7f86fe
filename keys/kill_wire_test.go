package keys_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

// wired is a pool behind a proxy. It keeps no idle connection.
type wired struct {
	proxy *faults.Proxy
	store *keys.Store
	begin int // the first request of the next calls
}

func (g *ground) wired() *wired {
	g.Helper()
	w := &wired{proxy: faults.NewProxy(g, g.ns)}
	db, err := sqlx.Open(faults.DriverName(g.ns), w.proxy.DSN())
	if err != nil {
		g.Fatal(err)
	}
	g.Cleanup(func() { db.Close() })
	db.SetMaxIdleConns(0)
	w.store = openStore(g, db)
	w.clear()
	return w
}

// clear restarts the count of requests and lets all requests pass.
func (w *wired) clear() {
	w.proxy.Obey(nil)
	w.begin = len(w.proxy.Requests())
}

// came returns the requests of the calls. The first request is 0.
func (w *wired) came() []faults.Request {
	came := w.proxy.Requests()[w.begin:]
	for i := range came {
		came[i].Index = i
	}
	return came
}

// wires runs fn on each engine that has a network connection.
func wires(t *testing.T, fn func(g *ground)) {
	t.Helper()
	grounds(t, func(g *ground) {
		if g.wire() {
			fn(g)
		}
	})
}

// requests returns the requests of a call without faults, and the index of the first commit.
func (g *ground) requests(s scenario) (requests []faults.Request, commit int) {
	g.Helper()
	id := string(s) + "-clean"
	g.prepare(s, id)
	w := g.wired()
	c := g.run(s, w.store, id)
	requests = w.came()
	g.wantAbsorbed("a clean "+string(s), s, c, true)
	for _, r := range requests {
		if r.Kind == faults.Commit {
			return requests, r.Index
		}
	}
	return requests, -1
}

// TestKillWire cuts the network connection at each request, before or after the server receives the request. The caller gets
// no answer.
func TestKillWire(t *testing.T) {
	t.Parallel()
	wires(t, func(g *ground) {
		w := g.wired()
		for _, s := range g.scenarios() {
			requests, _ := g.requests(s)
			for _, at := range requests {
				for _, f := range fates(at.Kind) {
					what := fmt.Sprintf("%s: %v of %d %v %.60s", s, f, at.Index, at.Kind, at.Text)
					id := fmt.Sprintf("%s-wire-%d-%v", s, at.Index, f)
					g.prepare(s, id)
					w.clear()
					w.proxy.Obey(faults.Nth(w.begin+at.Index, f))
					c := g.run(s, w.store, id)
					if len(w.came()) <= at.Index {
						g.Errorf("%s: the call did not reach this point", what)
					}
					g.wantAbsorbed(what, s, c, at.Kind == faults.Commit && (f == faults.Lose || f == faults.LoseReset))
					g.wantOnce(what, s, id, &c, w.store, g.store)
				}
			}
		}
	})
}

// TestKillWireTwice loses the answer of the commit, and then the network connection that asks for the result of the commit.
func TestKillWireTwice(t *testing.T) {
	t.Parallel()
	wires(t, func(g *ground) {
		_, commit := g.requests(fresh)
		w := g.wired()
		for _, f := range []faults.Fate{faults.Swallow, faults.LoseReset} {
			for next, came := 1, true; came; next++ {
				what := fmt.Sprintf("commit's answer lost, then %v of request %d after it", f, next)
				id := fmt.Sprintf("wire-twice-%v-%d", f, next)
				w.clear()
				begin := w.begin
				w.proxy.Obey(func(r faults.Request) faults.Fate {
					switch r.Index - begin {
					case commit:
						return faults.Lose
					case commit + next:
						return f
					}
					return faults.Pass
				})
				c := g.run(fresh, w.store, id)
				came = len(w.came()) > commit+next
				if next == 1 && !came {
					g.Errorf("%s: no question was sent after the commit", what)
				}
				g.wantAbsorbed(what, fresh, c, true)
				g.wantOnce(what, fresh, id, &c, w.store, g.store)
			}
		}
	})
}

// TestKillWireLate ends only the caller's side of the connection. The server's session keeps its locks. It continues with
// the delayed request only after the caller has begun again.
func TestKillWireLate(t *testing.T) {
	t.Parallel()
	wires(t, func(g *ground) {
		w := g.wired()
		for _, s := range g.scenarios() {
			requests, _ := g.requests(s)
			for _, at := range requests {
				what := fmt.Sprintf("%s: %d %v %.60s is late", s, at.Index, at.Kind, at.Text)
				id := fmt.Sprintf("%s-late-%d", s, at.Index)
				g.prepare(s, id)
				w.clear()
				var releases sync.WaitGroup
				begin := w.begin
				w.proxy.Obey(func(r faults.Request) faults.Fate {
					switch {
					case r.Index == begin+at.Index:
						return faults.Late
					case r.Index > begin+at.Index && isClaim(r):
						releases.Go(w.proxy.Release) // Release waits for the server, and the server may wait for this request
					}
					return faults.Pass
				})
				c := g.run(s, w.store, id)
				w.proxy.Obey(nil)
				w.proxy.Release()
				releases.Wait()
				g.wantAbsorbed(what, s, c, false)
				g.wantOnce(what, s, id, &c, w.store, g.store)
			}
		}
	})
}

// isClaim reports whether the request is the claim, which waits for a session that has the key.
func isClaim(r faults.Request) bool { return strings.Contains(r.Text, "INSERT") }
