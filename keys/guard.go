package keys

import (
	"context"
	"errors"
	"fmt"

	"github.com/goupsert/upsert"
)

// Guard joins the caller's transaction to the lease. Send it as the first statement of the transaction. Guard returns an error
// that wraps [ErrFenced] if the lease has ended; the transaction has then been rolled back, so that nobody commits it by mistake.
// Otherwise Guard renews the lease and holds the lock of the key's row until the transaction ends: nobody can take the key over
// before. The heartbeat pauses meanwhile and goes on after it, so a guarded transaction can be longer than the lease. Up to ten
// leases there is no risk at its end either. End the transaction before fn returns, and have one guarded transaction at a time.
//
// tx is a *sqlx.Tx, a *sql.Tx or a *[Tx], in the store's database. A pool or a connection is refused. Guard also returns an error
// after the end of fn, and the database's error; if this error has ended the transaction, roll back and run the transaction
// again.
func (h *Held) Guard(ctx context.Context, tx upsert.DB) error {
	s := h.claim.store
	x, err := s.transaction(tx)
	if err != nil {
		return err
	}
	if h.ended.Load() {
		return fmt.Errorf("keys: %s: Guard: the lease has ended with fn", h.claim.key)
	}
	e, err := h.beginGuard(x.Tx)
	if err != nil {
		return fmt.Errorf("keys: %s: Guard: %w", h.claim.key, err)
	}
	h.beat.sending.Lock() // as soon as the renewal has returned
	defer h.beat.sending.Unlock()
	changed, err := execOne(ctx, x, s.sql.Renew(e, h.guardLease()))
	switch {
	case err != nil:
		h.endGuard()
		return fmt.Errorf("keys: %s: Guard: %w", h.claim.key, s.explain(ctx, err))
	case !changed:
		h.endGuard()
		h.loseLease()
		err = h.fencedError("the transaction was rolled back")
		if outer, ok := tx.(*Tx); ok {
			outer.lose(err)
		} else {
			s.rollback(ctx, x.Tx)
		}
		return err
	}
	return nil
}

// errGuardOpen: nobody knows whether the transaction will be committed.
var errGuardOpen = errors.New("keys: fn has returned and its guarded transaction is still open: commit it or roll it back before")
