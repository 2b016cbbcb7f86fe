package upsert_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"
)

// lab is a database in which a hazard is shown to be real and the library to be safe from it.
type lab struct {
	testing.TB
	ns *engine.Namespace
	db *sqlx.DB
	d  dialect.Dialect
}

const (
	postgresLabs = "postgres postgres18"
	allLabs      = "sqlite postgres postgres18 mariadb mysql"
	labPatience  = 30 * time.Second
)

// labs runs fn in a lab on each of the named engines.
func labs(t *testing.T, engines string, fn func(l *lab), opts ...engine.Option) {
	t.Helper()
	for name := range strings.FieldsSeq(engines) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := engine.Get(name).Namespace(t)
			l := &lab{TB: t, ns: ns, db: ns.DB(opts...)}
			d, err := dialect.Detect(t.Context(), l.db)
			if err != nil {
				t.Fatalf("Detect: %v", err)
			}
			l.d = d
			fn(l)
		})
	}
}

// labTable is New, which must succeed.
func labTable[T any](l *lab, name string, opts ...upsert.Option) *upsert.Table[T] {
	l.Helper()
	table, err := upsert.New[T](l.d, name, opts...)
	if err != nil {
		l.Fatalf("New: %v", err)
	}
	return table
}

// labPut is Put, which must succeed.
func labPut[T any](l *lab, table *upsert.Table[T], db upsert.DB, row T) upsert.Outcome {
	l.Helper()
	o, err := table.Put(l.Context(), db, &row)
	if err != nil {
		l.Fatalf("Put(%+v): %v", row, err)
	}
	return o
}

func (l *lab) lite() bool     { return l.d.Name() == "sqlite" }
func (l *lab) postgres() bool { return l.d.Name() == "postgres" }

// family is sqlite, postgres, or mysql for MariaDB too.
func (l *lab) family() string {
	if l.d.Name() == "mariadb" {
		return "mysql"
	}
	return l.d.Name()
}

// exec runs statements that must succeed.
func (l *lab) exec(statements ...string) {
	l.Helper()
	for _, s := range statements {
		if _, err := l.db.ExecContext(l.Context(), s); err != nil {
			l.Fatalf("%s: %v", s, err)
		}
	}
}

// fails runs a naive statement and wants the database's error.
func (l *lab) fails(db upsert.DB, code, query string, args ...any) {
	l.Helper()
	_, err := db.ExecContext(l.Context(), query, args...)
	l.wantCode("the hazard is gone: "+query, err, code)
}

// text returns a query's rows, columns joined by | and rows by blanks.
func (l *lab) text(query string) string {
	l.Helper()
	return l.textOn(l.db, query)
}

func (l *lab) textOn(db upsert.DB, query string) string {
	l.Helper()
	rows, err := db.QueryContext(l.Context(), query)
	if err != nil {
		l.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		l.Fatalf("%s: %v", query, err)
	}
	var all []string
	for rows.Next() {
		vals, dest := make([]sql.NullString, len(cols)), make([]any, len(cols))
		for i := range vals {
			dest[i] = &vals[i]
		}
		if err := rows.Scan(dest...); err != nil {
			l.Fatalf("%s: %v", query, err)
		}
		parts := make([]string, len(cols))
		for i, v := range vals {
			if parts[i] = v.String; !v.Valid {
				parts[i] = "NULL"
			}
		}
		all = append(all, strings.Join(parts, "|"))
	}
	if err := rows.Err(); err != nil {
		l.Fatalf("%s: %v", query, err)
	}
	return strings.Join(all, " ")
}

func (l *lab) want(what string, got, want any) {
	l.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		l.Errorf("%s: got %s, want %s", what, g, w)
	}
}

func (l *lab) wantCode(what string, err error, code string) {
	l.Helper()
	if got := labCode(err); got != code {
		l.Errorf("%s: got code %q (%v), want %q", what, got, err, code)
	}
}

// wantErr wants an error of that kind whose text has all the words.
func (l *lab) wantErr(what string, err, is error, words ...string) {
	l.Helper()
	if err == nil || is != nil && !errors.Is(err, is) {
		l.Errorf("%s: got %v, want an error that is %v", what, err, is)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			l.Errorf("%s: %q does not have %q", what, err, w)
		}
	}
}

// labCode is the database's code for an error: SQLSTATE, MySQL's number or SQLite's extended code; "" is success.
func labCode(err error) string {
	if err == nil {
		return ""
	}
	if state := dialect.SQLState(err); state != "" {
		return state
	}
	if n, ok := dialect.MySQLNumber(err); ok {
		return strconv.Itoa(n)
	}
	var lite sqlite3.Error
	if errors.As(err, &lite) {
		return strconv.Itoa(int(lite.ExtendedCode))
	}
	return err.Error()
}

// labSession is a connection whose waiting can be seen from another one.
type labSession struct {
	*sql.Conn
	id string
}

// session takes a connection from the pool and runs the statements on it.
func (l *lab) session(setup ...string) *labSession {
	l.Helper()
	conn, err := l.db.DB.Conn(l.Context())
	if err != nil {
		l.Fatalf("Conn: %v", err)
	}
	l.Cleanup(func() {
		// The pool must not get back what the statements set.
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		_ = conn.Close()
	})
	s := &labSession{Conn: conn}
	switch {
	case l.postgres():
		s.id = l.textOn(conn, "SELECT pg_backend_pid()")
	case !l.lite():
		s.id = l.textOn(conn, "SELECT CONNECTION_ID()")
	}
	for _, q := range setup {
		l.on(s, q)
	}
	return s
}

// on runs a statement that must succeed on a session or transaction.
func (l *lab) on(db upsert.DB, query string) {
	l.Helper()
	if _, err := db.ExecContext(l.Context(), query); err != nil {
		l.Fatalf("%s: %v", query, err)
	}
}

// begin begins a transaction that is rolled back at the end of the test unless it was ended before.
func (l *lab) begin(opts *sql.TxOptions) *sql.Tx {
	l.Helper()
	tx, err := l.db.DB.BeginTx(l.Context(), opts)
	if err != nil {
		l.Fatalf("BeginTx: %v", err)
	}
	l.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

func (l *lab) commit(tx *sql.Tx) {
	l.Helper()
	if err := tx.Commit(); err != nil {
		l.Fatalf("Commit: %v", err)
	}
}

// untilWaits returns once the session waits for a lock.
func (l *lab) untilWaits(s *labSession) {
	l.Helper()
	deadline, cancel := context.WithTimeout(l.Context(), labPatience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !l.waits(s) {
		select {
		case <-tick.C:
		case <-deadline.Done():
			l.Fatalf("session %s does not wait for a lock after %v; want it to", s.id, labPatience)
		}
	}
}

func (l *lab) waits(s *labSession) bool {
	l.Helper()
	if l.postgres() {
		return l.text("SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid = "+s.id) == "1"
	}
	// Not from information_schema.innodb_trx: it stays as it is while it is read more often than every 100 ms.
	for tx := range strings.SplitSeq(l.text("SHOW ENGINE INNODB STATUS"), "---TRANSACTION ") {
		if strings.Contains(tx, " thread id "+s.id+",") {
			return strings.Contains(tx, "LOCK WAIT")
		}
	}
	return false
}

// later runs f beside the test.
func later(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return done
}

// result waits for what later has run.
func (l *lab) result(done <-chan error) error {
	l.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(labPatience):
		l.Fatalf("nothing came back after %v; want the call to end once the lock is free", labPatience)
		return nil
	}
}
