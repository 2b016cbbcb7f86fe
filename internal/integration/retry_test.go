package integration_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/lab"
)

func retriedTable(t *testing.T, opts ...upsert.Option) *upsert.Table[pair] {
	t.Helper()
	table, err := upsert.New[pair](dialect.MySQL, "things", opts...)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return table
}

func TestRetriesAreCountedAndWaitForARandomTime(t *testing.T) {
	t.Parallel()
	for _, retries := range []int{0, 1, 5, 12} {
		t.Run(fmt.Sprint(retries), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { wantRetries(t, retries) })
		})
	}
}

func wantRetries(t *testing.T, retries int) {
	t.Helper()
	told, db := 0, &lab.Refusing{}
	table := retriedTable(t, upsert.Retries(retries), upsert.OnRetry(func(err error) {
		if told++; !errors.Is(err, lab.SerializationFailure{}) {
			t.Errorf("OnRetry is told %v, want the database's error", err)
		}
	}))
	_, err := table.Put(t.Context(), db, &pair{1, 1})
	if !errors.Is(err, lab.SerializationFailure{}) || dialect.Classify(err) != dialect.Retryable || !strings.Contains(err.Error(), fmt.Sprintf("after %d attempts", retries+1)) {
		t.Errorf("Put: %v, want the database's error after %d attempts", err, retries+1)
	}
	if len(db.At) != retries+1 || told != retries {
		t.Fatalf("%d attempts and %d calls of OnRetry; want %d attempts and %d calls", len(db.At), told, retries+1, retries)
	}
	equal := retries > 1
	for i := range retries {
		wait, most := db.At[i+1].Sub(db.At[i]), min(4*time.Millisecond<<i, 500*time.Millisecond)
		if wait < 0 || wait >= most {
			t.Errorf("wait %d is %v, want less than %v", i+1, wait, most)
		}
		equal = equal && wait == db.At[1].Sub(db.At[0])
	}
	if equal {
		t.Errorf("all waits are %v: two calls that collided once would collide again", db.At[1].Sub(db.At[0]))
	}
}

func TestCancelEndsTheWaitForARetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		db, done := &lab.Refusing{}, make(chan error, 1)
		table := retriedTable(t)
		began := time.Now()
		go func() {
			_, err := table.Put(ctx, db, &pair{1, 1})
			done <- err
		}()
		synctest.Wait() // until Put waits, because the clock of the bubble stands still
		if len(done) > 0 || len(db.At) != 1 {
			t.Fatalf("after %d attempts Put has ended or not begun; want it to wait after one", len(db.At))
		}
		cancel()
		err := <-done
		if !errors.Is(err, context.Canceled) || !errors.Is(err, lab.SerializationFailure{}) || dialect.Classify(err) != dialect.Permanent {
			t.Errorf("Put: %v, class %v; want the errors of the context and the database, class Permanent", err, dialect.Classify(err))
		}
		if took := time.Since(began); took != 0 || len(db.At) != 1 {
			t.Errorf("Put ended after %v and %d attempts, want one attempt and an immediate end", took, len(db.At))
		}
	})
}

// TestErrorsOfTheCallersAreNotTheConnections checks that an error from the caller's code is not taken for a lost connection,
// even if the two errors look alike.
func TestErrorsOfTheCallersAreNotTheConnections(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V lab.Unreadable
	}
	lab.Each(t, "sqlite", func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT)")
		table := lab.Table[thing](l, "things", upsert.OnRetry(func(err error) { l.Errorf("retried after %v; want no retry", err) }))
		good := thing{K: 1}
		seq := func(last thing, err error) iter.Seq2[thing, error] {
			return func(yield func(thing, error) bool) { _ = yield(good, nil) && yield(last, err) }
		}
		check := func(what string, err, is error) {
			l.Helper()
			l.WantErr(what, err, is)
			l.Want(what+": the class of "+fmt.Sprint(err), dialect.Classify(err), dialect.Permanent)
			l.Want(what+": rows", l.Text("SELECT COUNT(*) FROM things"), 0)
		}
		for _, is := range []error{fs.ErrNotExist, io.EOF, io.ErrUnexpectedEOF, lab.SerializationFailure{}} {
			bad := thing{K: 2, V: lab.Unreadable{Err: is}}
			_, err := table.Put(l.Context(), l.DB, &bad)
			check("Put", err, is)
			_, err = table.GetOrCreate(l.Context(), l.DB, &bad)
			check("GetOrCreate", err, is)
			for name, opts := range map[string][]upsert.PutOption{"atomic": nil, "with outcomes": {upsert.Outcomes()}, "in chunks": {upsert.ChunkTx(2)}} {
				_, err = table.PutAll(l.Context(), l.DB, []thing{good, bad}, opts...)
				check("PutAll, "+name, err, is)
				_, err = table.PutSeq(l.Context(), l.DB, seq(bad, nil), opts...)
				check("PutSeq of a bad row, "+name, err, is)
				_, err = table.PutSeq(l.Context(), l.DB, seq(good, is), opts...)
				check("PutSeq that yields the error, "+name, err, is)
			}
		}
	})
}

func TestOptionsThatSayNothingAreRefused(t *testing.T) {
	t.Parallel()
	if _, err := upsert.New[pair](dialect.MySQL, "things", nil); err == nil || !strings.HasPrefix(err.Error(), "upsert: ") {
		t.Errorf("New with a nil option: %v, want it to be refused", err)
	}
	table, db := retriedTable(t), &lab.Refusing{}
	for name, opt := range map[string]upsert.PutOption{"ChunkTx(0)": upsert.ChunkTx(0), "ChunkTx(-1)": upsert.ChunkTx(-1), "nil": nil} {
		_, err := table.PutAll(t.Context(), db, []pair{{1, 1}}, opt)
		if err == nil || !strings.HasPrefix(err.Error(), "upsert: ") {
			t.Errorf("PutAll with %s: %v, want it to be refused", name, err)
		}
		read := false
		_, err = table.PutSeq(t.Context(), db, func(func(pair, error) bool) { read = true }, opt)
		if err == nil || !strings.HasPrefix(err.Error(), "upsert: ") || read {
			t.Errorf("PutSeq with %s: %v, read %v; want it to be refused before it is read", name, err, read)
		}
	}
	if len(db.At) > 0 {
		t.Errorf("%d statements were sent, want 0", len(db.At))
	}
}

// TestRetriesASessionThatEndedWhileIdle checks PostgreSQL's idle_session_timeout, which ends a session between two calls.
// The driver hands out the dead connection once more. If lib/pq reads the cause (57P05), or if the call begins a
// transaction, the database has done no work and the call continues. Otherwise lib/pq only sees that the connection is gone.
// A single statement may then have been executed, and the call reports this to the caller.
func TestRetriesASessionThatEndedWhileIdle(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE retried (k int PRIMARY KEY, v int)")
		table := lab.Table[pair](l, "retried")
		rows := []pair{{1, 1}, {2, 2}}
		type call struct {
			name       string
			isOneQuery bool
			do         func(db upsert.DB) error
		}
		for _, c := range []call{
			{"Put", true, func(db upsert.DB) error { return lab.Second(table.Put(l.Context(), db, &rows[0])) }},
			{"GetOrCreate", true, func(db upsert.DB) error { return lab.Second(table.GetOrCreate(l.Context(), db, &rows[0])) }},
			{"PutAll", true, func(db upsert.DB) error { return lab.Second(table.PutAll(l.Context(), db, rows)) }},
			{"PutAll with Progress", false, func(db upsert.DB) error {
				return lab.Second(table.PutAll(l.Context(), db, rows, upsert.Progress(func(int64) {})))
			}},
			{"PutSeq", false, func(db upsert.DB) error { return lab.Second(table.PutSeq(l.Context(), db, lab.Seq(rows))) }},
		} {
			pool := l.NS.DB()
			pool.SetMaxOpenConns(1)
			id := l.TextOn(pool, "SELECT pg_backend_pid()")
			l.On(pool, "SET idle_session_timeout = 50")
			l.Until("the session is gone", func() bool { return l.Text("SELECT COUNT(*) FROM pg_stat_activity WHERE pid = "+id) == "0" })
			err := c.do(pool)
			if c.isOneQuery && dialect.Classify(err) == dialect.Ambiguous {
				err = c.do(pool)
			}
			l.Want(c.name, err, nil)
		}
	})
}
