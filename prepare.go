package upsert

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"strings"
	"sync"

	"github.com/goupsert/upsert/dialect"
)

// Prepared writes single rows by statements that are prepared once a connection: the hot path of a service. It is safe for
// concurrent use where its handle is.
type Prepared[T any] struct {
	table *Table[T]
	db    DB // the handle, by whose prepared statements it sends
	claim DB // the handle as it was given
	kept  *statements
}

// Prepare prepares the statements of [Table.Put] on a *sql.DB, *sql.Conn, *sql.Tx or one of sqlx's. On a *sql.DB it outlives
// connections: a statement is prepared on each at its first use there. On a transaction it ends with it. Close it.
//
// On PostgreSQL a prepared statement is a name on a server's connection. Behind a pooler in transaction mode that connection
// is another one from call to call, and lib/pq numbers its names, so the name can be another client's statement, on another
// table (hazard E2). So Prepare asks the server for its process id and compares it with the one that the driver was given,
// which a pooler makes up; where they differ, or the driver is wrapped and does not say, it is refused with a
// [*dialect.UnsupportedError]: use Put. In a transaction the connection stays the same, and nothing is refused.
//
// It returns the errors of Put that do not depend on a row, ErrUnguarded among them.
func (t *Table[T]) Prepare(ctx context.Context, db DB) (*Prepared[T], error) {
	if err := t.guard(db); err != nil {
		return nil, err
	}
	with, ok := db.(preparer)
	if !ok {
		return nil, &RowError{Table: t.name, Row: -1, Err: errors.New("Prepare: the handle has no PrepareContext: give it a *sql.DB, *sql.Conn or *sql.Tx, or one of sqlx's")}
	}
	if err := t.table.checkLink(ctx, db); err != nil {
		return nil, t.fail(err, -1)
	}
	if err := t.ready(ctx, db); err != nil {
		return nil, err
	}
	if _, err := t.flags(ctx, db); err != nil {
		return nil, err
	}
	kept := &statements{by: with, kept: map[string]*sql.Stmt{}}
	p := &Prepared[T]{table: t, claim: db, kept: kept, db: preparedDB{DB: db, kept: kept}}
	if begins, ok := db.(beginner); ok {
		p.db = preparedPool{preparedDB: preparedDB{DB: db, kept: kept}, beginner: begins}
	}
	query, err := t.text(shape{mode: dialect.Write, rows: 1})
	if err == nil && t.traits.Reporting != dialect.ReportFlag && t.traits.Reporting != dialect.ReportFlagPlain {
		_, err = kept.of(ctx, query) // what is wrong with the table is known now
	}
	return p, t.fail(err, -1)
}

// Put is [Table.Put] by the prepared statements: one round trip for a row, beside what Put asks again of one that it has not
// written. A statement that the server has forgotten, or whose plan a change of the schema has made void, is prepared
// again; in a transaction of the caller's that error has ended the transaction, so it is returned.
func (p *Prepared[T]) Put(ctx context.Context, row *T) (Outcome, error) {
	if row == nil {
		return Unknown, &RowError{Table: p.table.name, Row: -1, Err: errors.New("the row is nil")}
	}
	if err := p.table.guard(p.claim); err != nil {
		return Unknown, err
	}
	o, err := p.put(ctx, row)
	if err != nil && forgotten(err) {
		if p.kept.renew(); canBegin(p.db) && ctx.Err() == nil {
			o, err = p.put(ctx, row)
		}
	}
	if err != nil {
		return Unknown, p.table.fail(err, -1)
	}
	return o, nil
}

func (p *Prepared[T]) put(ctx context.Context, row *T) (Outcome, error) {
	s, err := p.table.table.single(reflect.ValueOf(row).Elem())
	if err != nil {
		return Unknown, err
	}
	for range findAttempts {
		if err = s.put(ctx, p.db); !errors.Is(err, errGone) {
			break
		}
	}
	return s.outcome, err
}

// Close closes the statements. Put fails after it. It returns the first error of theirs.
func (p *Prepared[T]) Close() error { return p.kept.close() }

// forgotten reports whether a prepared statement is to be prepared again: the server does not know its name (26000), has
// another of that name (42P05), or its result has other types than it was prepared with; to MySQL 1615 and 1243.
func forgotten(err error) bool {
	switch state := dialect.SQLState(err); state {
	case "26000", "42P05":
		return true
	case "0A000":
		return strings.Contains(err.Error(), "cached plan")
	}
	n, _ := dialect.MySQLNumber(err)
	return n == 1615 || n == 1243
}

// statements are prepared statements, by their texts.
type statements struct {
	by     preparer
	mu     sync.RWMutex
	kept   map[string]*sql.Stmt
	closed bool
}

var errClosed = errors.New("the prepared statements are closed")

// of returns the statement of a text, prepared if it is not.
func (s *statements) of(ctx context.Context, query string) (*sql.Stmt, error) {
	s.mu.RLock()
	stmt, closed := s.kept[query], s.closed
	s.mu.RUnlock()
	switch {
	case closed:
		return nil, errClosed
	case stmt != nil:
		return stmt, nil
	}
	fresh, err := s.by.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if stmt = s.kept[query]; stmt != nil || s.closed { // another call was faster
		_ = fresh.Close()
		if s.closed {
			return nil, errClosed
		}
		return stmt, nil
	}
	s.kept[query] = fresh
	return fresh, nil
}

// renew has every statement prepared again. What is under way goes on: a statement that is closed waits for it.
func (s *statements) renew() {
	s.mu.Lock()
	old := s.kept
	s.kept = map[string]*sql.Stmt{}
	s.mu.Unlock()
	for _, stmt := range old {
		_ = stmt.Close()
	}
}

func (s *statements) close() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for query, stmt := range s.kept {
		if closing := stmt.Close(); err == nil {
			err = closing
		}
		delete(s.kept, query)
	}
	return err
}

// preparedDB is a handle whose statements are prepared.
type preparedDB struct {
	DB
	kept *statements
}

func (p preparedDB) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, err := p.kept.of(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}

func (p preparedDB) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := p.kept.of(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// preparedPool is one that can begin a transaction, in which nothing is prepared.
type preparedPool struct {
	preparedDB
	beginner
}
