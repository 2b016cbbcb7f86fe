package keys_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
)

// TestGuard_ThreeLeases checks a guarded transaction that is three leases long, beside a caller that would take the key over.
func TestGuard_ThreeLeases(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		other := l.open(l.lab.NS.DB())
		l.whileRenewed("a", func(lease time.Duration, id string) (string, error) {
			var over atomic.Bool
			taken := make(chan string)
			text, err := l.do(l.store, id, func(ctx context.Context, h *keys.Held) (string, error) {
				tx := l.Begin(nil)
				if err := h.Guard(ctx, tx); err != nil {
					close(taken)
					return "", errors.Join(err, tx.Rollback())
				}
				go func() {
					text, err := "", error(nil)
					for !over.Load() && (err == nil || strings.Contains(err.Error(), "another caller is working")) {
						text, err = l.do(other, id, answers("taken over", nil), keys.Rerun(), keys.NoWait())
					}
					taken <- text
				}()
				l.lab.On(tx, fmt.Sprintf("INSERT INTO effects VALUES ('%q')", id))
				select {
				case <-ctx.Done():
					l.lab.Errorf("fn's context has ended: %v", context.Cause(ctx))
				case <-time.After(3 * lease):
				}
				l.lab.Commit(tx)
				return "paid", context.Cause(ctx)
			}, keys.Lease(lease))
			over.Store(true)
			if beside := <-taken; err == nil && beside != "replayed paid" && !strings.Contains(beside, "another caller is working") {
				l.lab.Errorf("the other caller: %s", beside)
			}
			if err == nil {
				l.lab.Want("effects", l.effects(id), 1)
			}
			return text, err
		})
	})
}

// TestGuard_GoesOn checks that the heartbeat goes on after a guarded transaction, whether it was committed or rolled back.
func TestGuard_GoesOn(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		for id, end := range map[string]func(*sql.Tx) error{"commit": (*sql.Tx).Commit, "rollback": (*sql.Tx).Rollback} {
			l.whileRenewed(id, func(lease time.Duration, key string) (string, error) {
				return l.do(l.store, key, func(ctx context.Context, h *keys.Held) (string, error) {
					tx := l.Begin(nil)
					if err := h.Guard(ctx, tx.Tx); err != nil {
						return "", errors.Join(err, tx.Rollback())
					}
					l.lab.Want("Guard again", h.Guard(ctx, tx), nil)
					l.lab.WantErr("Guard of another transaction", h.Guard(ctx, l.lab.DB), nil, "must be a transaction")
					l.lab.Want("the transaction's end", end(tx.Tx), nil)
					for first := l.leaseOf(key); ctx.Err() == nil; {
						now := l.leaseOf(key)
						if id == "rollback" && now > first || id == "commit" && now < 5*lease { // Guard writes a long lease
							break
						}
					}
					return "paid", context.Cause(ctx)
				}, keys.Lease(lease))
			})
		}
	})
}

// TestGuard_OutlastsItsLease checks a guarded transaction whose row tells an end that has passed: nobody could take the key over,
// so the holder completes.
func TestGuard_OutlastsItsLease(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		l.wantDo("Do", "a", "ran paid", func(ctx context.Context, h *keys.Held) (string, error) {
			tx := l.Begin(nil)
			l.lab.Want("Guard", h.Guard(ctx, tx), nil)
			l.lab.On(tx, "UPDATE idempotency_keys SET lease_until = '2000-01-01 00:00:00.000'")
			l.lab.Commit(tx)
			return "paid", nil
		})
	})
}

// leaseOf returns the time between the claim of a key and the end of its lease.
func (l *hazardLab) leaseOf(id string) time.Duration {
	l.lab.Helper()
	info, err := l.store.Inspect(l.lab.Context(), hazardKey(id))
	if err != nil {
		l.lab.Fatal(err)
	}
	return info.LeaseUntil.Sub(info.ClaimedAt)
}

// TestGuard_Misuse checks Guard after fn, a second guarded transaction, and a guarded transaction that outlives fn.
func TestGuard_Misuse(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		var kept *keys.Held
		l.wantDo("Do", "a", "ran paid", func(_ context.Context, h *keys.Held) (string, error) {
			kept = h
			return "paid", nil
		})
		l.lab.WantErr("Guard after fn", kept.Guard(l.lab.Context(), l.Begin(nil)), nil, "the lease has ended with fn")

		other := l.Begin(nil)
		tx := l.Begin(nil)
		_, err := l.do(l.store, "b", func(ctx context.Context, h *keys.Held) (string, error) {
			l.lab.Want("Guard", h.Guard(ctx, tx), nil)
			l.lab.WantErr("Guard of a second transaction", h.Guard(ctx, other), nil, "another guarded transaction is open")
			return "paid", keys.Final(errUnsure)
		})
		l.lab.WantErr("Do with an open transaction", err, errUnsure, "its guarded transaction is still open")
		l.lab.Commit(tx)
		l.lab.Want("state", l.state("b"), "leased")
	})
}

// TestGuard_HoldersOwnTx checks Guard in a transaction of Run.
func TestGuard_HoldersOwnTx(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		l.wantDo("Do", "a", "ran paid", func(ctx context.Context, h *keys.Held) (string, error) {
			text, _, err := keys.Run(ctx, l.store, hazardKey("inner"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
				return "paid", h.Guard(ctx, tx)
			})
			return text, err
		})
		_, err := l.do(l.store, "b", func(ctx context.Context, h *keys.Held) (string, error) {
			l.endLease()
			_, _, err := keys.Run(ctx, l.store, hazardKey("lost"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
				_ = h.Guard(ctx, tx) // the error is ignored
				return effect("lost")(ctx, tx)
			})
			return "", err
		})
		l.lab.WantErr("Do past the lease's end", err, keys.ErrFenced)
		l.lab.Want("effects", l.effects("lost"), 0)
	})
}

// TestHazard_K56_LockOfTheHoldersTransaction shows that a holder whose transaction has written its key's row waits for itself if
// it renews the lease on another connection, and that others wait too. Then it checks that Do's heartbeat pauses, and that other
// calls are told at once.
func TestHazard_K56_LockOfTheHoldersTransaction(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		var renewals atomic.Int64
		guarded := l.open(faults.Open(l.lab, l.lab.NS, func(p *faults.Point) error {
			if p.Moment == faults.Before && strings.Contains(p.Text, "SET lease_until") {
				renewals.Add(1)
			}
			return nil
		}).DB)
		l.whileRenewed("a", func(lease time.Duration, id string) (string, error) {
			return l.do(guarded, id, func(ctx context.Context, h *keys.Held) (string, error) {
				tx := l.Begin(nil)
				if err := h.Guard(ctx, tx); err != nil {
					return "", errors.Join(err, tx.Rollback())
				}
				l.wantWaiting("UPDATE idempotency_keys SET attempts = attempts")
				before := renewals.Load()
				for began := time.Now(); time.Since(began) < lease; {
					_, err := l.do(l.store, id, l.notCalled, keys.NoWait())
					if _, ok := lab.AsType[*keys.InProgressError](err); !ok {
						l.lab.Errorf("Do beside the guarded transaction: %v; want an *InProgressError", err)
					}
				}
				l.lab.Want("renewals meanwhile", renewals.Load(), before)
				l.lab.Commit(tx)
				return "paid", context.Cause(ctx)
			}, keys.Lease(lease))
		})
	})
}

// wantWaiting wants a naive statement to wait for a transaction.
func (l *hazardLab) wantWaiting(query string) {
	l.lab.Helper()
	ctx, cancel := context.WithTimeout(l.lab.Context(), brief)
	defer cancel()
	conn, err := l.lab.DB.Conn(ctx)
	if err != nil {
		l.lab.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if l.lab.Family() == "sqlite" { // its driver does not end the wait with the context
		l.lab.On(conn, "PRAGMA busy_timeout = 100")
	}
	if _, err := conn.ExecContext(ctx, query); err == nil {
		l.lab.Errorf("the hazard is gone: %s has not waited", query)
	}
}

// TestHazard_K57_RenewalThatHangs shows that a statement can hang for longer than a lease. Then it checks that fn's context ends at
// the lease's end all the same, while the statement hangs.
func TestHazard_K57_RenewalThatHangs(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		hangs, release := make(chan struct{}), make(chan struct{})
		var hung atomic.Bool
		pool := faults.Open(l.lab, l.lab.NS, func(p *faults.Point) error {
			if p.Moment == faults.Before && strings.Contains(p.Text, "SET lease_until") && hung.CompareAndSwap(false, true) {
				close(hangs)
				<-release
			}
			return nil
		})
		l.lab.Cleanup(func() { close(release) }) // before the pool is closed
		_, err := l.do(l.open(pool.DB), "a", func(ctx context.Context, _ *keys.Held) (string, error) {
			<-hangs
			l.wantFenced(ctx)
			l.endLease()
			return "paid", nil
		}, keys.Lease(brief))
		l.lab.WantErr("Do", err, keys.ErrFenced)
	})
}

// TestDo_OneConnection checks Do on a pool of one connection, with a guarded transaction and many callers.
func TestDo_OneConnection(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		pool := l.lab.NS.DB()
		pool.SetMaxOpenConns(1)
		s := l.open(pool)
		var calls atomic.Int64
		results := make(chan string)
		for range 20 {
			go func() {
				text, _ := l.do(s, "a", func(ctx context.Context, h *keys.Held) (string, error) {
					calls.Add(1)
					tx, err := pool.BeginTxx(ctx, nil)
					if err != nil {
						return "", err
					}
					if err := errors.Join(h.Guard(ctx, tx), lab.Second(tx.ExecContext(ctx, "INSERT INTO effects VALUES ('x')"))); err != nil {
						return "", err
					}
					return "paid", tx.Commit()
				})
				results <- text
			}()
		}
		for range 20 {
			if text := <-results; text != "ran paid" && text != "replayed paid" {
				l.lab.Error(text)
			}
		}
		l.lab.Want("calls of fn", calls.Load(), 1)
		_, err := l.do(s, "b", answers("", errUnsure))
		l.lab.WantErr("Do", err, errUnsure)
		l.lab.Want("Resolve", keys.Resolve(l.bounded(), s, hazardKey("b"), "paid"), nil)
		_, _, err = keys.Run(l.bounded(), s, hazardKey("run"), keys.Fingerprint{}, func(ctx context.Context, _ *keys.Tx) (string, error) {
			_, _, err := keys.Do(ctx, s, hazardKey("c"), keys.Fingerprint{}, l.notCalled)
			return "", err
		})
		l.wantRefused("Do inside Run", err)
		_, err = l.do(s, "d", func(ctx context.Context, _ *keys.Held) (string, error) {
			_, _, err := keys.Do(ctx, s, hazardKey("d"), keys.Fingerprint{}, l.notCalled)
			return "", err
		})
		l.lab.WantErr("Do of the key inside Do", err, nil, "inside the fn of", "has the key's lease")
	})
}
