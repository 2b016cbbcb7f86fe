package bulk_test

import (
	"context"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
)

// The tests of this file check that a batch of several parts ends soon after one part fails, even while the next part is
// being written.

// partEnding is a cause for the failure of the first part of a batch.
type partEnding struct {
	name    string
	prepare func(b *bulkLab)
	beside  func(s *stageCall, cancel func()) // runs beside the call; a row of the second part waits for its end
	want    func(s *stageCall, what string, err error)
}

func partEndings() []partEnding {
	wantClass := func(classes ...dialect.Class) func(*stageCall, string, error) {
		return func(s *stageCall, what string, err error) {
			for _, c := range classes {
				if err != nil && dialect.Classify(err) == c {
					return
				}
			}
			s.lab.Errorf("%s: %v, class %v; want an error of class %v", what, err, dialect.Classify(err), classes)
		}
	}
	return []partEnding{
		{"a row that is refused", func(b *bulkLab) { b.lab.Check("things", "k <> 7") }, nil, func(s *stageCall, what string, err error) {
			s.lab.WantErr(what, err, nil, "row 7")
		}},
		{"a lock that is not had in time", (*bulkLab).lockRow, nil, wantClass(dialect.LockTimeout)},
		{"the context's end", (*bulkLab).lockRow, func(s *stageCall, cancel func()) { s.lab.UntilWaits(s.id); cancel() }, func(s *stageCall, what string, err error) {
			s.lab.WantErr(what, err, context.Canceled)
		}},
		{"the session's end", (*bulkLab).lockRow, func(s *stageCall, _ func()) { s.lab.UntilWaits(s.id); s.kill() }, wantClass(dialect.Retryable)},
	}
}

// lockTimeout sets the shortest lock timeout of a session, by family.
var lockTimeout = map[string]string{"postgres": "SET lock_timeout = 100", "mysql": "SET innodb_lock_wait_timeout = 1"}

// lockRow locks a row of the first part.
func (b *bulkLab) lockRow() {
	b.lab.Helper()
	b.lab.On(b.lab.Begin(nil), "INSERT INTO things VALUES (7, 'abc')")
}

func TestBulkPartThatFailsEndsTheCall(t *testing.T) {
	t.Parallel()
	for _, e := range partEndings() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
				b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, v VARCHAR(200))")
				e.prepare(b)
				table := bulkTable[acting](b, "things", upsert.Retries(0))
				for name, c := range map[string]struct {
					part int
					put  func(ctx context.Context, db upsert.DB, rows []acting) (upsert.Result, error)
				}{
					"PutAll": {50000, func(ctx context.Context, db upsert.DB, rows []acting) (upsert.Result, error) {
						return table.PutAll(ctx, db, rows)
					}},
					"PutSeq": {10000, func(ctx context.Context, db upsert.DB, rows []acting) (upsert.Result, error) {
						return table.PutSeq(ctx, db, lab.Seq(rows))
					}},
				} {
					if name == "PutAll" && e.beside != nil && !engine.IsLong() {
						continue // a statement that waits ends both calls in the same way, and PutAll sends five times the rows
					}
					s := b.newCall()
					if e.name == "a lock that is not had in time" {
						b.lab.On(s.pool, lockTimeout[b.lab.Family()])
					}
					rows := make([]acting, 3*c.part)
					for i := range rows {
						rows[i] = acting{i, meanwhile{v: strings.Repeat("x", 150)}} // more blocks than a stream can hold
					}
					ctx, cancel := context.WithCancel(b.lab.Context())
					done := make(chan struct{})
					go func() {
						defer close(done)
						if e.beside != nil {
							e.beside(s, cancel)
						}
					}()
					rows[c.part+10].V.do = func() { <-done }
					err := s.run(func(context.Context) error {
						_, err := c.put(ctx, s.pool, rows)
						return err
					})
					<-done
					cancel()
					e.want(s, name, err)
					b.lab.Want(name+": connections in use", s.pool.Stats().InUse, 0)
					s.wantClean(s.pool)
					b.lab.Want(name+": rows", b.lab.Text("SELECT COUNT(*) FROM things"), 0)
					s.wantNoGoroutine()
				}
			})
		})
	}
}

// TestBulkPanicDoesNotWaitForALock checks that a call ends at once if a callback panics while a part waits for a lock. The
// part will not be committed, so the call need not wait.
func TestBulkPanicDoesNotWaitForALock(t *testing.T) {
	t.Parallel()
	bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, v VARCHAR(3))")
		table, s, other := bulkTable[acting](b, "things"), b.newCall(), b.lab.Begin(nil)
		b.lab.On(other, "INSERT INTO things VALUES (7, 'abc')")
		waits := lab.Later(func() error { b.lab.UntilWaits(s.id); return nil })
		// This row belongs to a later part, which is written while the first part waits.
		part := map[upsert.Path]int{upsert.Copy: 50000, upsert.Auto: 50000, upsert.Arrays: 5000, upsert.Values: 1000}[b.via]
		rows := actingRows(2*part, nil)
		rows[part+10].V.do = func() { b.lab.Result(waits); panic(errActed) } //nolint:errcheck // what it waits for cannot fail
		err := s.run(func(ctx context.Context) error {
			_, err := table.PutAll(ctx, s.pool, rows)
			return err
		})
		b.lab.WantErr("PutAll", err, errActed)
		b.lab.Want("connections in use", s.pool.Stats().InUse, 0)
		b.lab.Commit(other)
		b.lab.Until("the server has forgotten the rows", func() bool { return b.lab.Text("SELECT COUNT(*) FROM things") == "1" })
		s.wantClean(s.pool)
		s.wantNoGoroutine()
	})
}
