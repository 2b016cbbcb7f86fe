package keys_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
)

// The tests of this file check Do: how fn ends, and what the next call gets. A lease is ended by moving its end in the row.

var errUnsure = errors.New("the provider has not answered")

// answers returns an fn that returns a text or an error.
func answers(text string, err error) func(context.Context, *keys.Held) (string, error) {
	return func(context.Context, *keys.Held) (string, error) { return text, err }
}

// do calls Do for a key without a fingerprint.
func (l *hazardLab) do(s *keys.Store, id string, fn func(context.Context, *keys.Held) (string, error), opts ...keys.DoOption) (string, error) {
	l.lab.Helper()
	r, replayed, err := keys.Do(l.bounded(), s, hazardKey(id), keys.Fingerprint{}, fn, opts...)
	return told(r, replayed, err), err
}

// wantDo calls Do and compares the answer.
func (l *hazardLab) wantDo(what, id, want string, fn func(context.Context, *keys.Held) (string, error), opts ...keys.DoOption) {
	l.lab.Helper()
	got, _ := l.do(l.store, id, fn, opts...)
	l.lab.Want(what, got, want)
}

// notCalled is an fn that must not be called.
func (l *hazardLab) notCalled(context.Context, *keys.Held) (string, error) {
	l.lab.Error("fn was called")
	return "", errors.New("fn was called")
}

// endLease moves the end of all leases into the past.
func (l *hazardLab) endLease() {
	l.lab.Helper()
	l.lab.Exec("UPDATE idempotency_keys SET lease_until = '2000-01-01 00:00:00.000' WHERE state = 6")
}

// leave has a call of Do end without an answer, and ends its lease.
func (l *hazardLab) leave(id string) {
	l.lab.Helper()
	_, err := l.do(l.store, id, answers("", errUnsure))
	l.lab.WantErr("Do whose fn fails", err, errUnsure)
	l.endLease()
}

// wantParked wants a *ParkedError.
func (l *hazardLab) wantParked(what string, err error) {
	l.lab.Helper()
	_ = l.parked(what, err)
}

// parked returns the *ParkedError that a call must have returned.
func (l *hazardLab) parked(what string, err error) (parked *keys.ParkedError) {
	l.lab.Helper()
	if !errors.As(err, &parked) {
		l.lab.Fatalf("%s: %v; want a *ParkedError", what, err)
	}
	if age := time.Since(parked.Since); parked.Since.IsZero() || age < -time.Hour || age > time.Hour {
		l.lab.Errorf("%s: parked since %v", what, parked.Since)
	}
	return parked
}

func (l *hazardLab) state(id string) string {
	l.lab.Helper()
	info, err := l.store.Inspect(l.lab.Context(), hazardKey(id))
	if errors.Is(err, keys.ErrNotFound) {
		return "unknown"
	}
	if err != nil {
		l.lab.Fatal(err)
	}
	return info.State.String()
}

func TestDo_Answers(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		l.wantDo("the first call", "a", "ran paid", func(ctx context.Context, h *keys.Held) (string, error) {
			l.lab.Want("Key, Fence and Attempt", fmt.Sprint(h.Key(), h.Fence(), h.Attempt()), fmt.Sprint(hazardKey("a"), 1, 1))
			l.lab.Want("state in fn", l.state("a"), "leased")
			return "paid", ctx.Err()
		})
		l.wantDo("the second", "a", "replayed paid", l.notCalled)
		l.lab.Want("the second in another process", second(l.do(l.open(l.lab.DB), "a", l.notCalled)), "replayed paid")
		l.lab.Want("state", l.state("a"), "done")

		_, err := l.do(l.store, "b", answers("", keys.Final(errUnsure)))
		l.lab.WantErr("Do with a final error", err, errUnsure)
		_, err = l.do(l.store, "b", l.notCalled)
		final, ok := lab.AsType[*keys.FinalError](err)
		l.lab.Want("its replay", fmt.Sprint(ok, final), fmt.Sprint(true, errUnsure))
		l.lab.Want("state", l.state("b"), "final error")
	})
}

func second(text string, _ error) string { return text }

func TestDo_NotDone(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		one, err := keys.FingerprintOf(1)
		l.lab.Want("FingerprintOf", err, nil)
		two, err := keys.FingerprintOf(2)
		l.lab.Want("FingerprintOf", err, nil)
		_, _, err = keys.Do(l.bounded(), l.store, hazardKey("a"), one, answers("", keys.NotDone(errUnsure)))
		if err != errUnsure { //nolint:errorlint // the very same value
			l.lab.Errorf("Do with NotDone: %v; want the error as it is", err)
		}
		l.lab.Want("state", l.state("a"), "unknown")
		l.lab.WantErr("Release", l.store.Release(l.lab.Context(), hazardKey("a")), keys.ErrNotFound)
		_, _, err = keys.Do(l.bounded(), l.store, hazardKey("a"), two, func(_ context.Context, h *keys.Held) (string, error) {
			l.lab.Want("Fence and Attempt", fmt.Sprint(h.Fence(), h.Attempt()), "2 2")
			return "", fmt.Errorf("wrapped: %w", keys.NotDone(errUnsure))
		})
		l.lab.WantErr("Do with another fingerprint", err, errUnsure, "wrapped")
		_, _, err = keys.Do(l.bounded(), l.store, hazardKey("a"), two, answers("paid", nil))
		l.lab.Want("Do", err, nil)
		_, _, err = keys.Do(l.bounded(), l.store, hazardKey("a"), one, l.notCalled)
		l.lab.WantErr("Do with the first fingerprint", err, keys.ErrMismatch)
		l.lab.Want("NotDone(nil)", keys.NotDone(nil), nil)
	})
}

// TestDo_Unknown checks an error, a panic, Goexit and an ended context: the key is kept until the lease's end, and then parked.
func TestDo_Unknown(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		ctx, cancel := context.WithCancel(l.bounded())
		for id, call := range map[string]func() error{
			"error": func() error { _, err := l.do(l.store, "error", answers("", errUnsure)); return err },
			"panic": func() (err error) {
				defer func() { err = fmt.Errorf("%v", recover()) }()
				_, err = l.do(l.store, "panic", func(context.Context, *keys.Held) (string, error) { panic(errUnsure) })
				return errors.Join(errors.New("no panic"), err)
			},
			"context": func() error {
				_, _, err := keys.Do(ctx, l.store, hazardKey("context"), keys.Fingerprint{}, func(ctx context.Context, _ *keys.Held) (string, error) {
					cancel()
					<-ctx.Done()
					return "", fmt.Errorf("%w: %w", errUnsure, ctx.Err())
				})
				return err
			},
		} {
			l.lab.WantErr("the first call", call(), nil, errUnsure.Error())
			l.lab.Want("state after "+id, l.state(id), "leased")
			_, err := l.do(l.store, id, l.notCalled, keys.NoWait())
			if _, ok := lab.AsType[*keys.InProgressError](err); !ok {
				l.lab.Errorf("Do before the lease's end: %v; want an *InProgressError", err)
			}
			l.endLease()
			for range 2 {
				_, err = l.do(l.store, id, l.notCalled, keys.Rerun(), keys.Park())
				parked := l.parked("Do after the lease's end", err)
				l.lab.Want("its key", parked.Key, hazardKey(id))
				l.lab.Want("its class", dialect.Classify(err), dialect.Permanent)
				if id != "panic" && !strings.Contains(fmt.Sprint(parked.Err), errUnsure.Error()) {
					l.lab.Errorf("its reason is %v", parked.Err)
				}
			}
			l.lab.Want("state", l.state(id), "parked")
			_, err = l.do(l.store, id, l.notCalled, keys.Rerun())
			l.wantParked("Rerun of a parked key", err)
		}
	})
}

func TestDo_Rerun(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		var downstream []string
		see := func(fence, attempt int, err error) func(context.Context, *keys.Held) (string, error) {
			return func(_ context.Context, h *keys.Held) (string, error) {
				l.lab.Want("Fence and Attempt", fmt.Sprint(h.Fence(), h.Attempt()), fmt.Sprint(fence, attempt))
				downstream = append(downstream, h.Downstream())
				return "paid", err
			}
		}
		for i := 1; i <= 3; i++ {
			_, err := l.do(l.store, "a", see(i, i, errUnsure), keys.Rerun())
			l.lab.WantErr("Do", err, errUnsure)
			l.endLease()
		}
		_, err := l.do(l.store, "a", l.notCalled)
		l.wantParked("Do", err)
		l.lab.Want("Release", l.store.Release(l.lab.Context(), hazardKey("a")), nil)
		l.wantDo("Do after Release", "a", "ran paid", see(4, 4, nil))
		l.wantDo("Do", "a", "replayed paid", l.notCalled)
		for _, d := range downstream {
			if d != downstream[0] || d == "" || len(d) > 255 || strings.Trim(d, "0123456789abcdef-") != "" {
				l.lab.Errorf("Downstream is %q", downstream)
			}
		}
	})
}

// TestDo_Downstream checks that the text never changes, and differs between keys.
func TestDo_Downstream(t *testing.T) {
	t.Parallel()
	hazards(t, lab.SQLite, func(l *hazardLab) {
		of := func(k keys.Key) (text string) {
			_, _, err := keys.Do(l.bounded(), l.store, k, keys.Fingerprint{}, func(_ context.Context, h *keys.Held) (string, error) {
				text = h.Downstream()
				return "", nil
			})
			l.lab.Want("Do", err, nil)
			return text
		}
		l.lab.Want("Downstream", of(keys.Key{Scope: "me", Op: "pay", ID: "1"}), "27e3462f-8545-8d63-bf42-d96dc88d2033")
		if of(keys.Key{Scope: "me", Op: "pay1", ID: "1"}) == of(keys.Key{Scope: "me", Op: "pay", ID: "11"}) {
			l.lab.Error("two keys have one Downstream")
		}
	})
}
