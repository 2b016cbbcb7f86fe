package keys_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
)

// The tests of this file check leases: who holds a key, and what a holder may still write after its lease has ended.

// brief is a lease that ends soon, for tests that need the heartbeat.
const brief = 500 * time.Millisecond

// whileRenewed calls f, which calls Do with the lease and the ID, and which returns the result that Do must not lose. If the machine
// is so busy that the heartbeat misses a lease, f is called again with a longer one.
func (l *hazardLab) whileRenewed(id string, f func(lease time.Duration, id string) (string, error)) {
	l.lab.Helper()
	for lease := brief; ; lease *= 4 {
		got, err := f(lease, id)
		if errors.Is(err, keys.ErrFenced) && lease < lab.Patience {
			id += "+"
			continue
		}
		l.lab.Want("Do of "+id+" with a lease of "+lease.String(), second(got, err), "ran paid")
		return
	}
}

// wantFenced wants the context of a holder to end because the lease has ended.
func (l *hazardLab) wantFenced(ctx context.Context) {
	l.lab.Helper()
	select {
	case <-ctx.Done():
		if cause := context.Cause(ctx); cause != keys.ErrFenced { //nolint:errorlint // the very same value
			l.lab.Errorf("the cause is %v; want ErrFenced", cause)
		}
	case <-time.After(lab.Patience):
		l.lab.Error("the context of the holder has not ended")
	}
}

// TestLease_Renewed checks that a lease lasts for as long as fn runs, and that the row tells so.
func TestLease_Renewed(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		other := l.open(l.lab.NS.DB())
		l.whileRenewed("a", func(lease time.Duration, id string) (string, error) {
			text, err := l.do(l.store, id, func(ctx context.Context, _ *keys.Held) (string, error) {
				info, err := l.store.Inspect(l.lab.Context(), hazardKey(id))
				l.lab.Want("Inspect", err, nil)
				began, until := info.LeaseUntil, info.LeaseUntil
				for ctx.Err() == nil && until.Sub(began) < 2*lease {
					_, err := l.do(other, id, l.notCalled, keys.MaxWait(20*time.Millisecond))
					if _, ok := lab.AsType[*keys.InProgressError](err); !ok && ctx.Err() == nil {
						l.lab.Errorf("Do beside the holder: %v; want an *InProgressError", err)
					}
					if info, err = l.store.Inspect(l.lab.Context(), hazardKey(id)); err != nil {
						l.lab.Fatal(err)
					}
					until = info.LeaseUntil
				}
				return "paid", context.Cause(ctx)
			}, keys.Lease(lease))
			if err == nil {
				l.lab.Want("replay", second(l.do(other, id, l.notCalled)), "replayed paid")
			}
			return text, err
		})
	})
}

// TestLease_EndsUnnoticed checks a holder that slept past its lease: it cannot complete, although nobody has taken the key.
func TestLease_EndsUnnoticed(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		for id, err := range map[string]error{"nil": nil, "final": keys.Final(errUnsure), "not done": keys.NotDone(errUnsure)} {
			_, got := l.do(l.store, id, func(context.Context, *keys.Held) (string, error) {
				l.endLease()
				return "paid", err
			})
			if id == "not done" {
				l.lab.WantErr(id, got, errUnsure)
			}
			l.lab.WantErr(id, got, keys.ErrFenced)
			l.lab.Want("state after "+id, l.state(id), "leased")
			_, err = l.do(l.store, id, l.notCalled)
			l.wantParked("the next call", err)
		}
	})
}

// TestLease_RenewalRefused checks that the heartbeat of a holder whose lease has ended ends fn's context.
func TestLease_RenewalRefused(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		_, err := l.do(l.store, "a", func(ctx context.Context, _ *keys.Held) (string, error) {
			l.endLease()
			l.wantFenced(ctx)
			return "", ctx.Err()
		}, keys.Lease(brief))
		l.lab.WantErr("Do", err, keys.ErrFenced)
		l.lab.WantErr("Do", err, context.Canceled)
	})
}

// TestLease_InspectTellsTheEnd checks that Inspect tells a lease that has ended from one that lasts.
func TestLease_InspectTellsTheEnd(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		inspect := func(want string) {
			info, err := l.store.Inspect(l.lab.Context(), hazardKey("a"))
			if err != nil {
				l.lab.Fatalf("Inspect: %v", err)
			}
			l.lab.Want("the state, and whether the lease has ended", fmt.Sprint(info.State, " ", info.LeaseEnded), want)
		}
		_, err := l.do(l.store, "a", func(context.Context, *keys.Held) (string, error) {
			inspect("leased false")
			l.endLease()
			inspect("leased true")
			_, err := l.do(l.store, "a", l.notCalled)
			l.wantParked("another call", err)
			inspect("parked false")
			return "", errUnsure
		})
		l.lab.WantErr("Do", err, errUnsure)
	})
}

// TestHazard_K54_StalledHolder shows that an update by key alone lets a stalled holder overwrite the next holder's answer. Then
// it checks that Do does not.
func TestHazard_K54_StalledHolder(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		l.lab.Exec("CREATE TABLE naive (k INT PRIMARY KEY, fence INT, answer VARCHAR(10))", "INSERT INTO naive VALUES (1, 1, NULL)")
		l.lab.Exec("UPDATE naive SET fence = 2, answer = 'new' WHERE k = 1") // the next holder
		l.lab.Exec("UPDATE naive SET answer = 'stale' WHERE k = 1")          // the stalled holder
		l.lab.Want("naive answer", l.lab.Text("SELECT answer FROM naive"), "stale")

		other := l.open(l.lab.NS.DB())
		_, err := l.do(l.store, "a", func(ctx context.Context, first *keys.Held) (string, error) {
			l.endLease()
			text, err := l.do(other, "a", func(_ context.Context, next *keys.Held) (string, error) {
				l.lab.Want("the fences", fmt.Sprint(first.Fence(), next.Fence()), "1 2")
				return "new", nil
			}, keys.Rerun())
			l.lab.Want("the next holder", fmt.Sprint(text, err), "ran new<nil>")
			tx := l.Begin(nil)
			l.lab.WantErr("Guard", first.Guard(ctx, tx), keys.ErrFenced)
			l.lab.WantErr("its transaction's commit", tx.Commit(), nil, "already been committed or rolled back")
			return "stale", nil
		})
		l.lab.WantErr("the stalled holder", err, keys.ErrFenced)
		l.wantDo("replay", "a", "replayed new", l.notCalled)
	})
}

// TestHazard_K55_FenceGrows shows that a key whose row is deleted begins with the same fence again. Then it checks that fences of
// Do grow over NotDone and Release, and that the holder before a release cannot write.
func TestHazard_K55_FenceGrows(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		l.lab.Exec("CREATE TABLE naive (k INT PRIMARY KEY, fence INT)", "INSERT INTO naive VALUES (1, 1)", "DELETE FROM naive", "INSERT INTO naive VALUES (1, 1)")
		l.lab.Want("naive fence", l.lab.Text("SELECT fence FROM naive"), "1")

		_, err := l.do(l.store, "a", func(ctx context.Context, first *keys.Held) (string, error) {
			l.endLease()
			_, err := l.do(l.store, "a", l.notCalled)
			l.wantParked("another call", err)
			l.lab.Want("Release", l.store.Release(l.lab.Context(), hazardKey("a")), nil)
			for fence := 2; fence <= 3; fence++ {
				_, err = l.do(l.store, "a", func(_ context.Context, h *keys.Held) (string, error) {
					l.lab.Want("Fence", h.Fence(), fence)
					return "", keys.NotDone(errUnsure)
				})
				l.lab.WantErr("Do", err, errUnsure)
			}
			return "stale", nil
		})
		l.lab.WantErr("the first holder", err, keys.ErrFenced)
		l.wantDo("Do", "a", "ran paid", answers("paid", nil))
	})
}

// TestLease_Takeovers has many processes take one key over, each holder sleeping past its lease. Fences must grow strictly, and no
// stale holder may write. A long run makes 100,000 takeovers.
func TestLease_Takeovers(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		takeovers := engine.Size(100, 100_000)
		var mu sync.Mutex
		var last int64
		stale := func(ctx context.Context, h *keys.Held) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			if h.Fence() <= last {
				l.lab.Errorf("fence %d after %d", h.Fence(), last)
			}
			last = h.Fence()
			l.endLease()
			return "stale", nil
		}
		var workers sync.WaitGroup
		for range 4 {
			s := l.open(l.lab.NS.DB())
			workers.Go(func() {
				for range takeovers / 4 {
					if _, err := l.do(s, "a", stale, keys.Rerun()); !errors.Is(err, keys.ErrFenced) {
						l.lab.Errorf("Do of a holder past its lease: %v; want ErrFenced", err)
						return
					}
				}
			})
		}
		workers.Wait()
		l.lab.Want("the last fence", last, takeovers)
		l.wantDo("Do", "a", "ran paid", answers("paid", nil), keys.Rerun())
	})
}

// TestLease_CompletionBeforeTakeover has the holder complete between the other call's read and its write. The other call must get
// the answer.
func TestLease_CompletionBeforeTakeover(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		for id, policy := range map[string]keys.DoOption{"park": keys.Park(), "rerun": keys.Rerun()} {
			leased, complete, completed := make(chan struct{}), make(chan struct{}), make(chan string)
			go func() {
				text, _ := l.do(l.store, id, func(context.Context, *keys.Held) (string, error) {
					close(leased)
					<-complete
					return "paid", nil
				})
				completed <- text
			}()
			<-leased
			l.endLease()
			var once sync.Once
			other := faults.Open(l.lab, l.lab.NS, func(p *faults.Point) error {
				if p.Moment == faults.Before && strings.Contains(p.Text, "UPDATE ") && strings.Contains(p.Text, "lease_until <=") {
					once.Do(func() {
						l.lab.Exec("UPDATE idempotency_keys SET lease_until = '2100-01-01 00:00:00.000' WHERE state = 6")
						close(complete)
						l.lab.Want("the holder", <-completed, "ran paid")
					})
				}
				return nil
			})
			l.lab.Want("the other call", second(l.do(l.open(other.DB), id, l.notCalled, policy)), "replayed paid")
		}
	})
}
