package upsert

import (
	"context"
	"errors"
	"fmt"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/backoff"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/stmtcache"
	"github.com/goupsert/upsert/internal/txn"
)

// begin begins a transaction on a handle that can.
func (t *table) begin(ctx context.Context, db DB) (*txn.Tx, error) {
	return txn.Begin(ctx, stmtcache.Unwrap(db), txn.Options{Immediate: t.traits.Immediate})
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

// work is what a call does on a handle, as a function of what it works for: a method of it, which unlike a closure costs
// no allocation.
type work[A any] func(a A, ctx context.Context, db DB) error

// once runs f in one transaction of the library's. Where f fails it is rolled back, whatever the server thinks of it
// (hazard E3).
func once[A any](ctx context.Context, t *table, db DB, a A, f work[A]) error {
	x, err := t.begin(ctx, db)
	if dialect.Classify(err) == dialect.Ambiguous {
		return &txn.LostError{Err: err} // the session was ended while it was idle: there was no transaction
	}
	if err != nil {
		return err
	}
	defer x.Rollback(ctx)
	if err := f(a, ctx, x.Handle()); err != nil {
		if x.IsPrivate() && dialect.Classify(err) == dialect.Ambiguous {
			// The connection is gone and no COMMIT was sent: nothing was kept, and the pool has others.
			return &txn.LostError{Err: err}
		}
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := x.Commit(ctx); err != nil {
		if dialect.Classify(err) == dialect.Ambiguous {
			return &commitError{err}
		}
		return err
	}
	return nil
}

// inTx runs f in a transaction: the caller's if the handle is one, else one of the library's, again where that may help.
func inTx[A any](ctx context.Context, t *table, db DB, a A, f work[A]) error {
	if !dbconn.CanBegin(db) {
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
	for r := (retry{table: t, caller: !dbconn.CanBegin(db)}); ; {
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
	r.watchOf(ctx).retries(ctx, r.n, err)
	if end := backoff.Wait(ctx, r.n); end != nil {
		return false, errors.Join(end, err)
	}
	return true, err
}
