package keys

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/inside"
	"github.com/jmoiron/sqlx"
)

// Attempts is how often Run begins a transaction at most, by default 20. With Attempts(1) Run begins once, and returns the
// first error of the database; dialect.Classify tells whether another call may succeed. Not counted are an attempt that has
// only waited for SQLite's lock, the transaction that records a [Final] error, and the question after a commit whose answer
// was lost. [Once] refuses Attempts, because only its caller can begin again.
func Attempts(n int) ClaimOption {
	return claimOption(func(c *claim) error {
		if c.once {
			return errors.New("keys: Attempts applies to Run only: Once works in a transaction that it cannot begin again")
		}
		c.attempts = n
		return atLeastOne("Attempts", int64(n))
	})
}

// OnBegin sets a function that Run calls right after BEGIN in each of its transactions, before the claim. The function can set
// what must hold in the transaction, for example SET LOCAL statement_timeout or the tenant for row-level security on
// PostgreSQL. If the function returns an error, the transaction is rolled back and fn is not called. Run begins again if
// dialect.Classify calls the error Retryable, LockTimeout or Ambiguous, and otherwise returns an error that wraps the
// function's.
//
// tx accepts statements only while the function runs, and is no claim, so tables with a column of rule add refuse it. A replay
// may need no transaction, and then does not call the function. On SQLite a function that reads makes the claim fail more often
// if others write; see [Once]. [Once] refuses OnBegin, because its transaction has begun already.
func OnBegin(f func(ctx context.Context, tx upsert.DB) error) ClaimOption {
	return claimOption(func(c *claim) error {
		switch {
		case c.once:
			return errors.New("keys: OnBegin applies to Run only: the transaction that Once is given has begun already")
		case f == nil:
			return errors.New("keys: OnBegin: the function is nil")
		}
		c.onBegin = f
		return nil
	})
}

// begun calls the function of [OnBegin] on a transaction that has just begun.
func (c *claim) begun(ctx context.Context, h handle) error {
	if c.onBegin == nil {
		return nil
	}
	b := &beginning{h: h}
	defer b.ended.Store(true)
	place := &inside.Claim{Name: c.key.String(), Pool: c.store.db, Alone: c.store.dialect.Traits().Immediate, Ended: b.ended.Load}
	if err := c.onBegin(inside.Enter(ctx, place), b); err != nil {
		return fmt.Errorf("keys: %s: OnBegin: %w", c.key, err)
	}
	return nil
}

// beginning is the transaction as the function of [OnBegin] sees it: the function cannot end the transaction.
type beginning struct {
	h     handle
	ended atomic.Bool
}

var errBeginningEnded = errors.New("keys: the function of OnBegin has returned: its transaction is for the function only")

func (b *beginning) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if b.ended.Load() {
		return nil, errBeginningEnded
	}
	return send(ctx, b.h, func(tx *sqlx.Tx) (sql.Result, error) { return tx.ExecContext(ctx, query, args...) })
}

func (b *beginning) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if b.ended.Load() {
		return nil, errBeginningEnded
	}
	return send(ctx, b.h, func(tx *sqlx.Tx) (*sql.Rows, error) { return tx.QueryContext(ctx, query, args...) })
}
