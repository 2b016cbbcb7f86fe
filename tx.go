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

// begin begins a transaction on a handle that can begin one.
func (t *table) begin(ctx context.Context, db DB) (*txn.Tx, error) {
	return txn.Begin(ctx, stmtcache.Unwrap(db), txn.Options{Immediate: t.traits.Immediate})
}

// lasting returns ctx without its cancellation.
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

// work is a function that a call runs on a handle. It is a method expression of A, because a method expression costs no
// allocation and a closure does.
type work[A any] func(a A, ctx context.Context, db DB) error

// once runs f in one transaction of the library's own. If f fails, once rolls the transaction back, whatever the server thinks of
// the error (hazard E3).
func once[A any](ctx context.Context, t *table, db DB, a A, f work[A]) error {
	x, err := t.begin(ctx, db)
	if dialect.Classify(err) == dialect.Ambiguous {
		return &txn.LostError{Err: err} // the server had ended the idle session, so there was no transaction
	}
	if err != nil {
		return err
	}
	defer x.Rollback(ctx)
	if err := f(a, ctx, x.Handle()); err != nil {
		if x.IsPrivate() && dialect.Classify(err) == dialect.Ambiguous {
			// The connection is gone and no COMMIT was sent. So nothing was kept, and the pool has other connections.
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

// inTx runs f in a transaction. If the handle cannot begin a transaction, the transaction is the caller's. Otherwise inTx begins
// a transaction, and runs f again in another one if the error is worth a retry.
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

// alone runs f, which must send exactly one statement, without opening a transaction, because a statement on a handle that can
// begin a transaction is a transaction of its own. The exception is a handle behind a transaction pooler whose driver sends text
// and parameters separately: only a transaction keeps the two together (hazard E2), so alone begins one there.
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
	table  *table
	caller bool // the caller must run the transaction again, the library must not
	n      int
}

// again waits and returns true if another attempt may succeed after err. It does so only for errors which say that nothing of the
// attempt was kept. Otherwise again returns false and the error of the call.
func (r *retry) again(ctx context.Context, err error) (bool, error) {
	if err == nil {
		return false, nil
	}
	if end := ctx.Err(); end != nil && !errors.Is(err, end) {
		return false, fmt.Errorf("%w: %w", end, err) // a driver may return another error when the context ends
	}
	if r.caller || ctx.Err() != nil {
		return false, err
	}
	if c := dialect.Classify(err); c != dialect.Retryable && c != dialect.LockTimeout {
		return false, err
	}
	if r.n++; r.n >= r.table.attempts {
		return false, fmt.Errorf("after %d attempts: %w", r.n, err)
	}
	r.table.watchOf(ctx).retries(ctx, r.n, err)
	if end := backoff.Wait(ctx, r.n); end != nil {
		return false, errors.Join(end, err)
	}
	return true, err
}
