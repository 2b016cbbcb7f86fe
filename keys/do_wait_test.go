package keys_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
)

// TestDo_Waits checks callers that meet a key under another caller's lease, in the same process and in others.
func TestDo_Waits(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		var calls atomic.Int64
		results := make(chan string)
		stores := []*keys.Store{l.store, l.open(l.lab.NS.DB()), l.open(l.lab.NS.DB())}
		for i := range 12 {
			go func() {
				text, _ := l.do(stores[i%len(stores)], "a", func(ctx context.Context, _ *keys.Held) (string, error) {
					calls.Add(1)
					for _, opt := range []keys.DoOption{keys.NoWait(), keys.MaxWait(30 * time.Millisecond)} {
						_, err := l.do(stores[1], "a", l.notCalled, opt)
						busy, ok := lab.AsType[*keys.InProgressError](err)
						l.lab.Want("Do with a limit", fmt.Sprint(ok, busy.Key, busy.RetryAfter), fmt.Sprint(true, hazardKey("a"), time.Second))
					}
					short, cancel := context.WithTimeout(l.lab.Context(), 30*time.Millisecond)
					defer cancel()
					_, _, err := keys.Do(short, stores[2], hazardKey("a"), keys.Fingerprint{}, l.notCalled)
					l.lab.WantErr("Do with a short context", err, context.DeadlineExceeded)
					return "paid", nil
				})
				results <- text
			}()
		}
		count := map[string]int{}
		for range 12 {
			count[<-results]++
		}
		l.lab.Want("the answers", count, map[string]int{"ran paid": 1, "replayed paid": 11})
		l.lab.Want("calls of fn", calls.Load(), 1)
	})
}

// TestDo_BesideRun checks that Do does not wait beyond its limit for a transaction of Run that has the key.
func TestDo_BesideRun(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		other := l.open(l.lab.NS.DB())
		_, _, err := keys.Run(l.bounded(), l.store, hazardKey("a"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
			_, err := l.do(other, "a", l.notCalled, keys.NoWait())
			if _, ok := lab.AsType[*keys.InProgressError](err); !ok {
				l.lab.Errorf("Do beside Run: %v; want an *InProgressError", err)
			}
			return effect("a")(ctx, tx)
		})
		l.lab.Want("Run", err, nil)
	})
}

// TestDo_Hooks checks the events of Do.
func TestDo_Hooks(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		var seen []string
		note := func(what string) func(context.Context, keys.Event) {
			return func(_ context.Context, e keys.Event) {
				seen = append(seen, fmt.Sprint(what, " ", e.Key.ID, " ", e.Err != nil))
			}
		}
		s := l.open(l.lab.DB, keys.WithHooks(keys.Hooks{Claim: note("claim"), Replay: note("replay"), Mismatch: note("mismatch"), Wait: note("wait")}))
		one, err := keys.FingerprintOf(1)
		l.lab.Want("FingerprintOf", err, nil)
		two, err := keys.FingerprintOf(2)
		l.lab.Want("FingerprintOf", err, nil)
		for _, fp := range []keys.Fingerprint{one, one, two} {
			_, _, err = keys.Do(l.bounded(), s, hazardKey("a"), fp, func(context.Context, *keys.Held) (string, error) {
				_, err := l.do(s, "a", l.notCalled, keys.NoWait())
				if _, ok := lab.AsType[*keys.InProgressError](err); !ok {
					return "", err
				}
				return "paid", nil
			})
		}
		l.lab.WantErr("Do", err, keys.ErrMismatch)
		l.lab.Want("the events", seen, []string{"wait a true", "claim a false", "replay a false", "mismatch a true"})
	})
}

// TestDo_ContextEndsBeforeTheClaim ends the context before the claim. Do has taken nothing, so Do must not try to give anything up: that
// would wait for whoever has the lock.
func TestDo_ContextEndsBeforeTheClaim(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		ctx, cancel := context.WithCancel(l.bounded())
		defer cancel()
		var inserts atomic.Int32
		pool := faults.Open(l.lab, l.lab.NS, func(p *faults.Point) error {
			if p.Moment == faults.Before && strings.Contains(p.Text, "INSERT ") {
				inserts.Add(1)
				cancel()
				return ctx.Err() // nothing is sent
			}
			return nil
		})
		s := l.open(pool.DB)
		inserts.Store(0)
		_, _, err := keys.Do(ctx, s, hazardKey("a"), keys.Fingerprint{}, l.notCalled)
		l.lab.WantErr("Do", err, context.Canceled)
		l.lab.Want("claims", inserts.Load(), 1)
		l.wantDo("the next call", "a", "ran paid", answers("paid", nil), keys.MaxWait(time.Second))
	})
}

// TestDo_CommitOutlastsTheContext ends the context at the commit of the claim, and holds the commit until Do gives the key up. Do must not
// leave the key under a lease, because fn was not called.
func TestDo_CommitOutlastsTheContext(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		ctx, cancel := context.WithCancel(l.bounded())
		defer cancel()
		var inserts atomic.Int32
		var held sync.Once
		release := make(chan struct{})
		giveUp := sync.OnceFunc(func() { close(release) })
		pool := faults.Open(l.lab, l.lab.NS, func(p *faults.Point) error {
			switch {
			case p.Kind == faults.Commit && p.Moment == faults.Before && inserts.Load() == 1:
				held.Do(func() { cancel(); <-release })
			case p.Moment == faults.Before && strings.Contains(p.Text, "INSERT ") && inserts.Add(1) == 2:
				giveUp() // Do claims the key again, and has to wait for the first claim
			case p.Moment == faults.After && strings.Contains(p.Text, "UPDATE "):
				giveUp()
			}
			return nil
		})
		s := l.open(pool.DB)
		inserts.Store(0)
		_, _, err := keys.Do(ctx, s, hazardKey("a"), keys.Fingerprint{}, l.notCalled)
		l.lab.WantErr("Do", err, context.Canceled)
		l.wantDo("the next call", "a", "ran paid", answers("paid", nil), keys.MaxWait(time.Second))
	})
}

// TestLease_WrongClock checks leases while the database's clock and the program's are ten minutes apart.
func TestLease_WrongClock(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		l.skewable()
		for _, ahead := range []time.Duration{skew, -skew} {
			db := l.ahead(ahead)
			s, id := l.open(db), fmt.Sprint(ahead)
			_, err := l.do(s, id, func(ctx context.Context, _ *keys.Held) (string, error) {
				info, err := s.Inspect(ctx, hazardKey(id))
				l.lab.Want("Inspect", err, nil)
				if left := info.LeaseUntil.Sub(l.now(db)); left < 20*time.Second || left > 40*time.Second {
					l.lab.Errorf("%v is left of the lease", left)
				}
				_, err = l.do(s, id, l.notCalled, keys.Rerun(), keys.NoWait())
				if _, ok := lab.AsType[*keys.InProgressError](err); !ok {
					l.lab.Errorf("Do in the lease: %v; want an *InProgressError", err)
				}
				return "", errUnsure
			})
			l.lab.WantErr("Do", err, errUnsure)
			l.endLease()
			_, err = l.do(s, id, l.notCalled)
			parked := l.parked("Do after the lease's end", err)
			if age := l.now(db).Sub(parked.Since); age < -2*time.Second || age > 20*time.Second {
				l.lab.Errorf("parked %v before the database's time", age)
			}
			l.lab.Want("Release", s.Release(l.lab.Context(), hazardKey(id)), nil)
			l.lab.Want("Do", second(l.do(s, id, answers("paid", nil))), "ran paid")
		}
	})
}
