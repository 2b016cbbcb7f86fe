package integration_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/lab"
)

// TestCancelledCallLeavesItsConnectionFree checks that the ROLLBACK of a cancelled call does not arrive after the BEGIN of
// the next call on the same connection.
func TestCancelledCallLeavesItsConnectionFree(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	lab.Each(t, "sqlite "+lab.OnDuplicateKey+" "+lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT)")
		table := lab.Table[thing](l, "things", upsert.Retries(0))
		for round := range 30 {
			l.Exec("DELETE FROM things")
			conn := l.Session().Conn
			ctx, cancel := context.WithCancel(l.Context())
			// Two rows of one key need two statements. The call sends the first statement and is cancelled before the second
			// one.
			_, err := table.PutAll(ctx, conn, []thing{{1, 1}, {1, 2}}, upsert.Progress(func(int64) { cancel() }))
			_, next := table.PutAll(l.Context(), conn, []thing{{2, 1}, {2, 2}})
			rows := l.Text("SELECT * FROM things")
			l.WantErr("the call that was cancelled", err, context.Canceled)
			if next != nil || rows != "2|2" || dialect.Classify(err) != dialect.Permanent {
				l.Fatalf("round %d: the next call on the connection: %v, rows %q; want nil and its own only; class of %v: %v, want Permanent",
					round, next, rows, err, dialect.Classify(err))
			}
			_ = conn.Close()
		}
	})
}

// TestCancelledWhileAStatementRuns checks the error of a cancelled statement. Each driver returns a different error; lib/pq
// returns a bad connection.
func TestCancelledWhileAStatementRuns(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	lab.Each(t, lab.OnDuplicateKey+" "+lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT)", "INSERT INTO things VALUES (1, 0)")
		table := lab.Table[thing](l, "things", upsert.OnRetry(func(err error) { l.Errorf("retried after %v; want no retry", err) }))
		holder := l.Begin(nil)
		l.On(holder, "UPDATE things SET v = 1 WHERE k = 1")
		for verb, do := range map[string]func(context.Context, *sql.Conn) error{
			"Put": func(ctx context.Context, c *sql.Conn) error {
				_, err := table.Put(ctx, c, &thing{1, 2})
				return err
			},
			"GetOrCreate": func(ctx context.Context, c *sql.Conn) error {
				_, err := table.GetOrCreate(ctx, c, &thing{1, 2})
				return err
			},
			"PutAll of one": func(ctx context.Context, c *sql.Conn) error {
				_, err := table.PutAll(ctx, c, []thing{{1, 2}})
				return err
			},
			"PutAll": func(ctx context.Context, c *sql.Conn) error {
				_, err := table.PutAll(ctx, c, []thing{{0, 2}, {0, 3}, {1, 2}, {1, 3}})
				return err
			},
		} {
			if verb == "GetOrCreate" && l.D.Name() == "postgres" {
				continue // GetOrCreate reads the stored row, and reading does not wait
			}
			ctx, cancel := context.WithCancel(l.Context())
			s := l.Session()
			done := lab.Later(func() error { return do(ctx, s.Conn) })
			l.UntilWaits(s.ID)
			cancel()
			err := l.Result(done)
			l.WantErr(verb+", cancelled", err, context.Canceled)
			l.Want(verb+": class of "+fmt.Sprint(err), dialect.Classify(err), dialect.Permanent)
		}
		l.Commit(holder)
		// On MySQL and MariaDB a waiting statement runs to its end although the client is gone. A transaction is not
		// committed.
		l.Want("rows of the transaction", l.Text("SELECT * FROM things WHERE k = 0"), "")
	})
}

// before is a handle without BeginTx. It calls do once, before the first SELECT.
type before struct {
	upsert.DB
	do func()
}

func (b *before) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if strings.HasPrefix(query, "SELECT") && b.do != nil {
		b.do()
		b.do = nil
	}
	return b.DB.QueryContext(ctx, query, args...)
}

// TestPutOfARowThatIsDeletedMeanwhile checks Put if the statement skips the row and another connection deletes the row
// before Put reads its generated column.
func TestPutOfARowThatIsDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int `upsert:"keep"`
		G int `upsert:"generated"`
	}
	type versioned struct {
		K int `upsert:"key"`
		V int `upsert:"version"`
		G int `upsert:"generated"`
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT, g INT GENERATED ALWAYS AS (v + 1) STORED)", "INSERT INTO things VALUES (1, 1)")
		db := &before{l.DB, func() { l.Exec("DELETE FROM things") }}
		row := thing{K: 1, V: 5}
		o, err := lab.Table[thing](l, "things").Put(l.Context(), db, &row)
		l.Want("Put", fmt.Sprint(o, err, row), fmt.Sprint(upsert.Inserted, nil, thing{1, 5, 6}))
		l.Want("whether it was deleted meanwhile", db.do == nil, true)

		table := lab.Table[versioned](l, "things")
		lab.Put(l, table, l.DB, versioned{K: 2, V: 9}) // Put loads the catalog
		for _, stored := range []int{5, 9} {
			l.Exec("DELETE FROM things", fmt.Sprintf("INSERT INTO things VALUES (1, %d)", stored))
			db, old := &before{l.DB, func() { l.Exec("DELETE FROM things") }}, versioned{K: 1, V: 5}
			o, err := table.Put(l.Context(), db, &old)
			l.Want("Put of a version", fmt.Sprint(o, err, old), fmt.Sprint(upsert.Inserted, nil, versioned{1, 5, 6}))
			l.Want("rows", l.Text("SELECT * FROM things"), "1|5|6")
		}
	})
}

// TestRowDeletedSinceTheSnapshot checks outcomes if the transaction's snapshot still has a row that another connection has
// deleted. The transaction sees the deleted row beside the row that it has inserted itself.
func TestRowDeletedSinceTheSnapshot(t *testing.T) {
	t.Parallel()
	type thing struct {
		K   int `upsert:"key"`
		V   string
		Rev int `upsert:"version"`
	}
	lab.Each(t, lab.OnDuplicateKey+" "+lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT PRIMARY KEY, v VARCHAR(9), rev INT)")
		table := lab.Table[thing](l, "things")
		for _, level := range []sql.IsolationLevel{sql.LevelReadCommitted, sql.LevelRepeatableRead} {
			l.Exec("DELETE FROM things", "INSERT INTO things VALUES (1, 'old', 1)")
			tx := l.Begin(&sql.TxOptions{Isolation: level})
			l.Want(level.String()+": what is there", l.TextOn(tx, "SELECT v FROM things"), "old")
			l.Exec("DELETE FROM things")
			var each []upsert.Outcome
			r, err := table.PutAll(l.Context(), tx, []thing{{1, "new", 10}, {1, "late", 5}, {1, "new", 10}}, upsert.EachOutcome(func(_ int, o upsert.Outcome) { each = append(each, o) }))
			l.Want(level.String()+": PutAll", fmt.Sprint(r, err, each),
				fmt.Sprint(upsert.Result{Inserted: 1, Stale: 1, Unchanged: 1}, nil, []upsert.Outcome{upsert.Inserted, upsert.Stale, upsert.Unchanged}))
			l.Want(level.String()+": Put of a late row", lab.Put(l, table, tx, thing{1, "late", 5}), upsert.Stale)
			l.Want(level.String()+": Put of the same row", lab.Put(l, table, tx, thing{1, "new", 10}), upsert.Unchanged)
			l.Commit(tx)
			l.Want(level.String()+": rows", l.Text("SELECT * FROM things"), "1|new|10")
		}
	})
}
