package keys_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/claimsql"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
)

// decisions returns the calls by which a person decides about a key.
func (l *hazardLab) decisions(id string) map[string]func() error {
	k := hazardKey(id)
	return map[string]func() error{
		"Resolve":      func() error { return keys.Resolve(l.bounded(), l.store, k, "paid") },
		"ResolveFinal": func() error { return l.store.ResolveFinal(l.bounded(), k, errUnsure) },
		"Release":      func() error { return l.store.Release(l.bounded(), k) },
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		want := map[string]string{"Resolve": "replayed paid", "ResolveFinal": errUnsure.Error(), "Release": "ran paid"}
		for _, parked := range []string{"parked", "after the lease", "within the lease"} {
			for verb := range want {
				id := verb + " " + parked
				_, err := l.do(l.store, id, answers("", errUnsure))
				l.lab.WantErr("Do", err, errUnsure)
				if parked != "within the lease" {
					l.endLease()
				}
				if parked == "parked" {
					_, err = l.do(l.store, id, l.notCalled)
					l.wantParked("Do", err)
				}
				l.lab.Want(id, l.decisions(id)[verb](), nil)
				l.wantDo("Do after "+id, id, want[verb], answers("paid", nil))
				for again, call := range l.decisions(id) {
					l.lab.WantErr(again+" of a key that is done", call(), nil, "keys: ", "the key is done")
				}
			}
		}
		l.lab.WantErr("ResolveFinal with nil", l.store.ResolveFinal(l.lab.Context(), hazardKey("a"), nil), nil, "the answer is nil")
		l.lab.WantErr("Resolve of no key", keys.Resolve(l.lab.Context(), l.store, keys.Key{}, 1), nil, "Scope is empty")
		for verb, call := range l.decisions("never seen") {
			l.lab.WantErr(verb+" of an unknown key", call(), keys.ErrNotFound, verb)
		}
	})
}

// TestResolve_HolderAtWork checks that nobody decides about a key whose fn runs, and that a holder whose key was decided about
// cannot write.
func TestResolve_HolderAtWork(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		for _, verb := range []string{"Resolve", "ResolveFinal", "Release"} {
			_, err := l.do(l.store, verb, func(context.Context, *keys.Held) (string, error) {
				err := l.decisions(verb)[verb]()
				if _, ok := lab.AsType[*keys.InProgressError](err); !ok {
					l.lab.Errorf("%s: %v; want an *InProgressError", verb, err)
				}
				l.endLease()
				l.lab.Want(verb+" after the lease's end", l.decisions(verb)[verb](), nil)
				return "stale", nil
			})
			l.lab.WantErr("the holder after "+verb, err, keys.ErrFenced)
			want := map[string]string{"Resolve": "replayed paid", "ResolveFinal": errUnsure.Error(), "Release": "ran paid"}[verb]
			l.wantDo("Do", verb, want, answers("paid", nil))
		}
	})
}

// TestDo_OtherVerb checks keys that one verb has made and another one meets, in every state.
func TestDo_OtherVerb(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		fp, err := keys.FingerprintOf("another")
		l.lab.Want("FingerprintOf", err, nil)
		refused := func(what string, err error) {
			l.lab.WantErr(what, err, keys.ErrOtherVerb, "keys: lab/do/")
			if errors.Is(err, keys.ErrMismatch) {
				l.lab.Errorf("%s: %v; want no ErrMismatch", what, err)
			}
		}
		meet := func(id string) {
			_, _, err := keys.Run(l.bounded(), l.store, hazardKey(id), fp, effect(id))
			refused("Run of a key that is "+id, err)
			tx := l.Begin(nil)
			_, _, err = keys.Once(l.bounded(), l.store, tx, hazardKey(id), fp, effect(id))
			refused("Once of a key that is "+id, err)
			l.lab.Want("effects", l.effects(id), 0)
			l.lab.Want("Rollback", tx.Rollback(), nil)
		}
		l.wantDo("Do", "leased", "ran paid", func(context.Context, *keys.Held) (string, error) {
			meet("leased")
			return "paid", nil
		})
		l.wantDo("Do", "done", "ran paid", answers("paid", nil))
		_, _ = l.do(l.store, "final", answers("", keys.Final(errUnsure)))
		_, _ = l.do(l.store, "free", answers("", keys.NotDone(errUnsure)))
		l.leave("parked")
		_, _ = l.do(l.store, "parked", l.notCalled)
		for _, id := range []string{"done", "final", "free", "parked"} {
			meet(id)
		}
		l.lab.Want("Run", l.run(l.store, "run"), "ran run")
		_, _, err = keys.Do(l.bounded(), l.store, hazardKey("run"), fp, l.notCalled)
		refused("Do of a key of Run", err)
		for _, call := range l.decisions("run") {
			refused("a decision about a key of Run", call())
		}
	})
}

// TestDo_GC checks that GC removes no key that is leased or parked, however old, and removes what is finished or free.
func TestDo_GC(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		old := func() { l.lab.Exec("UPDATE idempotency_keys SET expires_at = '2000-01-01 00:00:00.000'") }
		l.leave("leased")
		l.leave("parked")
		_, err := l.do(l.store, "parked", l.notCalled)
		l.wantParked("Do", err)
		l.wantDo("Do", "done", "ran paid", answers("paid", nil))
		for i := range 3 {
			_, _ = l.do(l.store, fmt.Sprint("free ", i), answers("", keys.NotDone(errUnsure)))
		}
		old()
		l.lab.Want("keys removed", l.gc(l.store, keys.GCLimit(2)), 2)
		l.lab.Want("keys removed", l.gc(l.store, keys.GCBatchSize(1), keys.GCShare(1)), 2)
		l.lab.Want("states left", l.lab.Text("SELECT state FROM idempotency_keys ORDER BY state"), fmt.Sprint(claimsql.Leased, " ", claimsql.Parked))

		// A decision keeps the key for a retention from then on.
		l.lab.Want("Resolve", keys.Resolve(l.lab.Context(), l.store, hazardKey("parked"), "paid"), nil)
		l.lab.Want("keys removed after Resolve", l.gc(l.store), 0)
		l.wantDo("Do", "parked", "replayed paid", l.notCalled)
		info, err := l.store.Inspect(l.lab.Context(), hazardKey("parked"))
		l.lab.Want("Inspect", err, nil)
		l.lab.Want("kept for 72 hours", info.ExpiresAt.Sub(info.FinishedAt).Round(time.Minute), 72*time.Hour)
	})
}

// TestDo_Retention checks Retain and the key's own time, as for Run.
func TestDo_Retention(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		l.wantDo("Do", "a", "ran paid", answers("paid", nil), keys.Retain(time.Hour))
		info, err := l.store.Inspect(l.lab.Context(), hazardKey("a"))
		l.lab.Want("Inspect", err, nil)
		l.lab.Want("kept for an hour", info.ExpiresAt.Sub(info.ClaimedAt).Round(time.Second), time.Hour)
		_, err = l.do(l.store, uuid7(l.now(l.lab.DB).Add(-2*time.Hour)), l.notCalled, keys.Retain(time.Hour))
		l.lab.WantErr("an old key", err, keys.ErrTooOld)
		_, err = l.do(l.store, uuid7(l.now(l.lab.DB).Add(2*time.Hour)), l.notCalled, keys.Retain(time.Hour))
		l.lab.WantErr("a new key", err, keys.ErrTooNew)
	})
}
