package stmtcache

import (
	"context"
	"database/sql"

	"github.com/goupsert/upsert/internal/dbconn"
)

// Handle is a handle that prepares its statements.
type Handle struct {
	db      dbconn.Handle
	cache   *Cache
	isStale func(error) bool
}

// Pool is a Handle that can begin a transaction. Nothing is prepared in this transaction.
type Pool struct {
	h     Handle
	begin dbconn.Beginner
}

// Wrap returns a handle that sends its statements through the cache: a *Pool if db can begin a transaction, and otherwise a
// *Handle. If isStale reports that an error comes from a statement that was prepared too long ago, the text is prepared again
// for the next call.
func Wrap(db dbconn.Handle, cache *Cache, isStale func(error) bool) dbconn.Handle {
	h := Handle{db: db, cache: cache, isStale: isStale}
	if begin, ok := db.(dbconn.Beginner); ok {
		return &Pool{h: h, begin: begin}
	}
	return &h
}

// Unwrap returns the handle for a statement that is sent once, for example a question about the table.
func Unwrap(db dbconn.Handle) dbconn.Handle {
	switch h := db.(type) {
	case *Pool:
		return h.h.db
	case *Handle:
		return h.db
	}
	return db
}

// ExecContext prepares and sends a statement.
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

// QueryContext prepares and sends a query.
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

// ExecContext prepares and sends a statement.
func (p *Pool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return p.h.ExecContext(ctx, query, args...)
}

// QueryContext prepares and sends a query.
func (p *Pool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return p.h.QueryContext(ctx, query, args...)
}

// BeginTx begins a transaction on the pool.
func (p *Pool) BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error) {
	return p.begin.BeginTx(ctx, opts)
}
