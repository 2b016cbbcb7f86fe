package upsert

import (
	"cmp"
	"context"
	"database/sql"

	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/txn"
)

// A statement on SQLite may wait for another writer, and go-sqlite3 then waits as long as busy_timeout says, even if the context
// has ended (hazard S15). The functions of this file wait for a statement not much longer than the context allows. After a
// *txn.AbandonedError the statement may still be running, so in the background only a driver's own memory is filled.

// mayOutlast reports whether a driver may wait longer than ctx allows.
func (t *table) mayOutlast(ctx context.Context) bool { return t.traits.Immediate && ctx.Done() != nil }

// bounded calls f, which sends a statement on db, and waits for f not much longer than ctx allows.
func bounded[V any](ctx context.Context, db dbconn.Handle, f func() (V, error)) (V, error) {
	if tx, ok := db.(*txn.Tx); ok {
		return txn.Value(func(g func() error) error { return tx.Do(ctx, g) }, f)
	}
	return txn.Value(func(g func() error) error { return txn.Bounded(ctx, g, func() {}) }, f)
}

// exec sends a statement that returns no rows.
func (t *table) exec(ctx context.Context, db dbconn.Handle, query string, args []any) (sql.Result, error) {
	if !t.mayOutlast(ctx) {
		return db.ExecContext(ctx, query, args...)
	}
	return bounded(ctx, db, func() (sql.Result, error) { return db.ExecContext(ctx, query, args...) })
}

// query sends a statement and calls f for each row that it returns.
func (t *table) query(ctx context.Context, db dbconn.Handle, query string, args []any, f func(*sql.Rows) error) error {
	if t.mayOutlast(ctx) {
		return readBounded(ctx, db, func() (*sql.Rows, error) { return db.QueryContext(ctx, query, args...) }, f)
	}
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	return each(rows, func() error { return f(rows) })
}

// queryStmt is query with a statement that is prepared on db.
func (t *table) queryStmt(ctx context.Context, db dbconn.Handle, stmt *sql.Stmt, args []any, f func(*sql.Rows) error) error {
	if t.mayOutlast(ctx) {
		return readBounded(ctx, db, func() (*sql.Rows, error) { return stmt.QueryContext(ctx, args...) }, f)
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	return each(rows, func() error { return f(rows) })
}

// execStmt is exec with a statement that is prepared on db.
func (t *table) execStmt(ctx context.Context, db dbconn.Handle, stmt *sql.Stmt, args []any) (sql.Result, error) {
	if !t.mayOutlast(ctx) {
		return stmt.ExecContext(ctx, args...)
	}
	return bounded(ctx, db, func() (sql.Result, error) { return stmt.ExecContext(ctx, args...) })
}

// readBounded sends a query with open and calls f for each row.
func readBounded(ctx context.Context, db dbconn.Handle, open func() (*sql.Rows, error), f func(*sql.Rows) error) error {
	rows, err := bounded(ctx, db, open)
	if err != nil {
		return err
	}
	for {
		more, err := bounded(ctx, db, func() (bool, error) { return rows.Next(), nil })
		if err != nil { // database/sql closes the rows when Next is back, because the context has ended
			return err
		}
		if more {
			err = f(rows)
		}
		if err != nil || !more {
			return cmp.Or(err, rows.Err(), rows.Close())
		}
	}
}

// queryRow reads the one row that a statement may return. found is false if the statement returns no row.
func (t *table) queryRow(ctx context.Context, db dbconn.Handle, query string, args, dest []any) (found bool, err error) {
	err = t.query(ctx, db, query, args, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(dest...)
	})
	return found, err
}

// prepare prepares a statement on db.
func (t *table) prepare(ctx context.Context, db dbconn.Handle, by dbconn.Preparer, query string) (*sql.Stmt, error) {
	if !t.mayOutlast(ctx) {
		return by.PrepareContext(ctx, query)
	}
	return bounded(ctx, db, func() (*sql.Stmt, error) { return by.PrepareContext(ctx, query) })
}
