package keys_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
)

// The tests of this file check the answers that callers get, on the first call and on a replay.

// end calls Run with an fn that returns err.
func (l *hazardLab) end(s *keys.Store, id string, err error, opts ...keys.ClaimOption) (replayed bool, _ error) {
	_, replayed, err = keys.Run(l.lab.Context(), s, hazardKey(id), keys.Fingerprint{}, func(context.Context, *keys.Tx) (string, error) { return "", err }, opts...)
	return replayed, err
}

// TestAnswer_FnTookLongerThanTheLimit checks that the time of fn does not count for MaxWait, which limits only the wait for
// other callers.
func TestAnswer_FnTookLongerThanTheLimit(t *testing.T) {
	t.Parallel()
	const limit = 300 * time.Millisecond
	hazards(t, lab.All, func(l *hazardLab) {
		calls := 0
		declines := func(ctx context.Context, tx *keys.Tx) (string, error) {
			calls++
			work, done := context.WithTimeout(ctx, limit+limit/10)
			defer done()
			<-work.Done()
			return "", keys.Final(errors.New("declined"))
		}
		for i := range 2 {
			_, replayed, err := keys.Run(l.lab.Context(), l.store, hazardKey("run"), keys.Fingerprint{}, declines, keys.MaxWait(limit))
			l.lab.Want("Run: its end, and calls of fn", fmt.Sprintln(replayed, err, calls), fmt.Sprintln(i > 0, "declined", 1))
		}
		calls = 0
		for i := range 2 {
			tx := l.Begin(nil)
			_, replayed, err := keys.Once(l.lab.Context(), l.store, tx, hazardKey("once"), keys.Fingerprint{}, declines, keys.MaxWait(limit))
			l.lab.Want("Once: its end, and calls of fn", fmt.Sprintln(replayed, err, calls), fmt.Sprintln(i > 0, "declined", 1))
			l.lab.Commit(tx)
		}
	})
}

func TestAnswer_RawMessage(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		const text = `{"a":"\ufffd"}`
		for i := range 2 {
			got, replayed, err := keys.Run(l.lab.Context(), l.open(l.lab.DB), hazardKey("a"), keys.Fingerprint{}, func(context.Context, *keys.Tx) (json.RawMessage, error) {
				return json.RawMessage(text), nil
			})
			l.lab.Want("Run", fmt.Sprintln(string(got), replayed, err), fmt.Sprintln(text, i > 0, nil))
		}
		type answer struct{ Body json.RawMessage }
		for i := range 2 {
			got, replayed, err := keys.Run(l.lab.Context(), l.open(l.lab.DB), hazardKey("in a struct"), keys.Fingerprint{}, func(context.Context, *keys.Tx) (answer, error) {
				return answer{json.RawMessage(text)}, nil
			})
			l.lab.Want("Run", fmt.Sprintln(string(got.Body), replayed, err), fmt.Sprintln(text, i > 0, nil))
		}
		_, _, err := keys.Run(l.lab.Context(), l.store, hazardKey("b"), keys.Fingerprint{}, func(context.Context, *keys.Tx) (string, error) { return "\xff", nil })
		l.lab.WantErr("a string that JSON would change", err, nil, "not UTF-8", "rolled back")
	})
}

func TestAnswer_FinalInAWrap(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		declined, other := errors.New("declined"), errors.New("other")
		s := l.open(l.lab.DB, keys.KnownErrors(declined))
		for id, err := range map[string]error{
			"wrapped": fmt.Errorf("card 7: %w", keys.Final(declined)),
			"joined":  errors.Join(other, keys.Final(declined)),
			"bare":    keys.Final(declined),
		} {
			text := err.Error()
			_, first := l.end(s, id, err)
			replayed, second := l.end(s, id, nil)
			for when, got := range map[string]error{"the first time": first, "on a replay": second} {
				var final *keys.FinalError
				if !errors.As(got, &final) || final.Text != text || got.Error() != text || !errors.Is(got, declined) {
					l.lab.Errorf("an error that is %s, %s: %v; want %q and an error that wraps the original error", id, when, got, text)
				}
			}
			l.lab.Want("an error that is "+id+": replayed", replayed, true)
			if id != "bare" && !errors.Is(first, err) {
				l.lab.Errorf("an error that is %s: the first time the error is %#v; want an error that wraps the error of fn", id, first)
			}
		}
	})
}

func TestAnswer_FinalTextIsNotUTF8(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		for i, text := range []string{"bad \xff", "\xc3", "cut \xe2\x82"} {
			_, first := l.end(l.store, fmt.Sprint(i), keys.Final(errors.New(text)))
			replayed, second := l.end(l.open(l.lab.DB), fmt.Sprint(i), nil)
			l.lab.Want(fmt.Sprintf("%q, and replayed", text), fmt.Sprintf("%q %v", second, replayed), fmt.Sprintf("%q true", first))
		}
	})
}

// TestAnswer_FinalOfAnotherKey checks that the final error of an inner call becomes the answer of the outer call only if fn
// marks it as final.
func TestAnswer_FinalOfAnotherKey(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		declined := errors.New("declined")
		passesOn := func(wrap func(error) error) func(context.Context, *keys.Tx) (string, error) {
			return func(ctx context.Context, tx *keys.Tx) (string, error) {
				_, _, err := keys.Once(ctx, l.store, tx, hazardKey("inner"), keys.Fingerprint{}, func(context.Context, *keys.Tx) (string, error) {
					return "", fmt.Errorf("card 7: %w", keys.Final(declined))
				})
				return "", wrap(err)
			}
		}
		for what, wrap := range map[string]func(error) error{
			"as it is": func(err error) error { return err },
			"wrapped":  func(err error) error { return fmt.Errorf("inner: %w", err) },
			"joined":   func(err error) error { return errors.Join(errors.New("inner"), err) },
		} {
			_, _, err := keys.Run(l.lab.Context(), l.store, hazardKey(what), keys.Fingerprint{}, passesOn(wrap))
			var final *keys.FinalError
			if !errors.As(err, &final) || final.Text != "card 7: declined" {
				l.lab.Errorf("Run that returns an inner final error %s: %v; want the inner error", what, err)
			}
			l.wantUnknown(what)
			l.wantUnknown("inner")
		}
		_, _, err := keys.Run(l.lab.Context(), l.store, hazardKey("said so"), keys.Fingerprint{}, passesOn(keys.Final))
		l.lab.WantErr("Run that marks it", err, declined)
		replayed, err := l.end(l.store, "said so", nil)
		l.lab.Want("the same again", fmt.Sprintln(replayed, err), fmt.Sprintln(true, "card 7: declined"))
	})
}
