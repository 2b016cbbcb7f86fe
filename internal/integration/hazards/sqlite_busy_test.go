package hazards_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
)

// unendingWait is longer than any test.
const unendingWait = "600000"

type busyThing struct {
	K int `upsert:"key"`
	V int
	G int `upsert:"generated"`
}

// busyVerbs returns functions that write with each verb, in one statement or in several.
func busyVerbs(l *lab.Lab, table *upsert.Table[busyThing]) map[string]func(context.Context, upsert.DB) error {
	rows := make([]busyThing, 600)
	for i := range rows {
		rows[i] = busyThing{K: i, V: 1}
	}
	putAll := func(rows []busyThing, opts ...upsert.PutOption) func(context.Context, upsert.DB) error {
		return func(ctx context.Context, db upsert.DB) error {
			_, err := table.PutAll(ctx, db, rows, opts...)
			return err
		}
	}
	return map[string]func(context.Context, upsert.DB) error{
		"Put": func(ctx context.Context, db upsert.DB) error {
			_, err := table.Put(ctx, db, &busyThing{K: 1, V: 1})
			return err
		},
		"GetOrCreate": func(ctx context.Context, db upsert.DB) error {
			_, err := table.GetOrCreate(ctx, db, &busyThing{K: 1, V: 1})
			return err
		},
		"Prepared.Put": func(ctx context.Context, db upsert.DB) error {
			p, err := table.Prepare(l.Context(), db)
			if err != nil {
				return err
			}
			_, err = p.Put(ctx, &busyThing{K: 1, V: 1})
			go p.Close() //nolint:errcheck // it waits for the statement
			return err
		},
		"PutSeq": func(ctx context.Context, db upsert.DB) error {
			_, err := table.PutSeq(ctx, db, func(yield func(busyThing, error) bool) { _ = yield(rows[0], nil) && yield(rows[1], nil) })
			return err
		},
		"PutAll of one": putAll(rows[:1]), "PutAll": putAll(rows), "PutAll with Outcomes": putAll(rows, upsert.Outcomes()),
	}
}

func TestHazard_S15_ABusyWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	lab.Each(t, "sqlite", func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INTEGER PRIMARY KEY, v INT, g INT AS (v + 1))")
		table := lab.Table[busyThing](l, "things")
		for _, handle := range []string{"pool", "connection", "transaction"} {
			for verb, do := range busyVerbs(l, table) {
				what := verb + " on a " + handle
				patient := l.NS.DB(engine.Param("_busy_timeout", unendingWait))
				var db upsert.DB = patient
				var err error
				switch handle {
				case "connection":
					db, err = patient.DB.Conn(l.Context())
				case "transaction":
					db, err = patient.DB.BeginTx(context.Background(), nil) //nolint:usetesting // its end is the test's
				}
				if err != nil {
					l.Fatalf("%s: %v", what, err)
				}
				holder := l.Session("BEGIN IMMEDIATE")
				ctx, cancel := context.WithTimeout(l.Context(), 50*time.Millisecond)
				l.WantErr(what, l.Result(lab.Later(func() error { return do(ctx, db) })), context.DeadlineExceeded)
				cancel()
				l.On(holder, "ROLLBACK")
				wantUsable(l, what, db)
			}
		}
	})
}

// wantUsable wants the next write on the handle to be kept.
func wantUsable(l *lab.Lab, what string, db upsert.DB) {
	l.Helper()
	if tx, ok := db.(*sql.Tx); ok {
		_ = tx.Rollback() // if the write was interrupted, SQLite has already rolled back
		db = l.DB
	}
	l.On(db, "INSERT INTO things (k, v) VALUES (-1, -1)")
	l.Want(what+": what was written afterwards", l.Text("SELECT k, v FROM things WHERE k < 0"), "-1|-1")
	l.Exec("DELETE FROM things")
}

func TestHazard_S15_ABusyCommitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	lab.Each(t, "sqlite", func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INTEGER PRIMARY KEY, v INT, g INT AS (v + 1))", "INSERT INTO things (k, v) VALUES (0, 0)")
		table := lab.Table[busyThing](l, "things")
		for verb, do := range busyVerbs(l, table) {
			patient := l.NS.DB(engine.Param("_busy_timeout", unendingWait), engine.Param("_journal_mode", "DELETE"))
			reader := l.Session("BEGIN")
			l.TextOn(reader, "SELECT * FROM things")
			ctx, cancel := context.WithTimeout(l.Context(), 50*time.Millisecond)
			l.WantErr(verb, l.Result(lab.Later(func() error { return do(ctx, patient) })), context.DeadlineExceeded)
			cancel()
			l.On(reader, "ROLLBACK")
			wantUsable(l, verb, patient)
		}
	}, engine.Param("_journal_mode", "DELETE"))
}
