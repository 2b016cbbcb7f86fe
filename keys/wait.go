package keys

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/backoff"
	"github.com/goupsert/upsert/internal/claimsql"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/txn"
	"github.com/jmoiron/sqlx"
)

// timeLeft returns how much longer a call with a limit may wait.
func (c *claim) timeLeft() time.Duration { return max(c.limit-c.waited, 0) }

// slack is how long a statement that must not wait for anybody may still take, because it crosses a network.
const slack = 250 * time.Millisecond

// wait calls f, whose time counts as waiting, and gives f no more than the time that is left.
func (c *claim) wait(ctx context.Context, f func(context.Context) error) error {
	began := time.Now()
	defer func() { c.waited += time.Since(began) }()
	if !c.limited {
		return f(ctx)
	}
	bounded, cancel := context.WithTimeout(ctx, c.timeLeft()+slack)
	defer cancel()
	err := f(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return c.inProgress(fmt.Errorf("no connection and no answer within the limit to waiting: %w", err))
	}
	return err
}

// inProgress returns the error of a call that has waited as long as it may. err is the database's last error.
func (c *claim) inProgress(err error) *InProgressError {
	return &InProgressError{Key: c.key, RetryAfter: time.Second, Err: err}
}

// queryCanceled is PostgreSQL's SQLSTATE of a statement that was cancelled.
const queryCanceled = "57014"

// cancelError is a cancelled statement whose wait for a lock was limited. PostgreSQL reports a lock timeout as a cancellation if
// the lock is granted at the same moment and the statement then waits for another lock (hazard P47).
type cancelError struct{ err error }

func (e *cancelError) Error() string { return e.err.Error() }

// Unwrap returns the database's error.
func (e *cancelError) Unwrap() error { return e.err }

// Class returns LockTimeout.
func (e *cancelError) Class() dialect.Class { return dialect.LockTimeout }

// withWait calls f while the session waits no longer than w says, and then restores the session's setting.
func withWait(ctx context.Context, db upsert.DB, w claimsql.Wait, f func() error) error {
	if w.Before == "" {
		return f()
	}
	var old string
	if _, err := queryRow(ctx, db, claimsql.Statement{Text: w.Before}, &old); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, w.Set); err != nil {
		return err
	}
	err := f()
	if dialect.SQLState(err) == queryCanceled && ctx.Err() == nil {
		err = &cancelError{err}
	}
	// The setting of a session outlives the transaction. After an error PostgreSQL accepts no statement, and restores the
	// setting itself.
	if _, back := db.ExecContext(context.WithoutCancel(ctx), w.After(old)); err == nil {
		err = back
	}
	return err
}

// begin begins the call's transaction. On SQLite BEGIN itself may wait: with _txlock=immediate BEGIN takes the write lock.
// If the call has no limit and no function of [OnBegin], begin also sends the claim, and returns the answer.
func (c *claim) begin(ctx context.Context) (h handle, first *claimAnswer, err error) {
	o := txn.Options{Std: c.store.level(c.isolation)}
	if !c.limited && c.onBegin == nil {
		first = &claimAnswer{}
		o.First = func(std *sql.Tx) {
			began := time.Now()
			first.result, first.err = c.takeBounded(ctx, c.store.txs.extend(std))
			first.took = time.Since(began)
		}
	}
	if c.limited && c.store.dialect.Traits().Immediate {
		w := c.store.sql.Wait(c.timeLeft())
		o.Around = func(db dbconn.Handle, begin func() error) error {
			return withWait(context.WithoutCancel(ctx), db, w, begin)
		}
	}
	err = c.wait(ctx, func(ctx context.Context) error {
		h, err = c.store.begin(ctx, o)
		return c.asBusy(err)
	})
	return h, first, err
}

// claimAnswer is the database's answer to a claim.
type claimAnswer struct {
	result claimResult
	err    error
	took   time.Duration
}

// lookUp asks without a transaction what is stored. If lookUp would have to wait for another transaction, or if the database has no
// such question, it finds nothing.
func (c *claim) lookUp(ctx context.Context, q claimsql.Statement) (st stored, found bool, err error) {
	if q.Text == "" {
		return st, false, nil
	}
	var row *stored
	err = c.wait(ctx, func(ctx context.Context) (err error) {
		row, err = callBounded(ctx, func() (*stored, error) { return c.store.find(ctx, c.store.db, q) })
		return err
	})
	switch {
	case isBrieflyBlocked(err):
		return st, false, nil
	case row == nil:
		return st, false, err
	}
	return *row, true, err
}

// findFinished returns the key's row if the key is done. On MySQL and MariaDB a replay locks the row as a claim does, for as
// long as its transaction lasts. So a claim that has waited in vain does not know whether it has waited for a replay or a
// claim (hazard K52).
func (c *claim) findFinished(ctx context.Context) (st stored, done bool) {
	if !c.store.isMySQL() || c.once && c.store.server.timeoutLoses { // the timeout has ended the caller's transaction
		return st, false
	}
	ctx, cancel := context.WithTimeout(ctx, slack)
	defer cancel()
	row, err := readCommitted(ctx, c.store, func(db upsert.DB) (*stored, error) { return c.store.find(ctx, db, c.store.sql.Peek(c.row.Hash)) })
	if err != nil || row == nil {
		return st, false
	}
	return *row, row.isDone()
}

// callBounded calls f, which sends statements on a pool, and returns f's results. callBounded waits not much longer than ctx
// lasts; f then continues alone.
func callBounded[V any](ctx context.Context, f func() (V, error)) (V, error) {
	return txn.Value(func(g func() error) error { return txn.Bounded(ctx, g, func() {}) }, f)
}

// asBusy marks an SQLite error that says only that somebody else is writing. The writer may be anybody.
func (c *claim) asBusy(err error) error {
	if c.store.isBusy(err) {
		return &busyError{c.inProgress(err)}
	}
	return err
}

// takeBounded claims within the caller's limit to waiting.
func (c *claim) takeBounded(ctx context.Context, tx *sqlx.Tx) (t claimResult, err error) {
	if !c.limited {
		return c.takeLoop(ctx, tx, "")
	}
	left := c.timeLeft()
	if c.limit > 0 {
		left = max(left, time.Millisecond) // the key may be free by now
	}
	w := c.store.sql.Wait(left)
	err = withWait(ctx, tx, w, func() (err error) {
		t, err = c.takeLoop(ctx, tx, w.Prefix)
		return err
	})
	return t, err
}

// pause waits before the attempt after the n-th, and no longer than the time that is left.
func (c *claim) pause(ctx context.Context, n int) error {
	began := time.Now()
	defer func() { c.waited += time.Since(began) }()
	if !c.limited {
		return backoff.Wait(ctx, n)
	}
	short, cancel := context.WithTimeout(ctx, c.timeLeft())
	defer cancel()
	_ = backoff.Wait(short, n)
	return ctx.Err()
}
