package txn

import (
	"cmp"
	"context"
	"database/sql"
	"errors"

	"github.com/goupsert/upsert/internal/dbconn"
)

// A statement on SQLite may wait for another writer, and go-sqlite3 then waits as long as busy_timeout says, even if the context
// has ended (hazard S15). The functions of this file wait for a statement not much longer than the context allows. After a
// [*AbandonedError] the statement may still be running, so in the background only a driver's own memory is filled.

// mayOutlast reports whether a driver may wait longer than ctx allows.
func (r *Runner) mayOutlast(ctx context.Context) bool { return r.Immediate && ctx.Done() != nil }

// bounded calls f, which sends a statement on h, and waits for f not much longer than ctx allows.
func bounded[V any](ctx context.Context, h dbconn.Handle, f func() (V, error)) (V, error) {
	if tx, ok := h.(*Tx); ok {
		return Value(func(g func() error) error { return tx.Do(ctx, g) }, f)
	}
	return Value(func(g func() error) error { return Bounded(ctx, g, func() {}) }, f)
}

// Exec sends a statement that returns no rows.
func (r *Runner) Exec(ctx context.Context, h dbconn.Handle, query string, args []any) (sql.Result, error) {
	if !r.mayOutlast(ctx) {
		return h.ExecContext(ctx, query, args...)
	}
	return bounded(ctx, h, func() (sql.Result, error) { return h.ExecContext(ctx, query, args...) })
}

// Query sends a statement and calls f for each row that it returns.
func (r *Runner) Query(ctx context.Context, h dbconn.Handle, query string, args []any, f func(*sql.Rows) error) error {
	if r.mayOutlast(ctx) {
		return readBounded(ctx, h, func() (*sql.Rows, error) { return h.QueryContext(ctx, query, args...) }, f)
	}
	rows, err := h.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	return Each(rows, func() error { return f(rows) })
}

// QueryStmt is Query with a statement that is prepared on h.
func (r *Runner) QueryStmt(ctx context.Context, h dbconn.Handle, stmt *sql.Stmt, args []any, f func(*sql.Rows) error) error {
	if r.mayOutlast(ctx) {
		return readBounded(ctx, h, func() (*sql.Rows, error) { return stmt.QueryContext(ctx, args...) }, f)
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	return Each(rows, func() error { return f(rows) })
}

// ExecStmt is Exec with a statement that is prepared on h.
func (r *Runner) ExecStmt(ctx context.Context, h dbconn.Handle, stmt *sql.Stmt, args []any) (sql.Result, error) {
	if !r.mayOutlast(ctx) {
		return stmt.ExecContext(ctx, args...)
	}
	return bounded(ctx, h, func() (sql.Result, error) { return stmt.ExecContext(ctx, args...) })
}

// readBounded sends a query with open and calls f for each row.
func readBounded(ctx context.Context, h dbconn.Handle, open func() (*sql.Rows, error), f func(*sql.Rows) error) error {
	rows, err := bounded(ctx, h, open)
	if err != nil {
		return err
	}
	for {
		more, err := bounded(ctx, h, func() (bool, error) { return rows.Next(), nil })
		if err != nil { // database/sql closes the rows when Next is back, because the context has ended
			return err
		}
		if more {
			err = f(rows)
		}
		if err != nil || !more {
			err = cmp.Or(err, rows.Err(), rows.Close())
			Repanic(err)
			return err
		}
	}
}

// QueryRow reads the one row that a statement may return. found is false if the statement returns no row.
func (r *Runner) QueryRow(ctx context.Context, h dbconn.Handle, query string, args, dest []any) (found bool, err error) {
	err = r.Query(ctx, h, query, args, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(dest...)
	})
	return found, err
}

// Prepare prepares a statement on h.
func (r *Runner) Prepare(ctx context.Context, h dbconn.Handle, by dbconn.Preparer, query string) (*sql.Stmt, error) {
	if !r.mayOutlast(ctx) {
		return by.PrepareContext(ctx, query)
	}
	return bounded(ctx, h, func() (*sql.Stmt, error) { return by.PrepareContext(ctx, query) })
}

// Repanic panics again if err is the panic of a caller's Scan method. Call Repanic after the rows are closed.
func Repanic(err error) {
	var p interface {
		error
		ScanPanic() any
	}
	if errors.As(err, &p) {
		panic(p.ScanPanic())
	}
}

// Each calls f for every row and closes rows. It reads to the end, because some drivers report a statement's error only there.
func Each(rows *sql.Rows, f func() error) (err error) {
	defer func() {
		if closing := rows.Close(); err == nil {
			err = closing
		}
		Repanic(err)
	}()
	for rows.Next() {
		if err := f(); err != nil {
			return err
		}
	}
	return rows.Err()
}
