package bulk_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/jmoiron/sqlx"
)

// The tests of this file check that a batch leaves no temporary table and no setting on its connection, however the batch
// ends.

type acting struct {
	K int `upsert:"key"`
	V meanwhile
}

var errActed = errors.New("it will not say")

// ending is a way in which a batch can end.
type ending struct {
	name string
	act  func(s *stageCall) // called in the middle of the rows
	last string             // value of the last row
	want func(s *stageCall, err error)
}

// stageCall is a call with a batch, on a pool of one connection.
type stageCall struct {
	lab    *lab.Lab
	via    upsert.Path
	pool   *sqlx.DB
	id     string
	cancel context.CancelFunc
	points func() []faults.Point
}

func endings() []ending {
	failed := func(s *stageCall, err error) {
		if err == nil {
			s.lab.Errorf("PutAll: nil; want an error")
		}
	}
	return []ending{
		{"success", nil, "abc", func(s *stageCall, err error) { s.lab.Want("PutAll", err, nil) }},
		{"a row that is refused", nil, "abcd", failed},
		{"a panic", func(*stageCall) { panic(errActed) }, "abc", func(s *stageCall, err error) { s.lab.WantErr("PutAll", err, errActed) }},
		{"the goroutine's end", func(*stageCall) { runtime.Goexit() }, "abc", func(s *stageCall, err error) { s.lab.Want("PutAll", err, "it never returned") }},
		{"the context's end", func(s *stageCall) { s.cancel() }, "abc", func(s *stageCall, err error) { s.lab.WantErr("PutAll", err, context.Canceled) }},
		{"the session's end", (*stageCall).kill, "abc", nil}, // the library may try again
	}
}

func (s *stageCall) kill() { s.lab.KillSession(s.id) }

// newCall opens the pool. On MariaDB and MySQL the pool records its statements, because temporary tables are in no catalog
// there.
func (b *bulkLab) newCall() *stageCall {
	s := &stageCall{lab: b.lab, via: b.via, pool: b.lab.NS.DB()}
	query := "SELECT pg_backend_pid()"
	if b.lab.Family() != "postgres" {
		db := faults.Open(b.lab, b.lab.NS, nil)
		s.pool, s.points, query = db.DB, db.Points, "SELECT CONNECTION_ID()"
	}
	s.pool.SetMaxOpenConns(1)
	s.id = b.lab.TextOn(s.pool, query)
	return s
}

// rows returns more rows than fit one statement of values or one block of lines.
func (s *stageCall) rows(e ending) []acting {
	n := 700
	if s.via == upsert.Auto || s.via == upsert.Copy {
		n = 3000
	}
	rows := make([]acting, n)
	for i := range rows {
		rows[i] = acting{i, meanwhile{v: strings.Repeat("x", 3)}}
	}
	rows[len(rows)-1].V.v = e.last
	if e.act != nil {
		acted := false
		rows[n-100].V.do = func() {
			if !acted {
				acted = true
				e.act(s)
			}
		}
	}
	return rows
}

// run calls f in a new goroutine, which f may end. run returns the error or the panic value of f.
func (s *stageCall) run(f func(ctx context.Context) error) (err error) {
	ctx, cancel := context.WithCancel(s.lab.Context())
	defer cancel()
	s.cancel = cancel
	done := make(chan struct{})
	err = errors.New("it never returned")
	pprof.Do(ctx, pprof.Labels("bulk", s.lab.Name()), func(ctx context.Context) {
		go func() {
			defer close(done)
			defer func() {
				if p := recover(); p != nil {
					err = p.(error)
				}
			}()
			err = f(ctx)
		}()
	})
	select {
	case <-done:
	case <-time.After(lab.Patience):
		s.lab.Fatalf("the call has not ended after %v", lab.Patience)
	}
	return err
}

// wantNoGoroutine closes the pool and wants the goroutines of run to end.
func (s *stageCall) wantNoGoroutine() {
	s.lab.Helper()
	_ = s.pool.Close()
	s.lab.Until("no goroutine is left", func() bool {
		var b strings.Builder
		_ = pprof.Lookup("goroutine").WriteTo(&b, 1)
		return !strings.Contains(b.String(), fmt.Sprintf("%q:%q", "bulk", s.lab.Name()))
	})
}

var stageTables = regexp.MustCompile("CREATE TEMPORARY TABLE (`[^`]+`)")

// wantClean wants the connection to have no temporary table and no changed setting.
func (s *stageCall) wantClean(db upsert.DB) {
	s.lab.Helper()
	if s.points == nil {
		s.lab.Want("temporary tables", s.lab.TextOn(db, "SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema()"), "")
		s.lab.Want("settings", s.lab.TextOn(db, "SELECT name FROM pg_settings WHERE source = 'session' AND name IN ('work_mem', 'search_path')"), "")
		return
	}
	s.lab.Want("settings", s.lab.TextOn(db, "SELECT @@sql_notes"), 1)
	for _, p := range s.points() {
		if name := stageTables.FindStringSubmatch(p.Text); name != nil {
			s.lab.Fails(db, "1146", "SELECT 1 FROM "+name[1])
		}
	}
}

func TestBulkLeavesNothingOnAPool(t *testing.T) {
	t.Parallel()
	for _, e := range endings() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
				b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, v VARCHAR(3))")
				table, s := bulkTable[acting](b, "things"), b.newCall()
				rows := s.rows(e)
				err := s.run(func(ctx context.Context) error {
					_, err := table.PutAll(ctx, s.pool, rows)
					return err
				})
				want := 0
				switch {
				case e.want == nil && err != nil: // a single statement may have been completed
					b.lab.Want("class of "+err.Error(), dialect.Classify(err), dialect.Ambiguous)
				case e.want == nil: // the session kept no rows, so the library tried again
					want = len(rows)
				case e.last == "abc" && e.act == nil:
					want = len(rows)
					fallthrough
				default:
					e.want(s, err)
				}
				b.lab.Want("connections in use", s.pool.Stats().InUse, 0)
				s.wantClean(s.pool)
				b.lab.Want("rows", b.lab.TextOn(s.pool, "SELECT COUNT(*) FROM things"), want)
				_, err = table.PutAll(b.lab.Context(), s.pool, []acting{{1, meanwhile{v: "a"}}, {2, meanwhile{v: "b"}}})
				b.lab.Want("the next call", err, nil)
				s.wantClean(s.pool)
				s.wantNoGoroutine()
			})
		})
	}
}

func TestBulkLeavesNothingOnAConn(t *testing.T) {
	t.Parallel()
	for _, e := range endings() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
				b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, v VARCHAR(3))")
				table, s := bulkTable[acting](b, "things", upsert.Retries(0)), b.newCall()
				rows := s.rows(e)
				conn, err := s.pool.Conn(b.lab.Context())
				if err != nil {
					b.lab.Fatalf("Conn: %v", err)
				}
				err = s.run(func(ctx context.Context) error {
					_, err := table.PutAll(ctx, conn, rows, upsert.Outcomes())
					return err
				})
				if e.want != nil {
					e.want(s, err)
				} else if err == nil {
					b.lab.Errorf("PutAll on a session that was ended: nil; want an error")
				}
				// lib/pq closes a connection whose statement was cancelled.
				if lost := e.want == nil || e.name == "the context's end"; !lost {
					s.wantClean(conn)
					_, err = table.PutAll(b.lab.Context(), conn, []acting{{1, meanwhile{v: "a"}}, {2, meanwhile{v: "b"}}})
					b.lab.Want("the next call", err, nil)
					s.wantClean(conn)
				}
				_ = conn.Close()
				s.wantClean(s.pool)
				s.wantNoGoroutine()
			})
		})
	}
}

func TestBulkLeavesNothingInATransaction(t *testing.T) {
	t.Parallel()
	for _, e := range endings() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
				b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, v VARCHAR(3))")
				table, s := bulkTable[acting](b, "things"), b.newCall()
				rows := s.rows(e)
				tx, err := s.pool.BeginTx(b.lab.Context(), nil)
				if err != nil {
					b.lab.Fatalf("BeginTx: %v", err)
				}
				b.lab.On(tx, "INSERT INTO things VALUES (-1, 'own')")
				b.lab.On(tx, "SAVEPOINT start")
				err = s.run(func(ctx context.Context) error {
					_, err := table.PutAll(ctx, tx, rows)
					return err
				})
				if e.want != nil {
					e.want(s, err)
				}
				if !s.alive(tx) { // the session has ended, so its transaction cannot be restored
					_ = tx.Rollback()
				} else {
					b.lab.On(tx, "ROLLBACK TO SAVEPOINT start")
					s.wantClean(tx)
					_, err = table.PutAll(b.lab.Context(), tx, []acting{{1, meanwhile{v: "a"}}, {2, meanwhile{v: "b"}}})
					b.lab.Want("the next call in the transaction", err, nil)
					s.wantClean(tx)
					b.lab.Commit(tx)
					b.lab.Want("rows", b.lab.TextOn(s.pool, "SELECT * FROM things ORDER BY k"), "-1|own 1|a 2|b")
				}
				s.wantClean(s.pool)
				s.wantNoGoroutine()
			})
		})
	}
}

// alive reports whether the session of the transaction accepts a rollback.
func (s *stageCall) alive(tx *sql.Tx) bool {
	_, err := tx.ExecContext(s.lab.Context(), "ROLLBACK TO SAVEPOINT start")
	return err == nil
}
