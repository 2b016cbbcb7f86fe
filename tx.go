package upsert

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/backoff"
)

// tx is a transaction of the library's.
type tx struct {
	DB
	std *sql.Tx   // nil where it was begun by hand
	own *sql.Conn // goes back to its pool at the end
}

// begin begins a transaction on a handle that can. It ends when the call ends it and not, in a goroutine of its own, when
// the context does: what the handle is used for next would meet its ROLLBACK. Where a transaction must begin with the
// write lock, database/sql has no word for it, so it is begun by hand.
func (t *table) begin(ctx context.Context, db DB) (tx, error) {
	if p, ok := db.(preparedPool); ok {
		db = p.DB
	}
	x := tx{DB: db}
	if pool, ok := db.(connector); ok {
		conn, err := pool.Conn(ctx)
		if err != nil {
			return tx{}, err
		}
		x = tx{DB: conn, own: conn}
	}
	if err := ctx.Err(); err != nil {
		x.release()
		return tx{}, err
	}
	if t.traits.Immediate {
		return x.beginImmediate(ctx)
	}
	std, err := x.DB.(beginner).BeginTx(lasting(ctx), nil)
	if err != nil {
		x.release()
		return tx{}, err
	}
	x.DB, x.std = std, std
	if conn, ok := db.(rawer); ok || x.own != nil {
		if x.own != nil {
			conn = x.own
		}
		x.DB = ownTx{DB: std, preparer: std, rawer: conn, private: x.own != nil}
	}
	return x, nil
}

// ownTx is a transaction of the library's.
type ownTx struct {
	DB
	preparer
	rawer        // gives the driver's connection, on which the transaction is
	private bool // the connection is the library's too
}

func (x tx) beginImmediate(ctx context.Context) (tx, error) {
	_, err := x.ExecContext(ctx, "BEGIN IMMEDIATE")
	switch {
	case err == nil && x.own != nil:
		x.DB = ownTx{DB: x.own, preparer: x.own, rawer: x.own, private: true}
		return x, nil
	case err == nil:
		return x, nil
	case x.own != nil || ctx.Err() != nil:
		x.rollback(ctx) // it may have begun all the same
	}
	return tx{}, err
}

func (x *tx) release() {
	if x.own != nil {
		_ = x.own.Close()
	}
}

// discard keeps the connection from its pool. Where a server refuses to end a transaction, as a Galera node does that has lost
// its cluster (hazard E7), it is still open: what is written next would be lost with it, or the next BEGIN would commit it.
func (x *tx) discard() {
	if x.own != nil {
		_ = x.own.Raw(func(any) error { return driver.ErrBadConn })
	}
	x.release()
}

func (x *tx) rollback(ctx context.Context) {
	if x.std != nil {
		if err := x.std.Rollback(); err != nil {
			x.discard()
			return
		}
		x.release()
		return
	}
	// The context may be what ended the transaction.
	_, err := x.ExecContext(lasting(ctx), "ROLLBACK")
	// SQLite rolls back by itself after some errors, an interrupted write among them.
	if err != nil && !strings.Contains(err.Error(), "no transaction is active") {
		x.discard()
		return
	}
	x.release()
}

func (x *tx) commit(ctx context.Context) error {
	err := ctx.Err()
	switch {
	case err != nil:
	case x.std != nil:
		if err = x.std.Commit(); err != nil {
			x.discard()
			return err
		}
	default:
		_, err = x.ExecContext(lasting(ctx), "COMMIT")
	}
	if err != nil {
		x.rollback(ctx)
		return err
	}
	x.release()
	return nil
}

// lasting is ctx without its end.
func lasting(ctx context.Context) context.Context {
	if ctx.Done() == nil {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

// commitError says that a transaction may or may not have been committed.
type commitError struct{ err error }

func (e *commitError) Error() string {
	return "the commit's answer was lost, so it may or may not have happened; the same call can be repeated: " + e.err.Error()
}
func (e *commitError) Unwrap() error        { return e.err }
func (e *commitError) Class() dialect.Class { return dialect.Ambiguous }

// lostError says that a transaction is gone with its connection, before its commit.
type lostError struct{ err error }

func (e *lostError) Error() string        { return e.err.Error() }
func (e *lostError) Unwrap() error        { return e.err }
func (e *lostError) Class() dialect.Class { return dialect.Retryable }

// work is what a call does on a handle, as a function of what it works for: a method of it, which unlike a closure costs
// no allocation.
type work[A any] func(a A, ctx context.Context, db DB) error

// once runs f in one transaction of the library's. Where f fails it is rolled back, whatever the server thinks of it
// (hazard E3).
func once[A any](ctx context.Context, t *table, db DB, a A, f work[A]) error {
	x, err := t.begin(ctx, db)
	if err != nil {
		return err
	}
	finished := false
	defer func() {
		if !finished {
			x.rollback(ctx)
		}
	}()
	if err := f(a, ctx, x.DB); err != nil {
		if x.own != nil && dialect.Classify(err) == dialect.Ambiguous {
			// The connection is gone and no COMMIT was sent: nothing was kept, and the pool has others.
			return &lostError{err}
		}
		return err
	}
	finished = true
	if err := x.commit(ctx); err != nil {
		if dialect.Classify(err) == dialect.Ambiguous {
			return &commitError{err}
		}
		return err
	}
	return nil
}

// inTx runs f in a transaction: the caller's if the handle is one, else one of the library's, again where that may help.
func inTx[A any](ctx context.Context, t *table, db DB, a A, f work[A]) error {
	if !canBegin(db) {
		return f(a, ctx, db)
	}
	for r := (retry{table: t}); ; {
		err := once(ctx, t, db, a, f)
		if again, err := r.again(ctx, err); !again {
			return err
		}
	}
}

// alone runs f, which sends one statement, on the handle itself: a statement is a transaction of its own on a handle that
// can begin one. Where it must be in one for its text and its parameters to meet, it is.
func alone[A any](ctx context.Context, t *table, db DB, a A, f work[A]) error {
	pooled, err := t.pooled(ctx, db)
	if err != nil {
		return err
	}
	if pooled {
		return inTx(ctx, t, db, a, f)
	}
	for r := (retry{table: t, caller: !canBegin(db)}); ; {
		err := f(a, ctx, db)
		if again, err := r.again(ctx, err); !again {
			return err
		}
	}
}

// retry counts the attempts of a call.
type retry struct {
	*table
	caller bool // the transaction is the caller's, and so is running it again
	n      int
}

// again waits and returns true if an attempt that ended in err is worth another: its error says that nothing of it was
// kept.
func (r *retry) again(ctx context.Context, err error) (bool, error) {
	if err == nil {
		return false, nil
	}
	if end := ctx.Err(); end != nil && !errors.Is(err, end) {
		return false, fmt.Errorf("%w: %w", end, err) // a driver may say something else of it
	}
	if r.caller || ctx.Err() != nil {
		return false, err
	}
	if c := dialect.Classify(err); c != dialect.Retryable && c != dialect.LockTimeout {
		return false, err
	}
	if r.n++; r.n >= r.attempts {
		return false, fmt.Errorf("after %d attempts: %w", r.n, err)
	}
	if r.onRetry != nil {
		r.onRetry(err)
	}
	if end := backoff.Wait(ctx, r.n); end != nil {
		return false, errors.Join(end, err)
	}
	return true, err
}
