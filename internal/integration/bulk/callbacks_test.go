package bulk_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
)

// The tests of this file check the functions that a caller passes to a call. The call runs these functions on its own
// goroutine, even if it works in the background. A function may also end this goroutine.

// callbackEach is bulkEach that also covers SQLite, whose only path is Values.
func callbackEach(t *testing.T, fn func(b *bulkLab)) {
	t.Helper()
	bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, fn)
	t.Run("only", func(t *testing.T) {
		t.Parallel()
		lab.Each(t, lab.SQLite, func(l *lab.Lab) { fn(&bulkLab{l, upsert.Auto}) })
	})
}

// newPool is newCall for all databases. On SQLite the pool does not wait for a lock and has no connection id.
func (b *bulkLab) newPool() *stageCall {
	if b.Family() != "sqlite" {
		return b.newCall()
	}
	s := &stageCall{bulkLab: b, pool: b.NS.DB(engine.Param("_busy_timeout", "0"))}
	s.pool.SetMaxOpenConns(1)
	return s
}

// failsOnce creates a table whose first write fails with a retryable error.
func (b *bulkLab) failsOnce() {
	b.Helper()
	b.Exec("CREATE TABLE things (k INT PRIMARY KEY, v VARCHAR(3))")
	switch b.Family() {
	case "postgres":
		b.Exec("CREATE SEQUENCE tries", "CREATE FUNCTION once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF nextval('tries') = 1 THEN RAISE EXCEPTION 'once' USING ERRCODE = '40001'; END IF; RETURN NULL; END $$",
			"CREATE TRIGGER once BEFORE INSERT ON things FOR EACH STATEMENT EXECUTE FUNCTION once()")
	case "mysql": // a rollback does not undo writes to a MyISAM table
		b.Exec("CREATE TABLE tries (n INT) ENGINE=MyISAM", "INSERT INTO tries VALUES (0)", "CREATE TRIGGER once BEFORE INSERT ON things FOR EACH ROW BEGIN UPDATE tries SET n = n + 1; "+
			"IF (SELECT n FROM tries) = 1 THEN SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213; END IF; END")
	}
}

// failAgain makes the next write fail with a retryable error. On SQLite all writes fail until release is called.
func (b *bulkLab) failAgain() (release func()) {
	b.Helper()
	switch b.Family() {
	case "postgres":
		b.Exec("ALTER SEQUENCE tries RESTART")
		return func() {}
	case "mysql":
		b.Exec("UPDATE tries SET n = 0")
		return func() {}
	}
	s := b.Session("BEGIN IMMEDIATE")
	released := false
	return func() {
		if !released {
			released = true
			b.On(s, "ROLLBACK")
		}
	}
}

// failNoMore lets all writes to the table of failsOnce succeed.
func (b *bulkLab) failNoMore() {
	b.Helper()
	switch b.Family() {
	case "postgres":
		b.Text("SELECT nextval('tries')")
	case "mysql":
		b.Exec("UPDATE tries SET n = n + 1")
	}
}

// actingRows returns n rows. Every tenth row calls do when its value is read.
func actingRows(n int, do func()) []acting {
	rows := make([]acting, n)
	for i := range rows {
		if rows[i] = (acting{i, meanwhile{v: "abc"}}); i%10 == 0 {
			rows[i].V.do = do
		}
	}
	return rows
}

// actingSeq is a sequence that calls do before every tenth row.
func actingSeq(rows []acting, do func()) iter.Seq2[acting, error] {
	return func(yield func(acting, error) bool) {
		for i, row := range rows {
			if i%10 == 0 {
				do()
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

func TestBulkCallbacksRunOnTheGoroutineOfTheCall(t *testing.T) {
	t.Parallel()
	callbackEach(t, func(b *bulkLab) {
		b.failsOnce()
		told := map[string]map[string]int{} // without a lock, so that the race detector notices another goroutine
		note := func(what string) func() {
			told[what] = map[string]int{}
			return func() { told[what][goroutine()]++ }
		}
		release, retry := func() {}, note("OnRetry")
		table := bulkTable[acting](b, "things", upsert.OnRetry(func(error) { retry(); release() }))
		progress, each, seq := note("Progress"), note("EachOutcome"), note("sequence")
		rows := actingRows(10500, note("Valuer")) // more than one part of a sequence
		opts := []upsert.PutOption{upsert.Progress(func(int64) { progress() })}
		withEach := append(opts[:1:1], upsert.EachOutcome(func(int, upsert.Outcome) { each() }))
		s := b.newPool()
		conn, err := b.newPool().pool.Conn(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		release = b.failAgain()
		_, err = table.PutAll(b.Context(), s.pool, rows[:6000], opts...)
		b.Want("PutAll", err, nil)
		_, err = table.PutAll(b.Context(), s.pool, rows[:2500], withEach...)
		b.Want("PutAll with outcomes", err, nil)
		_, err = table.PutSeq(b.Context(), s.pool, actingSeq(rows, seq), opts...)
		b.Want("PutSeq", err, nil)
		b.Exec("DELETE FROM things")
		release = b.failAgain()
		_, err = table.PutSeq(b.Context(), s.pool, actingSeq(rows[:4000], seq), append(opts, upsert.ChunkTx(2500))...)
		b.Want("PutSeq in chunks", err, nil)
		_, err = table.PutAll(b.Context(), conn, rows[:2500], withEach...)
		b.Want("PutAll on a Conn", errors.Join(err, conn.Close()), nil)
		tx, err := s.pool.BeginTx(b.Context(), nil)
		if err != nil {
			b.Fatal(err)
		}
		_, err = table.PutAll(b.Context(), tx, rows[:2500], withEach...)
		b.Want("PutAll in a transaction", err, nil)
		_, err = table.PutSeq(b.Context(), tx, actingSeq(rows[:2500], seq), opts...)
		b.Want("PutSeq in a transaction", err, nil)
		b.Commit(tx)
		for what, on := range told {
			b.Want("goroutines of "+what, fmt.Sprint(len(on), on[goroutine()] > 0), "1 true")
		}
		b.Want("calls of OnRetry", told["OnRetry"][goroutine()], 2)
	})
}

// callback is a function that ends the call that runs it.
type callback struct {
	name    string
	retries bool // the call runs the function only after a failed attempt
	kept    bool // the rows are committed before the function runs
	put     func(c *callbackCall) error
}

// callbackCall is a call that is ended by one of its callbacks.
type callbackCall struct {
	*stageCall
	table *upsert.Table[acting]
	db    upsert.DB
	act   func()
}

const callbackRows = 2500

// eachRows returns the number of rows whose outcome is requested. On MySQL such a row takes three statements, because
// failsOnce creates a trigger.
func (b *bulkLab) eachRows() int {
	if b.D.Name() == "mysql" {
		return 700
	}
	return callbackRows
}

func callbacks() []callback {
	return []callback{
		{name: "Progress", put: func(c *callbackCall) error {
			_, err := c.table.PutAll(c.Context(), c.db, actingRows(callbackRows, nil), upsert.Progress(func(int64) { c.act() }))
			return err
		}},
		{name: "Progress of one statement", put: func(c *callbackCall) error {
			_, err := c.table.PutAll(c.Context(), c.db, actingRows(3, nil), upsert.Progress(func(int64) { c.act() }))
			return err
		}},
		{name: "Progress of one row", put: func(c *callbackCall) error {
			_, err := c.table.PutAll(c.Context(), c.db, actingRows(1, nil), upsert.Progress(func(int64) { c.act() }))
			return err
		}},
		{name: "Progress of a sequence", put: func(c *callbackCall) error {
			_, err := c.table.PutSeq(c.Context(), c.db, lab.Seq(actingRows(callbackRows, nil)), upsert.Outcomes(), upsert.Progress(func(int64) { c.act() }))
			return err
		}},
		{name: "EachOutcome", kept: true, put: func(c *callbackCall) error {
			_, err := c.table.PutAll(c.Context(), c.db, actingRows(c.eachRows(), nil), upsert.EachOutcome(func(int, upsert.Outcome) { c.act() }))
			return err
		}},
		{name: "OnRetry", retries: true, put: func(c *callbackCall) error {
			_, err := c.table.PutAll(c.Context(), c.db, actingRows(callbackRows, nil))
			return err
		}},
		{name: "a Valuer", put: func(c *callbackCall) error {
			rows := actingRows(callbackRows, nil)
			rows[callbackRows-1].V.do = c.act
			_, err := c.table.PutAll(c.Context(), c.db, rows)
			return err
		}},
		{name: "a sequence", put: func(c *callbackCall) error {
			seq := func(yield func(acting, error) bool) {
				for _, row := range actingRows(callbackRows, nil) {
					yield(row, nil)
				}
				c.act()
			}
			_, err := c.table.PutSeq(c.Context(), c.db, seq)
			return err
		}},
	}
}

// TestBulkCallbacksThatEnd checks that a panic of a callback reaches the caller, that a callback can end the goroutine, and
// that the call leaves no rows and no goroutine behind.
func TestBulkCallbacksThatEnd(t *testing.T) {
	t.Parallel()
	for _, c := range callbacks() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			callbackEach(t, func(b *bulkLab) {
				b.failsOnce()
				for _, handle := range []string{"pool", "conn", "tx"} {
					if handle == "tx" && c.retries || handle == "conn" && !engine.IsLong() {
						continue // the caller must retry a transaction, and a Conn is similar to a pool
					}
					b.endsWith(c, handle, errActed, func() { panic(errActed) })
					if handle == "pool" || engine.IsLong() {
						b.endsWith(c, handle, errors.New("it never returned"), runtime.Goexit)
					}
				}
			})
		})
	}
}

// endsWith runs a call that act ends, and wants the given error.
func (b *bulkLab) endsWith(c callback, handle string, want error, act func()) {
	b.Helper()
	what := fmt.Sprintf("%s on a %s, %v", c.name, handle, want)
	release := func() {}
	if c.retries {
		release = b.failAgain()
	} else {
		b.failNoMore()
	}
	s := b.newPool()
	call := &callbackCall{stageCall: s, act: act}
	call.table = bulkTable[acting](b, "things", upsert.OnRetry(func(error) { call.act() }))
	db, end := s.handle(handle)
	call.db = db
	err := s.run(func(context.Context) error { return c.put(call) })
	release()
	b.Want(what, err, want)
	if s.points != nil || b.Family() == "postgres" {
		s.wantClean(db)
	}
	end()
	b.Want(what+": connections in use", s.pool.Stats().InUse, 0)
	rows := 0
	if c.kept && handle != "tx" {
		rows = b.eachRows()
	}
	b.Want(what+": rows", b.Text("SELECT COUNT(*) FROM things"), rows)
	_, err = call.table.PutAll(b.Context(), s.pool, []acting{{-1, meanwhile{v: "a"}}, {-2, meanwhile{v: "b"}}})
	b.Want(what+": the next call", err, nil)
	b.Want(what+": its rows, as others see them", b.Text("SELECT COUNT(*) FROM things WHERE k < 0"), 2)
	if s.points != nil || b.Family() == "postgres" {
		s.wantClean(s.pool)
	}
	b.Exec("DELETE FROM things")
	s.wantNoGoroutine()
}

// handle returns the pool, one of its connections or a transaction. end releases the handle.
func (s *stageCall) handle(kind string) (db upsert.DB, end func()) {
	s.Helper()
	var err error
	switch kind {
	case "conn":
		var conn *sql.Conn
		if conn, err = s.pool.Conn(s.Context()); err == nil {
			return conn, func() { _ = conn.Close() }
		}
	case "tx":
		var tx *sql.Tx
		if tx, err = s.pool.BeginTx(s.Context(), nil); err == nil {
			return tx, func() { _ = tx.Rollback() }
		}
	default:
		return s.pool, func() {}
	}
	s.Fatalf("a %s: %v", kind, err)
	return nil, nil
}
