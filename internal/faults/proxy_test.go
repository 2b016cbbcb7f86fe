package faults_test

import (
	"errors"
	"syscall"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/faults"
)

// wired runs fn on the engines that have a wire protocol.
func wired(t *testing.T, fn func(t *testing.T, e *engine.Engine)) {
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		if e.Dialect() != "sqlite" {
			fn(t, e)
		}
	})
}

// through does the work through a proxy with the given rule.
func through(t *testing.T, e *engine.Engine, rule faults.Rule) (p *faults.Proxy, rows func() int, err error) {
	t.Helper()
	ns, rows := table(t, e)
	p = faults.NewProxy(t, ns)
	p.Obey(rule)
	return p, rows, work(t.Context(), plain(t, faults.DriverName(ns), p.DSN()))
}

func TestProxyAtEachRequest(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, e *engine.Engine) {
		clean, _, err := through(t, e, nil)
		if err != nil {
			t.Fatal(err)
		}
		requests := clean.Requests()
		for _, at := range requests {
			for _, f := range []faults.Fate{faults.Swallow, faults.SwallowReset, faults.Lose, faults.LoseReset, faults.Late} {
				p, rows, err := through(t, e, faults.Nth(at.Index, f))
				if len(p.Requests()) <= at.Index {
					t.Fatalf("%v of %+v: the proxy saw only %d requests", f, at, len(p.Requests()))
				}
				got := rows()
				p.Release()
				released := rows()
				want, wantReleased := 0, 0
				switch {
				case err == nil && at.Kind != faults.Commit: // the work began again on another connection
					want, wantReleased = inserts, inserts
				case at.Kind == faults.Commit && (f == faults.Lose || f == faults.LoseReset):
					want, wantReleased = inserts, inserts
				case at.Kind == faults.Commit && f == faults.Late:
					wantReleased = inserts
				}
				if got != want || released != wantReleased || err == nil && at.Kind == faults.Commit {
					t.Errorf("%v of %+v: %v, %d rows, then %d; want %d, then %d", f, at, err, got, released, want, wantReleased)
				}
				reset := f == faults.SwallowReset || f == faults.LoseReset
				if at.Kind == faults.Commit && e.Dialect() == "postgres" && errors.Is(err, syscall.ECONNRESET) != reset {
					t.Errorf("%v of %+v: %v; want a reset: %v", f, at, err, reset)
				}
			}
		}
	})
}

func TestProxyCutsNow(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, e *engine.Engine) {
		for _, reset := range []bool{false, true} {
			ns, rows := table(t, e)
			p := faults.NewProxy(t, ns)
			hook := func(at *faults.Point) error {
				if at.Kind == faults.Commit && at.Moment == faults.Before {
					p.Cut(reset, 0)
				}
				return nil
			}
			err := work(t.Context(), faults.OpenDSN(t, faults.DriverName(ns), p.DSN(), hook).DB)
			if got := rows(); err == nil || got != 0 {
				t.Errorf("cut before the commit (reset %v): %v, %d rows; want an error and 0", reset, err, got)
			}
			p.Cut(reset)
		}
	})
}

func TestProxyNext(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, e *engine.Engine) {
		ns, rows := table(t, e)
		p := faults.NewProxy(t, ns)
		db := plain(t, faults.DriverName(ns), p.DSN())
		came := p.Next("COMMIT", faults.Lose)
		if came() {
			t.Error("came() is true before a request was sent")
		}
		if err := work(t.Context(), db); err == nil || !came() || rows() != inserts {
			t.Errorf("%v, came %v, %d rows; want an error and %d", err, came(), rows(), inserts)
		}
		if _, err := db.ExecContext(t.Context(), "DELETE FROM effects"); err != nil {
			t.Fatalf("the next connection: %v", err)
		}
		if err := work(t.Context(), db); err != nil || rows() != inserts {
			t.Errorf("the same again: %v, %d rows; want nil and %d", err, rows(), inserts)
		}
	})
}
