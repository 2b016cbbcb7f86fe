package keys_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/keys"
)

// The tests of this file check calls whose context ends. If the effect was stored, the caller must not be told that it was
// not.

// TestKillContext ends the caller's context at each point of the call.
func TestKillContext(t *testing.T) {
	t.Parallel()
	grounds(t, func(g *ground) {
		db := g.trapped()
		for _, s := range g.scenarios() {
			for _, at := range g.points(s) {
				for _, m := range s.moments() {
					what := fmt.Sprintf("%s: cancelled %v %v", s, m, &at)
					id := fmt.Sprintf("%s-context-%d-%v", s, at.Index, m)
					g.prepare(s, id)
					db.clear()
					ctx, cancel := context.WithCancel(g.Context())
					db.at(at.Index, m, func(*faults.Point) error { cancel(); return nil })
					c := s.run(ctx, db.store, id, g.level)
					g.wantOver(what, c)
					g.wantOnce(what, s, id, &c, db.store, g.store)
				}
			}
		}
	})
}

// wantOver wants an answer, the error of the context, an error that reports doubt, or the error of fn.
func (g *ground) wantOver(what string, c call) {
	g.Helper()
	if c.own != nil && errors.Is(c.Err, c.own) {
		return
	}
	if c.Err != nil && !c.declined() && !c.doubtful() && !errors.Is(c.Err, context.Canceled) {
		g.Errorf("%s: %v; want an answer or context.Canceled", what, c.Err)
	}
}

// TestKillContextAndCommit loses the commit or its answer while the caller's context ends. Only the database knows which of
// the two was lost, so the library asks the database for a short time.
func TestKillContextAndCommit(t *testing.T) {
	t.Parallel()
	grounds(t, func(g *ground) {
		commit, db := g.commit(g.points(fresh)), g.trapped()
		for _, m := range []faults.Moment{faults.Before, faults.After} {
			what, id := fmt.Sprintf("cancelled and cut %v the commit", m), fmt.Sprintf("cancelled-%v", m)
			db.clear()
			ctx, cancel := context.WithCancel(g.Context())
			db.at(commit, m, func(p *faults.Point) error { cancel(); return faults.Cut(p) })
			c := fresh.run(ctx, db.store, id, g.level)
			if done := c.Err == nil; !c.doubtful() && (done != (m == faults.After) || !done && !errors.Is(c.Err, context.Canceled)) {
				g.Errorf("%s: %v; want nil if the commit happened, context.Canceled if it did not, or an error that reports doubt", what, c.Err)
			}
			g.wantOnce(what, fresh, id, &c, db.store, g.store)
		}
	})
}

// TestKillContextAndLateCommit delays the commit until the library asks for the key. On a slow machine there may be no time
// to ask, and the caller is told that the result is unknown. This must not happen in all attempts.
func TestKillContextAndLateCommit(t *testing.T) {
	t.Parallel()
	wires(t, func(g *ground) {
		var c call
		for n := range 10 {
			c = g.cancelAtCommit(fmt.Sprint("late", n), func(w *wired, r faults.Request) faults.Fate {
				if isClaim(r) {
					go w.proxy.Release() // Release waits for the server, and the server may wait for this request
				}
				return faults.Pass
			})
			if !c.doubtful() {
				break
			}
		}
		if c.Err != nil {
			g.Errorf("cancelled as the commit was sent, then late: %v; want nil, since it was committed", c.Err)
		}
	})
}

// TestKillContextAndAllElse blocks all questions about the commit, so that the caller is told that the result is unknown.
func TestKillContextAndAllElse(t *testing.T) {
	t.Parallel()
	wires(t, func(g *ground) {
		c := g.cancelAtCommit("all", func(*wired, faults.Request) faults.Fate { return faults.Swallow })
		var u *keys.UnknownError
		if !errors.As(c.Err, &u) {
			g.Errorf("cancelled as the commit was sent, then all: %v; want an UnknownError", c.Err)
		}
	})
}

// cancelAtCommit delays the commit, ends the context, and then applies the rule to all later requests. It returns the result
// of the call. After the same call has been repeated, the effect must be stored once.
func (g *ground) cancelAtCommit(name string, then func(*wired, faults.Request) faults.Fate) call {
	g.Helper()
	_, commit := g.requests(fresh)
	what, id := "cancelled as the commit was sent, then "+name, "cancelled-"+name
	w := g.wired()
	ctx, cancel := context.WithCancel(g.Context())
	begin := w.begin
	w.proxy.Obey(func(r faults.Request) faults.Fate {
		switch index := r.Index - begin; {
		case index == commit:
			cancel()
			return faults.Late
		case index > commit:
			return then(w, r)
		}
		return faults.Pass
	})
	c := fresh.run(ctx, w.store, id, g.level)
	w.proxy.Obey(nil)
	w.proxy.Release()
	g.wantOnce(what, fresh, id, &c, w.store, g.store)
	return c
}
