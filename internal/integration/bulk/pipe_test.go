package bulk_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/lab"
)

// The tests of this file check that the server works on one statement while the caller's goroutine prepares the next
// statement. All of the caller's code runs on this goroutine.

// goroutine returns the number of the calling goroutine. The function is slow, because the runtime writes a stack trace.
func goroutine() string {
	text := make([]byte, 64)
	return strings.Fields(string(text[:runtime.Stack(text, false)]))[1]
}

// homely is a value that counts the goroutines that call its Value method. The map has no lock, so that the race detector
// notices a second goroutine.
type homely struct {
	n    int64
	home map[string]int
}

func (h homely) Value() (driver.Value, error) {
	if h.n%10 == 0 {
		h.home[goroutine()]++
	}
	return h.n, nil
}

// homelyKey is a key that also checks the goroutine that calls its Scan method.
type homelyKey struct{ homely }

// errStray is the error of Scan on a goroutine that does not run the test.
var errStray = errors.New("Scan is called on a goroutine that no call was made on")

func (k *homelyKey) Scan(v any) error {
	text := make([]byte, 64<<10)
	if !strings.Contains(string(text[:runtime.Stack(text, false)]), "TestBulk") { // the name of the test is in its stack
		return errStray
	}
	_, err := fmt.Sscan(fmt.Sprintf("%v", v), &k.n)
	k.home = map[string]int{}
	return err
}

func TestBulkCallersCodeRunsOnItsGoroutine(t *testing.T) {
	t.Parallel()
	type thing struct {
		K   homelyKey `upsert:"key"`
		V   homely
		Rev int `upsert:"version"`
	}
	bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT, rev INT)")
		table := bulkTable[thing](b, "things")
		home, told := map[string]int{}, map[string]int{}
		rows := make([]thing, 2500)
		for i := range rows {
			rows[i] = thing{homelyKey{homely{int64(i), home}}, homely{int64(i % 20), home}, 1}
		}
		progress := upsert.Progress(func(int64) { told[goroutine()]++ })
		for name, opts := range map[string][]upsert.PutOption{"blind": nil, "with outcomes": {upsert.Outcomes()}, "for each": {upsert.EachOutcome(func(int, upsert.Outcome) { told[goroutine()]++ })}} {
			_, err := table.PutAll(b.lab.Context(), b.lab.DB, rows, append(opts, progress)...)
			b.lab.Want("PutAll, "+name, err, nil)
		}
		seq := func(yield func(thing, error) bool) {
			for i, row := range rows {
				if i%10 == 0 {
					told[goroutine()]++
				}
				if !yield(row, nil) {
					return
				}
			}
		}
		_, err := table.PutSeq(b.lab.Context(), b.lab.DB, seq, progress, upsert.Outcomes())
		b.lab.Want("PutSeq", err, nil)
		b.lab.Want("goroutines of the rows and of the callbacks", fmt.Sprint(len(home), len(told), home[goroutine()] > 0, told[goroutine()] > 0), "1 1 true true")
	})
}

// TestBulkProgressGrows checks that Progress is called after every statement, in the order of the rows, and at the end with
// the number of all rows.
func TestBulkProgressGrows(t *testing.T) {
	t.Parallel()
	bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT)")
		table := bulkTable[pair](b, "things")
		n := 12000
		if b.via == upsert.Auto || b.via == upsert.Copy {
			n = 51000
		}
		rows := make([]pair, n)
		for i := range rows {
			rows[i] = pair{i, 1}
		}
		few := rows[:11000]
		for _, c := range []struct {
			name string
			rows []pair
			put  func(...upsert.PutOption) (upsert.Result, error)
		}{
			{"PutAll", rows, func(o ...upsert.PutOption) (upsert.Result, error) {
				return table.PutAll(b.lab.Context(), b.lab.DB, rows, o...)
			}},
			{"PutAll on a Conn", rows, func(o ...upsert.PutOption) (upsert.Result, error) {
				return table.PutAll(b.lab.Context(), b.lab.Session(), rows, o...)
			}},
			{"PutSeq", few, func(o ...upsert.PutOption) (upsert.Result, error) {
				return table.PutSeq(b.lab.Context(), b.lab.DB, lab.Seq(few), o...)
			}},
			{"in chunks", few, func(o ...upsert.PutOption) (upsert.Result, error) {
				return table.PutSeq(b.lab.Context(), b.lab.DB, lab.Seq(few), append(o, upsert.ChunkTx(4000))...)
			}},
		} {
			var told []int64
			_, err := c.put(upsert.Progress(func(n int64) {
				if len(told) > 0 && n <= told[len(told)-1] {
					b.lab.Errorf("%s: progress %d after %d; want a greater number", c.name, n, told[len(told)-1])
				}
				told = append(told, n)
			}))
			if err != nil || len(told) < 2 || told[len(told)-1] != int64(len(c.rows)) {
				b.lab.Errorf("%s: %v, progress %v; want several numbers, the last %d", c.name, err, told, len(c.rows))
			}
		}
		b.lab.Want("rows", b.lab.Text("SELECT COUNT(*), SUM(v) FROM things"), fmt.Sprintf("%d|%d", n, n))
	})
}

// TestBulkOneConnection checks that a call uses one connection at a time, even while it searches for the row that caused an
// error.
func TestBulkOneConnection(t *testing.T) {
	t.Parallel()
	bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT)")
		b.lab.Check("things", "v < 9")
		pool := b.lab.Pool()
		n := 6000
		if b.lab.Family() == "mysql" { // on MySQL a row with an outcome takes three statements, because Check creates triggers
			n = 1200
		}
		rows := make([]pair, n)
		for i := range rows {
			rows[i] = pair{i, 1}
		}
		done := lab.Later(func() error {
			for _, opts := range [][]upsert.PutOption{nil, {upsert.Outcomes()}, {upsert.ChunkTx(2500)}} {
				if _, err := bulkTable[pair](b, "things").PutAll(b.lab.Context(), pool, rows, opts...); err != nil {
					return err
				}
				if _, err := bulkTable[pair](b, "things").PutSeq(b.lab.Context(), pool, lab.Seq(rows), opts...); err != nil {
					return err
				}
			}
			rows[n-500].V = 9
			_, err := bulkTable[pair](b, "things").PutAll(b.lab.Context(), pool, rows)
			b.lab.WantErr("PutAll of a bad row", err, nil, fmt.Sprintf("row %d", n-500))
			return nil
		})
		b.lab.Want("the calls", b.lab.Result(done), nil)
	})
}

// TestBulkSequencesThatEnd checks that no row stays if a sequence panics, fails or ends its goroutine.
func TestBulkSequencesThatEnd(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT)")
		table := bulkTable[pair](b, "things")
		for _, at := range []int{0, 9999, 10001} {
			for name, end := range map[string]func(yield func(pair, error) bool, cancel func()){
				"an error":                 func(yield func(pair, error) bool, _ func()) { yield(pair{}, gone) },
				"a panic":                  func(func(pair, error) bool, func()) { panic(gone) },
				"the end of its goroutine": func(func(pair, error) bool, func()) { runtime.Goexit() },
				"the end of the context":   func(yield func(pair, error) bool, cancel func()) { cancel(); yield(pair{at, 1}, nil) },
			} {
				what := fmt.Sprintf("%s at row %d", name, at)
				s := b.newCall()
				err := s.run(func(ctx context.Context) error {
					_, err := table.PutSeq(ctx, s.pool, untilRow(at, func(yield func(pair, error) bool) { end(yield, s.cancel) }))
					return err
				})
				switch name {
				case "the end of its goroutine":
					b.lab.Want(what, err, "it never returned")
				case "the end of the context":
					b.lab.WantErr(what, err, context.Canceled)
				default:
					b.lab.WantErr(what, err, gone)
				}
				b.lab.Want(what+": class of "+fmt.Sprint(err), dialect.Classify(err), dialect.Permanent)
				if name == "the end of the context" { // the library rolls back in the background, because nobody waits any more
					b.lab.Until(what+": no connection is in use", func() bool { return s.pool.Stats().InUse == 0 })
				}
				b.lab.Want(what+": connections in use", s.pool.Stats().InUse, 0)
				s.wantClean(s.pool)
				s.wantNoGoroutine()
			}
		}
		b.lab.Want("rows", b.lab.Text("SELECT COUNT(*) FROM things"), 0)
	})
}

func untilRow(n int, end func(yield func(pair, error) bool)) iter.Seq2[pair, error] {
	return func(yield func(pair, error) bool) {
		for i := range n {
			if !yield(pair{i, 1}, nil) {
				return
			}
		}
		end(yield)
	}
}

// TestBulkDeadlockIsRetried checks that a batch succeeds if its first attempt loses a deadlock in the middle. The first
// attempt must leave no rows for the second attempt.
func TestBulkDeadlockIsRetried(t *testing.T) {
	t.Parallel()
	bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT)", "INSERT INTO things VALUES (0, 0), (2999, 0), (5000, 0)")
		var told []error
		retries := 0
		table := bulkTable[pair](b, "things", upsert.OnRetry(func(err error) { told = append(told, err); retries++ }))
		rows := make([]pair, 3000)
		for i := range rows {
			rows[i] = pair{i, 1}
		}
		pool, other := b.lab.Pool(), b.lab.Begin(nil)
		if b.lab.Family() != "postgres" { // the server rolls back the smaller transaction
			b.lab.Exec("CREATE TABLE heavy (k INT)", "CREATE TABLE lasting (k INT) ENGINE=MyISAM") // a write to a MyISAM table also protects a transaction
			b.lab.On(other, "INSERT INTO lasting VALUES (1)")
			b.lab.On(other, "INSERT INTO heavy VALUES (1)")
			for range 14 {
				b.lab.On(other, "INSERT INTO heavy SELECT k FROM heavy")
			}
		} else {
			// A session looks for a deadlock once, some time after it began to wait. The batch must look when the other waits too, also
			// on a slow machine, and long before the other looks.
			pool.MustExec("SET deadlock_timeout = '5s'")
			b.lab.On(other, "SET LOCAL deadlock_timeout = '60s'")
		}
		b.lab.On(other, "UPDATE things SET v = 5 WHERE k = 2999")
		var r upsert.Result
		done := lab.Later(func() (err error) {
			r, err = table.PutAll(b.lab.Context(), pool, rows, upsert.Outcomes())
			return err
		})
		b.lab.UntilWaits(pool.ID)
		b.lab.On(other, "UPDATE things SET v = v + 7 WHERE k = 0") // the batch has locked this row
		b.lab.Commit(other)
		err := b.lab.Result(done)
		b.lab.Want("PutAll", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Inserted: 2998, Updated: 2}, nil))
		b.lab.Want("it was retried", retries > 0, true) // several retries are possible if a retry is faster than the wake-up of the other transaction
		for _, err := range told {
			b.lab.Want("class of "+fmt.Sprint(err), dialect.Classify(err), dialect.Retryable)
		}
		b.lab.Want("rows", b.lab.Text("SELECT COUNT(*), SUM(v) FROM things WHERE k < 3000"), "3000|3000")
	})
}
