package keys

import (
	"context"
	"errors"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/claimsql"
	"github.com/goupsert/upsert/internal/txn"
	"github.com/jmoiron/sqlx"
)

// Once claims the key in the caller's transaction, calls fn in that transaction and stores fn's result. fn's effect, the record
// of the effect and the caller's other writes are committed together or not at all, and the caller decides which. Another call
// with the key, in any process, waits until this transaction ends. After a commit the other call gets the stored result with
// replayed true; after a rollback the other call is the first.
//
// tx is a *sqlx.Tx, a *sql.Tx or, for a key inside another key's fn, a *[Tx]. Named queries work in fn with each of them; with
// a *sqlx.Tx they keep its Mapper. A pool or a connection is refused. If no transaction has begun, prefer [Run], because Run
// begins again by itself after a conflict.
//
// An error of fn undoes fn's writes and the claim, back to a savepoint, and is returned; the rest of the transaction can go on.
// An error marked with [Final] is remembered. A panic undoes the same and continues to the caller. A serialization failure, a
// deadlock or a lost connection loses the transaction: Once rolls the transaction back, so that nobody commits the rest of it,
// and the caller must begin again. If such an error comes from the claim itself, Once returns a [*ConflictError]. The other
// errors are the same as Run's, except that Once returns no [*UnknownError].
//
// On SQLite begin the transaction with its first write, or with _txlock=immediate. If the transaction has read before, it may
// not be able to write any more, and Once returns a *ConflictError (hazards K30 and S11).
func Once[R any](ctx context.Context, s *Store, tx upsert.DB, k Key, fp Fingerprint, fn func(context.Context, *Tx) (R, error), opts ...ClaimOption) (r R, replayed bool, err error) {
	c, err := s.claim(k, fp, true, opts)
	if err != nil {
		return r, false, err
	}
	x, err := s.transaction(tx)
	if err != nil {
		return r, false, err
	}
	if fn == nil {
		return r, false, errNoFunc
	}
	ran := r
	out, err := c.inside(ctx, handle{tx: x}, func(ctx context.Context, tx *Tx) (result []byte, err error) {
		if ran, err = fn(ctx, tx); err != nil {
			return nil, err
		}
		ran, result, err = roundTrip(c, ran)
		return result, err
	})
	if outer, ok := tx.(*Tx); ok {
		outer.claim.Hold(s.lockName(k))
		if c.lost != nil {
			outer.lose(c.lost)
		}
	}
	return answer(ctx, c, out, ran, err)
}

// inside runs fn under the claim in the caller's transaction.
func (c *claim) inside(ctx context.Context, h handle, fn effect) (outcome, error) {
	name, tx := claimsql.SavepointName(c.row.Owner), h.tx
	if _, err := tx.ExecContext(ctx, claimsql.Savepoint(name)); err != nil {
		return outcome{}, c.undo(ctx, tx, name, c.conflict(err))
	}
	finished := false
	defer func() {
		if !finished { // fn has panicked
			_ = c.undo(ctx, tx, name, nil)
		}
	}()
	seen, end, err := c.perform(ctx, h, name, fn)
	finished = true
	if err == nil {
		_, err = tx.ExecContext(ctx, claimsql.Release(name))
	}
	switch {
	case err != nil:
		return outcome{}, c.undo(ctx, tx, name, err)
	case seen != nil:
		return c.resolve(ctx, *seen)
	}
	return outcome{}, c.finish(ctx, end)
}

// perform claims, calls fn and records. If the key's row is there already, perform returns the row instead.
func (c *claim) perform(ctx context.Context, h handle, savepoint string, fn effect) (seen *stored, end ending, err error) {
	got, st, err := c.take(ctx, h)
	if err != nil || !got {
		return &st, end, c.conflict(err)
	}
	if end, err = c.call(ctx, h, fn, 1); err != nil {
		return nil, end, err
	}
	if end.final != nil {
		// None of fn's writes stays, and the claim goes with them: another caller may be faster now.
		if _, err := h.tx.ExecContext(ctx, claimsql.RollbackTo(savepoint)); err != nil {
			return nil, end, err
		}
		if got, st, err = c.take(ctx, h); err != nil || !got {
			return &st, end, c.conflict(err)
		}
	}
	return nil, end, c.record(ctx, h.tx, end)
}

// conflict returns a [*ConflictError] if an error of the claim's own statements means that the whole transaction must run
// again.
func (c *claim) conflict(err error) error {
	// If an SQLite transaction could not begin to write, the transaction cannot do so later either.
	var busy *busyError
	if losesTransaction(err) || errors.As(err, &busy) {
		return &ConflictError{Key: c.key, Err: err}
	}
	return err
}

// undo takes back the call's writes and returns err, the reason for the undo. If that fails, or err says that the server has
// lost the transaction, undo rolls back the whole transaction: otherwise later statements would commit by themselves, or a
// COMMIT would succeed without a transaction (hazard E3).
func (c *claim) undo(ctx context.Context, tx *sqlx.Tx, savepoint string, err error) error {
	lost := losesTransaction(err)
	if !lost {
		for _, q := range []string{claimsql.RollbackTo(savepoint), claimsql.Release(savepoint)} {
			if _, uerr := tx.ExecContext(context.WithoutCancel(ctx), q); uerr != nil {
				lost = true
			}
		}
	}
	if lost {
		c.lost = &txn.LostError{Err: errors.Join(err, errors.New("the transaction was rolled back"))}
		c.store.rollback(ctx, tx.Tx)
	}
	return err
}
