package lincheck_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/jmoiron/sqlx"
)

// at makes an event that nothing happens beside.
func at(when int64, subject string, w what, value string) event {
	return event{subject: subject, short: strings.Contains(subject, "short"), what: w, print: 1, value: value, call: 10 * when, ret: 10*when + 5}
}

func attempts(e event, n int) event { e.n = n; return e }

func other(e event) event { e.print = 2; return e }

// good is a history that an order explains, with GC between the two lives of the short key.
func good() ([]event, collections) {
	return []event{
		at(1, "key", undone, ""),
		at(2, "key", ran, "a"),
		at(3, "key", replayed, "a"),
		other(at(4, "key", mismatched, "")),
		at(5, "key", sawDone, "a"),
		at(1, "key short", ran, "b"),
		at(8, "key short", ran, "c"),
		at(9, "key short", replayed, "c"),
		at(1, "final", declined, "d"),
		at(2, "final", replayedFinal, "d"),
		attempts(at(1, "message", failed, ""), 1),
		attempts(at(2, "message", failed, ""), 2),
		attempts(at(3, "message", died, ""), 3),
		at(4, "message", handled, ""),
		at(5, "message", revived, ""),
		at(6, "message", fresh, "e"),
		at(7, "message", handled, ""),
	}, collections{{call: 60, ret: 65}}
}

// TestCheckerTakesAGoodHistory is what TestCheckerRefuses needs beside it.
func TestCheckerTakesAGoodHistory(t *testing.T) {
	t.Parallel()
	if bad := check(good()); bad != "" {
		t.Error(bad)
	}
}

// TestCheckerRefuses: each of these, added to a good history, is one that no order explains.
func TestCheckerRefuses(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]event{
		"a second execution":                     at(6, "key", ran, "x"),
		"a second execution beside the first":    {subject: "key", what: ran, value: "x", print: 1, call: 15, ret: 26},
		"a second final error":                   at(3, "final", declined, "x"),
		"fn called after it was done":            at(6, "key", undone, ""),
		"another's result":                       at(6, "key", replayed, "x"),
		"a result before there was one":          at(0, "key", replayed, "a"),
		"another fingerprint replayed":           other(at(6, "key", replayed, "a")),
		"the same fingerprint a mismatch":        at(6, "key", mismatched, ""),
		"a result for a final error":             at(3, "final", replayed, "d"),
		"a key forgotten before its time":        at(8, "key", sawNothing, ""),
		"a short key forgotten without GC":       at(3, "key short", ran, "x"),
		"a short key's result after it was gone": at(10, "key short", replayed, "b"),
		"a message handed out twice":             at(8, "message", fresh, "x"),
		"a message lost":                         at(0, "message", handled, ""),
		"a dead message handed out":              {subject: "message", what: fresh, value: "x", call: 41, ret: 42},
		"an attempt not counted":                 attempts(event{subject: "message", what: failed, call: 27, ret: 28}, 2),
		"an attempt at what is done":             attempts(at(8, "message", failed, ""), 1),
		"a living message revived":               at(8, "message", revived, ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, gc := good()
			if check(append(events, e), gc) == "" {
				t.Errorf("an order was found; want none")
			}
		})
	}
}

// TestLedgerRefuses: what the database holds must be what callers were told.
func TestLedgerRefuses(t *testing.T) {
	t.Parallel()
	events, _ := good()
	all := map[string]int{"a": 1, "b": 1, "c": 1, "e": 1}
	for name, c := range map[string]struct {
		id            string
		n             int
		finished, bad int64
	}{
		"good":                   {"a", 1, 4, 0},
		"an effect twice":        {"a", 2, 4, 1},
		"an effect lost":         {"a", 0, 4, 1},
		"an effect of nobody":    {"x", 1, 4, 1},
		"a row that should be":   {"a", 1, 3, 1},
		"a row that is too many": {"a", 1, 5, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := ledger{effects: map[string]int{}, finished: c.finished}
			for id, n := range all {
				l.effects[id] = n
			}
			l.effects[c.id] = c.n
			h := history{events: events, removed: 1}
			if problems := append(h.settle(l), h.balance(l)...); int64(len(problems)) != c.bad {
				t.Errorf("problems %q; want %d", problems, c.bad)
			}
		})
	}
}

// TestCheckerCatchesANaiveClaim: looking first and inserting afterwards, without a unique key, lets two callers have the
// effect, and the checker says so.
func TestCheckerCatchesANaiveClaim(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		w := newWorld(t, e, 0)
		if _, err := w.processes[0].db.ExecContext(t.Context(), "CREATE TABLE naive (k VARCHAR(100) NOT NULL, v VARCHAR(100) NOT NULL)"); err != nil {
			t.Fatal(err)
		}
		var looked, callers sync.WaitGroup
		looked.Add(2)
		events := make([]event, 2)
		for i := range events {
			callers.Go(func() {
				e := event{subject: "key", call: w.clock.Add(1)}
				e.what, e.value = naive(t.Context(), w.processes[i].db, fmt.Sprint(i), func() { looked.Done(); looked.Wait() })
				e.ret = w.clock.Add(1)
				events[i] = e
			})
		}
		callers.Wait()
		if events[0].what != ran || events[1].what != ran {
			t.Fatalf("%v; want both to have had the effect", events)
		}
		if check(events, nil) == "" {
			t.Errorf("an order was found for %v; want none", events)
		}
	})
}

// naive is how not to do it.
func naive(ctx context.Context, db *sqlx.DB, value string, looked func()) (what, string) {
	var there []string
	err := db.SelectContext(ctx, &there, "SELECT v FROM naive WHERE k = 'key'")
	looked()
	switch {
	case err != nil:
		return what(err.Error()), ""
	case len(there) > 0:
		return replayed, there[0]
	}
	if _, err := db.ExecContext(ctx, "INSERT INTO naive (k, v) VALUES ('key', '"+value+"')"); err != nil {
		return what(err.Error()), ""
	}
	return ran, value
}
