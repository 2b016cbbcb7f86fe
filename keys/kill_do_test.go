package keys_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

// The tests of this file kill at every step of Do. The provider counts the charges by their downstream keys, and must have one
// charge in the end.

// provider is a payment provider that has its effect once for each downstream key. It stores the key's ID for the test.
type provider struct{ db *sqlx.DB }

func (p provider) charge(ctx context.Context, h *keys.Held) (string, error) {
	var tokens []string
	if err := p.db.SelectContext(ctx, &tokens, "SELECT token FROM effects WHERE token LIKE '"+h.Downstream()+"%'"); err != nil || len(tokens) > 0 {
		return fmt.Sprint(tokens), err
	}
	token := h.Downstream() + " " + rand.Text()
	_, err := p.db.ExecContext(ctx, "INSERT INTO effects (id, token) VALUES ('"+h.Key().ID+"', '"+token+"')")
	return fmt.Sprint([]string{token}), err
}

// do makes a call of Do that charges.
func (p provider) do(ctx context.Context, store *keys.Store, id string, policy ...keys.DoOption) (c call) {
	ctx, cancel := context.WithTimeout(ctx, killPatience)
	defer cancel()
	key := keys.Key{Scope: "kill", Op: "charge", ID: id}
	c.Token, c.Replayed, c.Err = keys.Do(ctx, store, key, keys.Fingerprint{}, func(ctx context.Context, h *keys.Held) (string, error) {
		c.Calls++
		return p.charge(ctx, h)
	}, append([]keys.DoOption{keys.Rerun()}, policy...)...)
	return c
}

// doGrounds runs fn on each engine. Do has no isolation level.
func doGrounds(t *testing.T, fn func(g *ground, p provider)) {
	t.Helper()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		g := newGround(t, e, sql.LevelDefault)
		fn(g, provider{g.db})
	})
}

// wantCharged wants one charge, and its token as the answer to each later caller. first is nil if the first caller was killed.
func (g *ground) wantCharged(p provider, what, id string, first *call, stores ...*keys.Store) {
	g.Helper()
	if first != nil && (first.Err != nil || first.Replayed || first.Calls != 1) {
		g.Errorf("%s: replayed %v, fn called %d times, %v; want the result of a call without faults", what, first.Replayed, first.Calls, first.Err)
	}
	g.endLeases()
	for i, store := range stores {
		c := p.do(g.Context(), store, id)
		if c.Err != nil || first != nil && c.Token != first.Token || (first != nil || i > 0) && !c.Replayed {
			g.Errorf("%s: repeated: %q, replayed %v, %v; want the first answer", what, c.Token, c.Replayed, c.Err)
		}
		first = &c
	}
	if there := g.tokens(id); len(there) != 1 {
		g.Errorf("%s: the charges are %q; want one", what, there)
	}
}

// endLeases moves the end of all leases into the past.
func (g *ground) endLeases() {
	g.Helper()
	if _, err := g.db.ExecContext(g.Context(), "UPDATE idempotency_keys SET lease_until = '2000-01-01 00:00:00.000' WHERE state = 6"); err != nil {
		g.Fatal(err)
	}
}

// doPoints returns the points of a call of Do without faults. The first point is 0.
func (g *ground) doPoints(p provider) (points []faults.Point) {
	g.Helper()
	db := g.trapped()
	defer db.db.Close()
	c := p.do(g.Context(), db.store, "clean")
	for _, at := range db.db.Points() {
		if at.Index -= db.begin; at.Index >= 0 {
			points = append(points, at)
		}
	}
	g.wantCharged(p, "a clean call", "clean", &c, g.store)
	return points
}

// TestKillDo loses the session or the connection at each point of Do.
func TestKillDo(t *testing.T) {
	t.Parallel()
	doGrounds(t, func(g *ground, p provider) {
		db, points := g.trapped(), g.doPoints(p)
		for name, do := range map[string]faults.Hook{"session": (*faults.Point).KillSession, "connection": faults.Cut} {
			for _, at := range points {
				for _, m := range []faults.Moment{faults.Before, faults.After} {
					what, id := fmt.Sprintf("%s lost %v %v", name, m, &at), fmt.Sprintf("%s-%d-%v", name, at.Index, m)
					db.clear()
					trap := db.at(at.Index, m, do)
					c := p.do(g.Context(), db.store, id)
					if !trap.Sprung() {
						g.Errorf("%s: the call did not reach this point", what)
					}
					g.wantCharged(p, what, id, &c, db.store, g.store)
				}
			}
		}
	})
}

// TestKillDoContext ends the caller's context at each point of Do. If fn has returned, its answer must be stored all the same.
func TestKillDoContext(t *testing.T) {
	t.Parallel()
	doGrounds(t, func(g *ground, p provider) {
		db := g.trapped()
		for _, at := range g.doPoints(p) {
			for _, m := range []faults.Moment{faults.Before, faults.After} {
				what, id := fmt.Sprintf("cancelled %v %v", m, &at), fmt.Sprintf("context-%d-%v", at.Index, m)
				db.clear()
				ctx, cancel := context.WithCancel(g.Context())
				db.at(at.Index, m, func(*faults.Point) error { cancel(); return nil })
				c := p.do(ctx, db.store, id)
				first := &c
				if c.Err != nil {
					g.wantOver(what, c)
					first = nil
				}
				if c.Calls == 0 { // the key must be free, and not left without an answer
					if next := p.do(g.Context(), g.store, id, keys.Park(), keys.MaxWait(10*time.Second)); next.Err != nil {
						g.Errorf("%s: repeated: %v; want fn to be called", what, next.Err)
					}
				}
				g.wantCharged(p, what, id, first, db.store, g.store)
			}
		}
	})
}

// TestKillDoProbe loses the connection at each point of a call that takes a key over and asks the provider. fn must not be called.
func TestKillDoProbe(t *testing.T) {
	t.Parallel()
	doGrounds(t, func(g *ground, p provider) {
		ask := keys.Probe(func(ctx context.Context, h *keys.Held) (string, bool, error) {
			token, err := p.charge(ctx, h)
			return token, true, err
		})
		g.takeOvers(p, "probe", func(db *trapped, at int, m faults.Moment, what, id string) {
			db.at(at, m, faults.Cut)
			c := p.do(g.Context(), db.store, id, ask)
			if c.Err != nil || c.Calls != 0 || !c.Replayed {
				g.Errorf("%s: replayed %v, fn called %d times, %v; want the probe's answer", what, c.Replayed, c.Calls, c.Err)
			}
		})
	})
}

// TestKillDoTakeover ends the caller's context at each point of a call that takes a key over. If fn was not called, the key must
// be left without an answer, as before.
func TestKillDoTakeover(t *testing.T) {
	t.Parallel()
	doGrounds(t, func(g *ground, p provider) {
		g.takeOvers(p, "takeover", func(db *trapped, at int, m faults.Moment, what, id string) {
			ctx, cancel := context.WithCancel(g.Context())
			defer cancel()
			db.at(at, m, func(*faults.Point) error { cancel(); return nil })
			c := p.do(ctx, db.store, id)
			if c.Calls > 0 {
				return
			}
			var parked *keys.ParkedError
			if next := p.do(g.Context(), g.store, id, keys.Park(), keys.MaxWait(10*time.Second)); !errors.As(next.Err, &parked) {
				g.Errorf("%s: told %v, and repeated: %v; want a *ParkedError", what, c.Err, next.Err)
			}
			if err := g.store.Release(g.Context(), keys.Key{Scope: "kill", Op: "charge", ID: id}); err != nil {
				g.Errorf("%s: Release: %v", what, err)
			}
		})
	})
}

// takeOvers calls f for each point of a call that takes a key over. The provider has charged for the key.
func (g *ground) takeOvers(p provider, name string, f func(db *trapped, at int, m faults.Moment, what, id string)) {
	g.Helper()
	db, last := g.trapped(), 1
	for at := 0; at < last; at++ {
		for _, m := range []faults.Moment{faults.Before, faults.After} {
			what, id := fmt.Sprintf("%s: %v point %d", name, m, at), fmt.Sprintf("%s-%d-%v", name, at, m)
			key := keys.Key{Scope: "kill", Op: "charge", ID: id}
			_, _, err := keys.Do(g.Context(), g.store, key, keys.Fingerprint{}, func(ctx context.Context, h *keys.Held) (string, error) {
				_, err := p.charge(ctx, h)
				return "", errors.Join(err, errUnsure)
			})
			if !errors.Is(err, errUnsure) {
				g.Errorf("%s: the first call: %v", what, err)
			}
			g.endLeases()
			db.clear()
			f(db, at, m, what, id)
			last = max(last, db.db.Next()-db.begin)
			g.wantCharged(p, what, id, nil, g.store)
		}
	}
}

// doJob is a call of Do that a child process makes, and the point at which the child dies.
type doJob struct {
	Driver, DSN, ID string
	Index           int
	Moment          faults.Moment
}

// TestKillDoChild is not a test. It is the code of the child processes.
func TestKillDoChild(t *testing.T) {
	t.Parallel()
	var j doJob
	report, ok := faults.Job(t, &j)
	if !ok {
		return
	}
	plain, err := sqlx.Open(j.Driver, j.DSN)
	if err != nil {
		t.Fatal(err)
	}
	db := newTrapped(t, j.Driver, j.DSN)
	db.at(j.Index, j.Moment, faults.Kill)
	report(fmt.Sprint(provider{plain}.do(t.Context(), db.store, j.ID)))
}

// TestKillDoProcess kills a process with SIGKILL at each point of Do, and between the charge and the next point.
func TestKillDoProcess(t *testing.T) {
	t.Parallel()
	doGrounds(t, func(g *ground, p provider) {
		other := openStore(g, g.ns.DB())
		for _, at := range g.doPoints(p) {
			for _, m := range []faults.Moment{faults.Before, faults.After} {
				what, id := fmt.Sprintf("killed %v %v", m, &at), fmt.Sprintf("process-%d-%v", at.Index, m)
				exit := faults.RunChild(g, "TestKillDoChild", doJob{faults.DriverName(g.ns), g.ns.DSN(), id, at.Index, m})
				if !exit.Killed {
					g.Errorf("%s: the child was not killed; want its call to reach this point", what)
				}
				g.wantCharged(p, what, id, nil, g.store, other)
			}
		}
	})
}

// TestKillDoWire cuts the network connection at each request of Do, before or after the server receives the request.
func TestKillDoWire(t *testing.T) {
	t.Parallel()
	doGrounds(t, func(g *ground, p provider) {
		if !g.wire() {
			return // TestKillDo tests this
		}
		w := g.wired()
		clean := p.do(g.Context(), w.store, "wire-clean")
		requests := w.came()
		g.wantCharged(p, "a clean call", "wire-clean", &clean, g.store)
		for _, at := range requests {
			for _, f := range fates(at.Kind) {
				what, id := fmt.Sprintf("%v of %d %v %.60s", f, at.Index, at.Kind, at.Text), fmt.Sprintf("wire-%d-%v", at.Index, f)
				w.clear()
				w.proxy.Obey(faults.Nth(w.begin+at.Index, f))
				c := p.do(g.Context(), w.store, id)
				if len(w.came()) <= at.Index {
					g.Errorf("%s: the call did not reach this point", what)
				}
				g.wantCharged(p, what, id, &c, w.store, g.store)
			}
		}
	})
}
