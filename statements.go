package upsert

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"

	"github.com/goupsert/upsert/internal/dbconn"
)

// statementsKept bounds what one Prepared keeps on each connection: a table with many columns of omitzero has a text for
// each choice of them. Beyond it a text is sent unprepared.
const statementsKept = 64

// statements are prepared statements, by their texts.
type statements struct {
	by   dbconn.Preparer
	mu   sync.RWMutex
	kept map[string]*sql.Stmt
	// renewed counts how often a text was dropped. pgx names a statement by its text and gives the old one for the same, so
	// each time the text is another, by the blanks at its end.
	renewed map[string]int
	closed  bool
}

var errClosed = errors.New("the prepared statements are closed")

// of returns the statement of a text, prepared if it is not, or nil where there are too many.
func (s *statements) of(ctx context.Context, query string) (*sql.Stmt, error) {
	s.mu.RLock()
	stmt, closed, full, renewed := s.kept[query], s.closed, len(s.kept) >= statementsKept, s.renewed[query]
	s.mu.RUnlock()
	switch {
	case closed:
		return nil, errClosed
	case stmt != nil || full:
		return stmt, nil
	}
	fresh, err := s.by.PrepareContext(ctx, query+strings.Repeat(" ", renewed%32))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if stmt = s.kept[query]; stmt != nil || s.closed { // another call was faster
		s.end(fresh)
		if s.closed {
			return nil, errClosed
		}
		return stmt, nil
	}
	s.kept[query] = fresh
	return fresh, nil
}

// end closes a statement. On a pool that waits for the calls that use it, which may wait for this one; on a single
// connection there is none, and nothing else may be sent there meanwhile.
func (s *statements) end(stmt *sql.Stmt) {
	if _, pool := s.by.(dbconn.Connector); pool {
		go stmt.Close() //nolint:errcheck // the server has forgotten it
	} else {
		_ = stmt.Close()
	}
}

// drop has a text prepared again, if stmt is still its statement.
func (s *statements) drop(query string, stmt *sql.Stmt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept[query] == stmt {
		delete(s.kept, query)
		if s.renewed == nil {
			s.renewed = map[string]int{}
		}
		s.renewed[query]++
		s.end(stmt)
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
	switch {
	case err != nil:
		return nil, err
	case stmt == nil:
		return p.DB.ExecContext(ctx, query, args...)
	}
	res, err := stmt.ExecContext(ctx, args...)
	if err != nil && suspect(err) {
		p.kept.drop(query, stmt)
	}
	return res, err
}

func (p preparedDB) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := p.kept.of(ctx, query)
	switch {
	case err != nil:
		return nil, err
	case stmt == nil:
		return p.DB.QueryContext(ctx, query, args...)
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil && suspect(err) {
		p.kept.drop(query, stmt)
	}
	return rows, err
}

// unprepared is the handle for a statement that is sent once, as a question about the table is.
func unprepared(db DB) DB {
	switch p := db.(type) {
	case preparedPool:
		return p.DB
	case preparedDB:
		return p.DB
	}
	return db
}

// preparedPool is one that can begin a transaction, in which nothing is prepared.
type preparedPool struct {
	preparedDB
	dbconn.Beginner
}
