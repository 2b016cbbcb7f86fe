package stmtcache

import (
	"context"
	"database/sql"

	"github.com/goupsert/upsert/internal/dbconn"
)

// Handle is a handle whose statements are prepared.
type Handle struct {
	db      dbconn.Handle
	cache   *Cache
	isStale func(error) bool
}

// Pool is a Handle that can begin a transaction, in which nothing is prepared.
type Pool struct {
	h     Handle
	begin dbconn.Beginner
}

// Wrap returns a handle that sends statements by those of the cache: a *Pool if db can begin a transaction, else a *Handle. After an
// error that isStale takes for one of a statement that was prepared too long ago, the statement's text is prepared again for the
// next call.
func Wrap(db dbconn.Handle, cache *Cache, isStale func(error) bool) dbconn.Handle {
	h := Handle{db: db, cache: cache, isStale: isStale}
	if begin, ok := db.(dbconn.Beginner); ok {
		return &Pool{h: h, begin: begin}
	}
	return &h
}

// Unwrap returns the handle for a statement that is sent once, as a question about the table is.
func Unwrap(db dbconn.Handle) dbconn.Handle {
	switch h := db.(type) {
	case *Pool:
		return h.h.db
	case *Handle:
		return h.db
	}
	return db
}

// ExecContext sends a statement, prepared.
func (h *Handle) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, err := h.cache.Get(ctx, query)
	switch {
	case err != nil:
		return nil, err
	case stmt == nil:
		return h.db.ExecContext(ctx, query, args...)
	}
	res, err := stmt.ExecContext(ctx, args...)
	h.saw(query, stmt, err)
	return res, err
}

// QueryContext sends a query, prepared.
func (h *Handle) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := h.cache.Get(ctx, query)
	switch {
	case err != nil:
		return nil, err
	case stmt == nil:
		return h.db.QueryContext(ctx, query, args...)
	}
	rows, err := stmt.QueryContext(ctx, args...)
	h.saw(query, stmt, err)
	return rows, err
}

func (h *Handle) saw(query string, stmt *sql.Stmt, err error) {
	if err != nil && h.isStale(err) {
		h.cache.drop(query, stmt)
	}
}

// ExecContext sends a statement, prepared.
func (p *Pool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return p.h.ExecContext(ctx, query, args...)
}

// QueryContext sends a query, prepared.
func (p *Pool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return p.h.QueryContext(ctx, query, args...)
}

// BeginTx begins a transaction on the pool.
func (p *Pool) BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error) {
	return p.begin.BeginTx(ctx, opts)
}
