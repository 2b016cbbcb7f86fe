package integration_test

import (
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
)

// history are triggers that record the value of a row after each write. A deleted row is recorded as NULL.
var history = []string{
	"CREATE TABLE history (n INTEGER PRIMARY KEY, v INT)",
	"CREATE TRIGGER inserted AFTER INSERT ON things BEGIN INSERT INTO history (v) VALUES (new.v); END",
	"CREATE TRIGGER updated AFTER UPDATE ON things BEGIN INSERT INTO history (v) VALUES (new.v); END",
	"CREATE TRIGGER deleted AFTER DELETE ON things BEGIN INSERT INTO history (v) VALUES (NULL); END",
}

// told is the outcome of one Put, and the length of the history before and after the Put.
type told struct {
	v, from, to int
	outcome     upsert.Outcome
}

// possible reports whether the outcome fits one of the states of the row during the Put.
func (c told) possible(states []sql.Null[int]) bool {
	is := sql.Null[int]{V: c.v, Valid: true}
	for at := c.from; at <= c.to; at++ {
		if c.outcome == upsert.Unchanged && states[at] == is || at > c.from && states[at] == is && c.outcome == becomes(states[at-1], c.v) {
			return true
		}
	}
	return false
}

// becomes returns the outcome that a Put of v has on a row in the given state.
func becomes(state sql.Null[int], v int) upsert.Outcome {
	switch {
	case !state.Valid:
		return upsert.Inserted
	case state.V != v:
		return upsert.Updated
	}
	return upsert.Unchanged
}

// TestForetold_AmongOthers checks concurrent Puts: other connections write and delete between two statements of a call.
func TestForetold_AmongOthers(t *testing.T) {
	t.Parallel()
	lab.Each(t, "sqlite", func(l *lab.Lab) {
		l.Exec(append([]string{lab.CreateThings}, history...)...)
		db, table := l.NS.DB(), lab.Table[pair](l, "things")
		db.SetMaxOpenConns(3)
		prepared := lab.Prepare(l, table, db)
		length := func() (n int) {
			if err := db.Get(&n, "SELECT COALESCE(MAX(n), 0) FROM history"); err != nil {
				l.Error(err)
			}
			return n
		}
		const clients, calls = 6, 40
		var all sync.WaitGroup
		var of [clients][calls]told
		for client := range clients {
			put := func(row *pair) (upsert.Outcome, error) { return prepared.Put(l.Context(), row) }
			if client%2 == 0 {
				put = func(row *pair) (upsert.Outcome, error) { return table.Put(l.Context(), db, row) }
			}
			all.Go(func() {
				for i := range calls {
					if i%5 == 4 {
						l.On(db, "DELETE FROM things")
					}
					c, err := told{v: (client + i/2) % 3, from: length()}, error(nil)
					c.outcome, err = put(&pair{1, c.v})
					if c.to = length(); err != nil {
						l.Errorf("Put: %v", err)
					}
					of[client][i] = c
				}
			})
		}
		all.Wait()
		var put []told
		for _, calls := range of {
			put = append(put, calls[:]...)
		}
		wantHistory(l, put)
	})
}

// wantHistory wants each write to be reported by exactly one call, and each reported write to have happened.
func wantHistory(l *lab.Lab, put []told) {
	l.Helper()
	states := []sql.Null[int]{{}}
	var written []sql.Null[int]
	if err := l.DB.Select(&written, "SELECT v FROM history ORDER BY n"); err != nil {
		l.Fatal(err)
	}
	states = append(states, written...)
	type event struct {
		v       int
		outcome upsert.Outcome
	}
	counts := map[event]int{}
	for at, state := range states[1:] {
		if state.Valid {
			counts[event{state.V, becomes(states[at], state.V)}]++
		}
	}
	for _, c := range put {
		if !c.possible(states) {
			l.Errorf("Put of %d is %v; want an outcome that fits the states of the row meanwhile: %v", c.v, c.outcome, states[c.from:c.to+1])
		}
		if c.outcome != upsert.Unchanged {
			counts[event{c.v, c.outcome}]--
		}
	}
	for e, n := range counts {
		if n != 0 {
			l.Errorf("%v with %d: the writes exceed the Puts that reported one by %+d", e.outcome, e.v, n)
		}
	}
}

// meddler changes the row before each statement of a call, like another connection.
type meddler struct {
	*lab.Lab
	state  sql.Null[int] // the state of the row
	script []string      // actions before the next statements
	sent   int           // number of statements since the script began
	armed  bool
}

func (m *meddler) before(p *faults.Point) error {
	if m.armed && p.Moment == faults.Before && (p.Kind == faults.Exec || p.Kind == faults.Query) {
		if m.sent++; len(m.script) > 0 {
			m.do(m.script[0])
			m.script = m.script[1:]
		}
	}
	return nil
}

// do brings the row into the named state. The tested Put writes the value 1.
func (m *meddler) do(what string) {
	m.Helper()
	switch what {
	case "nothing":
	case "deleted":
		m.Exec("DELETE FROM things WHERE k = 1")
		m.state = sql.Null[int]{}
	default:
		m.state = sql.Null[int]{V: map[string]int{"same": 1, "other": 2}[what], Valid: true}
		m.Exec(fmt.Sprintf("INSERT INTO things VALUES (1, %d) ON CONFLICT DO UPDATE SET v = excluded.v", m.state.V))
	}
}

// TestForetold_WhateverOthersDoBetween checks every action of others between the statements of a call. The last statement reports the
// state that it met, and the call ends soon after the others stop. A plain table tells the outcome of a written row in one statement.
func TestForetold_WhateverOthersDoBetween(t *testing.T) {
	t.Parallel()
	does := []string{"nothing", "deleted", "same", "other"}
	for _, way := range []string{"Put", "Prepared", "plain Put", "plain Prepared"} {
		for _, last := range []upsert.Outcome{upsert.Inserted, upsert.Updated, upsert.Unchanged} {
			t.Run(fmt.Sprintf("%s after one %v", way, last), func(t *testing.T) {
				t.Parallel()
				lab.Each(t, "sqlite", func(l *lab.Lab) {
					l.Exec(lab.CreateThings)
					m := &meddler{Lab: l}
					db, table := faults.Open(l, l.NS, m.before), lab.Table[pair](l, "things")
					if strings.HasPrefix(way, "plain") {
						var err error
						if table, err = table.Plain(l.Context(), db, upsert.Ignore(upsert.CheckNullableKey)); err != nil {
							l.Fatal(err)
						}
					}
					put := func(row pair) (upsert.Outcome, error) { return table.Put(l.Context(), db, &row) }
					if strings.HasSuffix(way, "Prepared") {
						p := lab.Prepare(l, table, db)
						put = func(row pair) (upsert.Outcome, error) { return p.Put(l.Context(), &row) }
					}
					for n := range 3 * 4 * 4 * 4 {
						m.do(does[1+n/64]) // the first state of the row
						before := m.state
						m.script = []string{does[n/16%4], does[n/4%4], does[n%4]}
						foretell(l, put, last, n)
						m.sent, m.armed = 0, true
						script := m.script
						o, err := put(pair{1, 1})
						m.armed = false
						if want := becomes(m.state, 1); err != nil || o != want {
							l.Errorf("Put on %v, then %v = %v, %v; want %v", before, script, o, err, want)
						}
						if most := len(script) + 5; m.sent > most {
							l.Errorf("Put on %v, then %v: %d statements, want at most %d", before, script, m.sent, most)
						}
						if got := l.Text("SELECT v FROM things WHERE k = 1"); got != "1" {
							l.Errorf("Put on %v, then %v: the row is %q", before, script, got)
						}
					}
				})
			})
		}
	}
}

// TestForetold_GivesUp checks that Put gives up if the row exists at each insert and is deleted before each update. Put
// returns an error and invents no outcome.
func TestForetold_GivesUp(t *testing.T) {
	t.Parallel()
	lab.Each(t, "sqlite", func(l *lab.Lab) {
		l.Exec(lab.CreateThings)
		m := &meddler{Lab: l, armed: true}
		db, table := faults.Open(l, l.NS, m.before), lab.Table[pair](l, "things")
		for range 1000 {
			m.script = append(m.script, "other", "deleted", "nothing")
		}
		o, err := table.Put(l.Context(), db, &pair{1, 1})
		if err == nil || !strings.Contains(err.Error(), "neither inserted nor visible") || o != upsert.Unknown {
			l.Errorf("Put = %v, %v; want the error that the row was neither inserted nor visible", o, err)
		}
		if len(m.script) == 0 {
			l.Error("Put does not end; want Put to give up")
		}
	})
}

// foretell puts another row first. Its outcome must have no say in what Put does next.
func foretell(l *lab.Lab, put func(pair) (upsert.Outcome, error), last upsert.Outcome, n int) {
	l.Helper()
	rows := map[upsert.Outcome][]pair{
		upsert.Inserted:  {{100 + n, 0}},
		upsert.Updated:   {{100 + n, 0}, {100 + n, 1}},
		upsert.Unchanged: {{100 + n, 0}, {100 + n, 0}},
	}[last]
	var o upsert.Outcome
	var err error
	for _, row := range rows {
		o, err = put(row)
	}
	if err != nil || o != last {
		l.Fatalf("the row before: %v, %v; want %v", o, err, last)
	}
}
