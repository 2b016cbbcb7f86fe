package upsert_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/lab"
)

// pair is a row for tests that need no particular row type.
type pair lab.Pair

// heard records the events of a table's hooks, one line for each event. The lines omit durations.
type heard struct{ lines []string }

func (h *heard) hooks() upsert.Hooks {
	note := func(kind string) func(context.Context, upsert.Event) {
		return func(_ context.Context, e upsert.Event) {
			h.lines = append(h.lines, fmt.Sprintf("%s %s.%s by %v: %v, attempt %d, error %t, took time %t", kind, e.Table, e.Verb, e.Path, e.Result, e.Attempt, e.Err != nil, e.Duration > 0))
		}
	}
	return upsert.Hooks{Write: note("write"), Retry: note("retry")}
}

func (h *heard) want(t testing.TB, what string, want ...string) {
	t.Helper()
	if got := strings.Join(h.lines, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("%s: the hooks heard\n%s\nwant\n%s", what, got, strings.Join(want, "\n"))
	}
	h.lines = nil
}

// TestHooksHearEachVerb checks that each call causes one Write event, however many statements and transactions the call
// needs.
func TestHooksHearEachVerb(t *testing.T) {
	t.Parallel()
	lab.Each(t, "sqlite postgres", func(l *lab.Lab) {
		l.Exec("CREATE TABLE retried (k int PRIMARY KEY, v int)")
		var h heard
		table := lab.Table[pair](l, "retried", upsert.WithHooks(h.hooks()), upsert.WithHooks(upsert.Hooks{}))
		ctx, batch := l.Context(), map[string]string{"postgres": "arrays", "sqlite": "values"}[l.Family()]
		rows := []pair{{1, 1}, {2, 2}, {3, 3}}
		l.Want("Put", lab.Second(table.Put(ctx, l.DB, &rows[0])), nil)
		h.want(l, "Put", "write retried.Put by values: 1 inserted, attempt 0, error false, took time true")
		l.Want("GetOrCreate", lab.Second(table.GetOrCreate(ctx, l.DB, &rows[0])), nil)
		h.want(l, "GetOrCreate", "write retried.GetOrCreate by values: 1 unchanged, attempt 0, error false, took time true")
		l.Want("PutAll", lab.Second(table.PutAll(ctx, l.DB, rows, upsert.Outcomes())), nil)
		h.want(l, "PutAll", "write retried.PutAll by "+batch+": 2 inserted, 1 unchanged, attempt 0, error false, took time true")
		l.Want("PutAll in chunks", lab.Second(table.PutAll(ctx, l.DB, rows, upsert.Outcomes(), upsert.ChunkTx(2), upsert.Via(upsert.Values))), nil)
		h.want(l, "PutAll in chunks", "write retried.PutAll by values: 3 unchanged, attempt 0, error false, took time true")
		l.Want("PutSeq", lab.Second(table.PutSeq(ctx, l.DB, lab.Seq(rows))), nil)
		h.want(l, "PutSeq", "write retried.PutSeq by "+batch+": 3 rows, attempt 0, error false, took time true")
		l.Want("Exec", lab.Second(table.Exec(ctx, l.DB, &rows[0])), nil)
		h.want(l, "Exec", "write retried.Exec by values: 1 row, attempt 0, error false, took time true")
		prepared, err := table.Prepare(ctx, l.DB)
		if err != nil {
			l.Fatal(err)
		}
		defer func() { _ = prepared.Close() }()
		l.Want("Prepared.Put", lab.Second(prepared.Put(ctx, &rows[0])), nil)
		l.Want("Prepared.Exec", lab.Second(prepared.Exec(ctx, &rows[0])), nil)
		h.want(l, "Prepared", "write retried.Prepared.Put by values: 1 unchanged, attempt 0, error false, took time true",
			"write retried.Prepared.Exec by values: 1 row, attempt 0, error false, took time true")
		if _, err := table.Put(ctx, l.DB, nil); err == nil {
			l.Error("Put of no row: nil")
		}
		h.want(l, "Put of no row", "write retried.Put by auto: no rows, attempt 0, error true, took time true")
	})
}

// TestHooksHearRetries checks that OnRetry is called as often as the Retry hook.
func TestHooksHearRetries(t *testing.T) {
	t.Parallel()
	var h heard
	told := 0
	table, err := upsert.New[pair](dialect.MySQL, "things", upsert.Retries(2), upsert.WithHooks(h.hooks()), upsert.OnRetry(func(error) { told++ }))
	if err != nil {
		t.Fatal(err)
	}
	_, err = table.PutAll(t.Context(), &lab.Refusing{}, []pair{{1, 1}, {2, 2}})
	if err == nil || told != 2 {
		t.Errorf("PutAll: %v after %d calls of OnRetry; want an error after 2 calls", err, told)
	}
	h.want(t, "PutAll", "retry things.PutAll by values: no rows, attempt 1, error true, took time true", "retry things.PutAll by values: no rows, attempt 2, error true, took time true",
		"write things.PutAll by values: no rows, attempt 0, error true, took time true")
}

func TestSlogHooks(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	hooks := upsert.SlogHooks(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})))
	hooks.Write(t.Context(), upsert.Event{Table: "things", Verb: "Put", Path: upsert.Values, Result: upsert.Result{Inserted: 1}, Duration: 5})
	hooks.Write(t.Context(), upsert.Event{Table: "things", Verb: "PutAll", Err: errors.New("no")})
	hooks.Retry(t.Context(), upsert.Event{Table: "things", Verb: "PutAll", Path: upsert.Copy, Attempt: 3, Err: errors.New("deadlock")})
	want := `level=DEBUG msg="rows written" table=things verb=Put path=values duration=5ns result="1 inserted"
level=WARN msg="rows not written" table=things verb=PutAll path=auto duration=0s result="no rows" error=no
level=WARN msg="transaction retried" table=things verb=PutAll path=copy duration=0s attempt=3 error=deadlock
`
	if log.String() != want {
		t.Errorf("the log is\n%s\nwant\n%s", log.String(), want)
	}
}
