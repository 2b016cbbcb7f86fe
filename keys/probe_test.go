package keys_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
)

// asks returns a probe with an answer, and counts its calls.
func (l *hazardLab) asks(calls *int, text string, done bool, err error) keys.DoOption {
	return keys.Probe(func(ctx context.Context, h *keys.Held) (string, bool, error) {
		*calls++
		l.lab.Want("the probe's context", ctx.Err(), nil)
		l.lab.Want("Fence and Key", fmt.Sprint(h.Fence(), h.Key()), fmt.Sprint(2, hazardKey(h.Key().ID)))
		return text, done, err
	})
}

func TestProbe(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		calls := 0
		done := l.asks(&calls, "paid before", true, nil)
		l.wantDo("a new key", "new", "ran paid", answers("paid", nil), done)
		l.leave("done")
		l.wantDo("Do, and it was done", "done", "replayed paid before", l.notCalled, done)
		l.wantDo("a replay", "done", "replayed paid before", l.notCalled, done)
		l.lab.Want("calls of the probe", calls, 1)

		calls = 0
		not := l.asks(&calls, "", false, nil)
		l.leave("not")
		l.wantDo("Do, and it was not done", "not", "ran paid", func(_ context.Context, h *keys.Held) (string, error) {
			l.lab.Want("Fence and Attempt", fmt.Sprint(h.Fence(), h.Attempt()), "2 2")
			return "paid", nil
		}, not)
		l.lab.Want("calls of the probe", calls, 1)

		calls = 0
		noIdea := errors.New("no idea")
		broken := l.asks(&calls, "", false, noIdea)
		l.leave("parked")
		for range 2 {
			_, err := l.do(l.store, "parked", l.notCalled, broken)
			if calls == 1 {
				l.wantParked("Do, and nobody knows", err)
				l.lab.WantErr("its reason", err, nil, "no idea")
			}
		}
		l.lab.Want("calls of the probe", calls, 1)
		l.lab.Want("state", l.state("parked"), "parked")
	})
}

// TestProbe_Refused checks options that are refused before anything is sent: the lab's database is closed.
func TestProbe_Refused(t *testing.T) {
	t.Parallel()
	hazards(t, lab.SQLite, func(l *hazardLab) {
		pool := l.lab.NS.DB()
		s := l.open(pool)
		pool.Close()
		number := keys.Probe(func(context.Context, *keys.Held) (int, bool, error) { return 0, false, nil })
		for want, opt := range map[string]keys.DoOption{
			"both must return the same type": number,
			"Probe: the function is nil":     keys.Probe[string](nil),
			"an option is nil":               nil,
			"from a millisecond to a year":   keys.Lease(0),
			"the minimum is a millisecond":   keys.Retain(0),
			"is negative":                    keys.MaxWait(-1),
			"the codec is nil":               keys.WithCodec(nil),
		} {
			_, err := l.do(s, "a", l.notCalled, opt)
			l.lab.WantErr("Do", err, nil, "keys: ", want)
		}
		_, err := l.do(s, "a", l.notCalled, number, keys.Park())
		l.lab.WantErr("a later policy wins", err, nil, "database is closed")
		_, err = l.do(s, "a", nil)
		l.lab.WantErr("no fn", err, nil, "the function is nil")
		_, _, err = keys.Do(l.lab.Context(), s, hazardKey("a"), keys.Fingerprint{}, func(context.Context, *keys.Held) (chan int, error) { return nil, nil })
		l.lab.WantErr("a result that cannot be stored", err, nil, "cannot be encoded as json", "fn was not called")
		_, _, err = keys.Do(l.lab.Context(), s, keys.Key{}, keys.Fingerprint{}, l.notCalled)
		l.lab.WantErr("no key", err, nil, "Scope is empty")
	})
}

// TestProbe_ContextEnds checks that a probe whose context has ended parks nothing.
func TestProbe_ContextEnds(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		l.leave("a")
		ctx, cancel := context.WithCancel(l.bounded())
		_, _, err := keys.Do(ctx, l.store, hazardKey("a"), keys.Fingerprint{}, l.notCalled, keys.Probe(func(ctx context.Context, _ *keys.Held) (string, bool, error) {
			cancel()
			<-ctx.Done()
			return "", false, ctx.Err()
		}))
		l.lab.WantErr("Do", err, context.Canceled)
		l.lab.Want("state", l.state("a"), "leased")
	})
}
