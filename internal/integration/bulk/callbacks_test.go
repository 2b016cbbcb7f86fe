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
	if b.lab.Family() != "sqlite" {
		return b.newCall()
	}
	s := &stageCall{lab: b.lab, via: b.via, pool: b.lab.NS.DB(engine.Param("_busy_timeout", "0"))}
	s.pool.SetMaxOpenConns(1)
	return s
}

// failsOnce creates a table whose first write fails with a retryable error.
func (b *bulkLab) failsOnce() {
	b.lab.Helper()
	b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, v VARCHAR(3))")
	switch b.lab.Family() {
	case "postgres":
		b.lab.Exec("CREATE SEQUENCE tries", "CREATE FUNCTION once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF nextval('tries') = 1 THEN RAISE EXCEPTION 'once' USING ERRCODE = '40001'; END IF; RETURN NULL; END $$",
			"CREATE TRIGGER once BEFORE INSERT ON things FOR EACH STATEMENT EXECUTE FUNCTION once()")
	case "mysql": // a rollback does not undo writes to a MyISAM table
		b.lab.Exec("CREATE TABLE tries (n INT) ENGINE=MyISAM", "INSERT INTO tries VALUES (0)", "CREATE TRIGGER once BEFORE INSERT ON things FOR EACH ROW BEGIN UPDATE tries SET n = n + 1; "+
			"IF (SELECT n FROM tries) = 1 THEN SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213; END IF; END")
	}
}

// failAgain makes the next write fail with a retryable error. On SQLite all writes fail until release is called.
func (b *bulkLab) failAgain() (release func()) {
	b.lab.Helper()
	switch b.lab.Family() {
	case "postgres":
		b.lab.Exec("ALTER SEQUENCE tries RESTART")
		return func() {}
	case "mysql":
		b.lab.Exec("UPDATE tries SET n = 0")
		return func() {}
	}
	s := b.lab.Session("BEGIN IMMEDIATE")
	released := false
	return func() {
		if !released {
			released = true
			b.lab.On(s, "ROLLBACK")
		}
	}
}

// failNoMore lets all writes to the table of failsOnce succeed.
func (b *bulkLab) failNoMore() {
	b.lab.Helper()
	switch b.lab.Family() {
	case "postgres":
		b.lab.Text("SELECT nextval('tries')")
	case "mysql":
		b.lab.Exec("UPDATE tries SET n = n + 1")
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
		conn, err := b.newPool().pool.Conn(b.lab.Context())
		if err != nil {
			b.lab.Fatal(err)
		}
		release = b.failAgain()
		_, err = table.PutAll(b.lab.Context(), s.pool, rows[:6000], opts...)
		b.lab.Want("PutAll", err, nil)
		_, err = table.PutAll(b.lab.Context(), s.pool, rows[:2500], withEach...)
		b.lab.Want("PutAll with outcomes", err, nil)
		_, err = table.PutSeq(b.lab.Context(), s.pool, actingSeq(rows, seq), opts...)
		b.lab.Want("PutSeq", err, nil)
		b.lab.Exec("DELETE FROM things")
		release = b.failAgain()
		_, err = table.PutSeq(b.lab.Context(), s.pool, actingSeq(rows[:4000], seq), append(opts, upsert.ChunkTx(2500))...)
		b.lab.Want("PutSeq in chunks", err, nil)
		_, err = table.PutAll(b.lab.Context(), conn, rows[:2500], withEach...)
		b.lab.Want("PutAll on a Conn", errors.Join(err, conn.Close()), nil)
		tx, err := s.pool.BeginTx(b.lab.Context(), nil)
		if err != nil {
			b.lab.Fatal(err)
		}
		_, err = table.PutAll(b.lab.Context(), tx, rows[:2500], withEach...)
		b.lab.Want("PutAll in a transaction", err, nil)
		_, err = table.PutSeq(b.lab.Context(), tx, actingSeq(rows[:2500], seq), opts...)
		b.lab.Want("PutSeq in a transaction", err, nil)
		b.lab.Commit(tx)
		for what, on := range told {
			b.lab.Want("goroutines of "+what, fmt.Sprint(len(on), on[goroutine()] > 0), "1 true")
		}
		b.lab.Want("calls of OnRetry", told["OnRetry"][goroutine()], 2)
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
	stage *stageCall
	table *upsert.Table[acting]
	db    upsert.DB
	act   func()
}

const callbackRows = 2500

// eachRows returns the number of rows whose outcome is requested. On MySQL such a row takes three statements, because
// failsOnce creates a trigger.
func eachRows(l *lab.Lab) int {
	if l.D.Name() == "mysql" {
		return 700
	}
	return callbackRows
}

func callbacks() []callback {
	return []callback{
		{name: "Progress", put: func(c *callbackCall) error {
			_, err := c.table.PutAll(c.stage.lab.Context(), c.db, actingRows(callbackRows, nil), upsert.Progress(func(int64) { c.act() }))
			return err
		}},
		{name: "Progress of one statement", put: func(c *callbackCall) error {
			_, err := c.table.PutAll(c.stage.lab.Context(), c.db, actingRows(3, nil), upsert.Progress(func(int64) { c.act() }))
			return err
		}},
		{name: "Progress of one row", put: func(c *callbackCall) error {
			_, err := c.table.PutAll(c.stage.lab.Context(), c.db, actingRows(1, nil), upsert.Progress(func(int64) { c.act() }))
			return err
		}},
		{name: "Progress of a sequence", put: func(c *callbackCall) error {
			_, err := c.table.PutSeq(c.stage.lab.Context(), c.db, lab.Seq(actingRows(callbackRows, nil)), upsert.Outcomes(), upsert.Progress(func(int64) { c.act() }))
			return err
		}},
		{name: "EachOutcome", kept: true, put: func(c *callbackCall) error {
			_, err := c.table.PutAll(c.stage.lab.Context(), c.db, actingRows(eachRows(c.stage.lab), nil), upsert.EachOutcome(func(int, upsert.Outcome) { c.act() }))
			return err
		}},
		{name: "OnRetry", retries: true, put: func(c *callbackCall) error {
			_, err := c.table.PutAll(c.stage.lab.Context(), c.db, actingRows(callbackRows, nil))
			return err
		}},
		{name: "a Valuer", put: func(c *callbackCall) error {
			rows := actingRows(callbackRows, nil)
			rows[callbackRows-1].V.do = c.act
			_, err := c.table.PutAll(c.stage.lab.Context(), c.db, rows)
			return err
		}},
		{name: "a sequence", put: func(c *callbackCall) error {
			seq := func(yield func(acting, error) bool) {
				for _, row := range actingRows(callbackRows, nil) {
					yield(row, nil)
				}
				c.act()
			}
			_, err := c.table.PutSeq(c.stage.lab.Context(), c.db, seq)
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
	b.lab.Helper()
	what := fmt.Sprintf("%s on a %s, %v", c.name, handle, want)
	release := func() {}
	if c.retries {
		release = b.failAgain()
	} else {
		b.failNoMore()
	}
	s := b.newPool()
	call := &callbackCall{stage: s, act: act}
	call.table = bulkTable[acting](b, "things", upsert.OnRetry(func(error) { call.act() }))
	db, end := s.handle(handle)
	call.db = db
	err := s.run(func(context.Context) error { return c.put(call) })
	release()
	b.lab.Want(what, err, want)
	if s.points != nil || b.lab.Family() == "postgres" {
		s.wantClean(db)
	}
	end()
	b.lab.Want(what+": connections in use", s.pool.Stats().InUse, 0)
	rows := 0
	if c.kept && handle != "tx" {
		rows = eachRows(b.lab)
	}
	b.lab.Want(what+": rows", b.lab.Text("SELECT COUNT(*) FROM things"), rows)
	_, err = call.table.PutAll(b.lab.Context(), s.pool, []acting{{-1, meanwhile{v: "a"}}, {-2, meanwhile{v: "b"}}})
	b.lab.Want(what+": the next call", err, nil)
	b.lab.Want(what+": its rows, as others see them", b.lab.Text("SELECT COUNT(*) FROM things WHERE k < 0"), 2)
	if s.points != nil || b.lab.Family() == "postgres" {
		s.wantClean(s.pool)
	}
	b.lab.Exec("DELETE FROM things")
	s.wantNoGoroutine()
}

// handle returns the pool, one of its connections or a transaction. end releases the handle.
func (s *stageCall) handle(kind string) (db upsert.DB, end func()) {
	s.lab.Helper()
	var err error
	switch kind {
	case "conn":
		var conn *sql.Conn
		if conn, err = s.pool.Conn(s.lab.Context()); err == nil {
			return conn, func() { _ = conn.Close() }
		}
	case "tx":
		var tx *sql.Tx
		if tx, err = s.pool.BeginTx(s.lab.Context(), nil); err == nil {
			return tx, func() { _ = tx.Rollback() }
		}
	default:
		return s.pool, func() {}
	}
	s.lab.Fatalf("a %s: %v", kind, err)
	return nil, nil
}
