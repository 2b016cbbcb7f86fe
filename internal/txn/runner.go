package txn

import (
	"context"
	"errors"
	"fmt"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/backoff"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/stmtcache"
)

// Op is work on a handle. An Op is a method expression of A, because a method expression costs no allocation and a closure does.
type Op[A any] func(a A, ctx context.Context, h dbconn.Handle) error

// Runner runs Ops with the transactions and the repetitions that they need.
type Runner struct {
	// Attempts bounds how often an Op is run.
	Attempts int
	// Retried is called before an Op is run again, with the number of the attempt that failed, from 1 on.
	Retried func(ctx context.Context, attempt int, err error)
	// Immediate begins transactions with the write lock.
	Immediate bool
	// Peers tells the connections behind a pooler. Peers is nil if the database has no pooler that splits a statement.
	Peers *dbconn.Peers
}

// Once runs an Op in one transaction of the library's own. If the Op fails, Once rolls the transaction back, whatever the server
// thinks of the error (hazard E3).
func Once[A any](ctx context.Context, r *Runner, h dbconn.Handle, a A, op Op[A]) error {
	tx, err := Begin(ctx, stmtcache.Unwrap(h), Options{Immediate: r.Immediate})
	if err != nil {
		return err
	}
	defer tx.Rollback(ctx)
	if err := op(a, ctx, tx.Handle()); err != nil {
		if tx.IsPrivate() && dialect.Classify(err) == dialect.Ambiguous {
			// The connection is gone and no COMMIT was sent. So nothing was kept, and the pool has other connections.
			return &LostError{Err: err}
		}
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		if dialect.Classify(err) == dialect.Ambiguous {
			return &commitError{err}
		}
		return err
	}
	return nil
}

// Transaction runs an Op in a transaction. If the handle cannot begin a transaction, the transaction is the caller's. Otherwise
// Transaction begins a transaction, and runs the Op again in another one if the error is worth a retry.
func Transaction[A any](ctx context.Context, r *Runner, h dbconn.Handle, a A, op Op[A]) error {
	if !dbconn.CanBegin(h) {
		return op(a, ctx, h)
	}
	for retry := r.Retry(false); ; {
		err := Once(ctx, r, h, a, op)
		if again, err := retry.Next(ctx, err); !again {
			return err
		}
	}
}

// Statement runs an Op, which must send exactly one statement, without opening a transaction, because a statement on a handle
// that can begin a transaction is a transaction of its own. The exception is a handle behind a transaction pooler whose driver
// sends text and parameters separately: only a transaction keeps the two together (hazard E2), so Statement begins one there.
func Statement[A any](ctx context.Context, r *Runner, h dbconn.Handle, a A, op Op[A]) error {
	splits, err := r.splits(ctx, h)
	if err != nil {
		return err
	}
	if splits {
		return Transaction(ctx, r, h, a, op)
	}
	for retry := r.Retry(!dbconn.CanBegin(h)); ; {
		err := op(a, ctx, h)
		if again, err := retry.Next(ctx, err); !again {
			return err
		}
	}
}

// splits reports whether a pooler could send the text and the parameters of a statement to different servers (hazard E2).
func (r *Runner) splits(ctx context.Context, h dbconn.Handle) (bool, error) {
	if _, checked := h.(*stmtcache.Pool); checked || r.Peers == nil || !dbconn.CanBegin(h) {
		return false, nil
	}
	p, err := r.Peers.Of(ctx, h)
	return p.SplitsBehindPooler(), err
}

// Retry returns a Retry for one call. If isCallers is true, the caller must run its transaction again, and no attempt follows
// the first.
func (r *Runner) Retry(isCallers bool) Retry { return Retry{runner: r, isCallers: isCallers} }

// Retry counts the attempts of a call.
type Retry struct {
	runner    *Runner
	isCallers bool
	failed    int // attempts
}

// Stop says that no attempt can follow, because the first has used up what the call was given.
func (r *Retry) Stop() { r.isCallers = true }

// Next waits and returns true if another attempt may succeed after err. It does so only for errors which say that nothing of the
// attempt was kept. Otherwise Next returns false and the error of the call.
func (r *Retry) Next(ctx context.Context, err error) (bool, error) {
	if err == nil {
		return false, nil
	}
	if end := ctx.Err(); end != nil && !errors.Is(err, end) {
		return false, fmt.Errorf("%w: %w", end, err) // a driver may return another error when the context ends
	}
	if r.isCallers || ctx.Err() != nil {
		return false, err
	}
	if c := dialect.Classify(err); c != dialect.Retryable && c != dialect.LockTimeout {
		return false, err
	}
	if r.failed++; r.failed >= r.runner.Attempts {
		return false, fmt.Errorf("after %d attempts: %w", r.failed, err)
	}
	if r.runner.Retried != nil {
		r.runner.Retried(ctx, r.failed, err)
	}
	if end := backoff.Wait(ctx, r.failed); end != nil {
		return false, errors.Join(end, err)
	}
	return true, err
}

// commitError says that a transaction may or may not have been committed.
type commitError struct{ err error }

func (e *commitError) Error() string {
	return "the commit's answer was lost, so it may or may not have happened; the same call can be repeated: " + e.err.Error()
}
func (e *commitError) Unwrap() error        { return e.err }
func (e *commitError) Class() dialect.Class { return dialect.Ambiguous }
