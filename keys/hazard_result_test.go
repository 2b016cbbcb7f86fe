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

type secretive struct {
	Shown  int
	hidden int
}

type chained struct {
	Value any
	Next  *chained
	Not   func() `json:"-"`
}

func TestHazard_K49_ResultIsWhatAReplayGives(t *testing.T) {
	t.Parallel()
	hazards(t, lab.SQLite+" "+lab.Postgres, func(l *hazardLab) {
		text, err := json.Marshal(secretive{1, 2})
		l.lab.Want("hazard: a struct with a field that is not exported", fmt.Sprint(string(text), " ", err), `{"Shown":1} <nil>`)

		wantRefused(l, secretive{1, 2}, "secretive.hidden is not exported")
		wantRefused(l, map[string][]*secretive{}, "hidden is not exported")
		wantRefused(l, struct{ E error }{}, ".E is a error, an interface")
		wantRefused(l, struct{ F func() }{}, ".F is a func()")
		wantRefused(l, any(int64(1<<53+1)), "changes if it is stored and read back")
		wantRefused(l, chained{Value: int64(1<<53 + 1)}, "changes if it is stored and read back")

		wantKept(l, time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC))
		wantKept(l, chained{Value: "a", Next: &chained{Value: 1.5}})
		wantKept(l, map[string]any{"b": []any{1.0, nil}})
		wantKept(l, json.RawMessage(`{"n":9007199254740993}`))

		type pair struct{ A, B any }
		got, _, err := keys.Run(l.lab.Context(), l.store, hazardKey("decoded"), keys.Fingerprint{}, func(context.Context, *keys.Tx) (pair, error) {
			return pair{7, struct{ X int }{8}}, nil
		})
		again, replayed, err2 := keys.Run(l.lab.Context(), l.store, hazardKey("decoded"), keys.Fingerprint{}, func(context.Context, *keys.Tx) (pair, error) {
			return pair{}, errors.New("fn was called")
		})
		l.lab.Want("the first answer", fmt.Sprintf("%T %T %v", got.A, got.B, err), "float64 map[string]interface {} <nil>")
		l.lab.Want("the replay", fmt.Sprint(again, replayed, err2), fmt.Sprint(got, true, nil))
	})
}

func wantRefused[R any](l *hazardLab, value R, why string) {
	l.lab.Helper()
	_, _, err := keys.Run(l.lab.Context(), l.store, hazardKey("refused"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (R, error) {
		_, err := effect("refused")(ctx, tx)
		return value, err
	})
	l.lab.WantErr(fmt.Sprintf("a result %#v", value), err, nil, "keys: lab/do/refused: ", why, "rolled back")
	l.lab.Want("its effects", l.effects("refused"), 0)
	l.wantUnknown("refused")
}

func wantKept[R any](l *hazardLab, value R) {
	l.lab.Helper()
	k, n := hazardKey(fmt.Sprintf("%T", value)), 0
	for range 2 {
		got, _, err := keys.Run(l.lab.Context(), l.store, k, keys.Fingerprint{}, func(context.Context, *keys.Tx) (R, error) { n++; return value, nil })
		want, _ := json.Marshal(value)
		text, _ := json.Marshal(got)
		l.lab.Want(fmt.Sprintf("a result %#v", value), fmt.Sprint(string(text), err, n), fmt.Sprint(string(want), nil, 1))
	}
}
