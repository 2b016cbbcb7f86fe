package keys

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/claimsql"
	"github.com/goupsert/upsert/internal/inside"
	"github.com/goupsert/upsert/internal/response"
	"github.com/goupsert/upsert/internal/txn"
	"github.com/jmoiron/sqlx"
)

// Tx is the transaction in which fn has its effect. Writes on a Tx are committed together with the record of the key, or not at
// all, so a Tx is the claim that a table with a column of rule add requires.
//
// A Tx is for fn only and ends with fn. Return the errors of its statements unless you know that they are harmless: on MySQL a
// deadlock ends the transaction, and later statements would commit by themselves. Tx notices such an error and refuses later
// statements, except if the error comes from a prepared statement, whose results Tx does not see. Send no statement that
// commits, as DDL does on MySQL and MariaDB: it would commit the claim before its result.
//
// The methods of Tx use the placeholders of the store's database, and the Mapper of the *sqlx.DB or the *sqlx.Tx that the Tx
// comes from. The functions of package sqlx, for example sqlx.NamedQueryContext, know only the placeholders of a Tx that they
// are given.
type Tx struct {
	*sqlx.Tx
	own     *txn.Tx // nil if the caller began the transaction
	store   *Store
	key     Key
	attempt int
	claim   *inside.Claim             // the locks that calls inside fn must not wait for
	proof   func() claimsql.Statement // finds a row as long as the transaction is still the claim's
	ended   atomic.Bool
	lost    atomic.Pointer[error]
	rows    openRows
}

var (
	_ upsert.Claim    = (*Tx)(nil)
	_ sqlx.ExtContext = (*Tx)(nil)
)

func (s *Store) tx(h handle, k Key, attempt int, proof func() claimsql.Statement) *Tx {
	tx := &Tx{Tx: h.tx, own: h.own, store: s, key: k, attempt: attempt, proof: proof}
	tx.claim = &inside.Claim{Name: k.String(), Pool: s.db, Alone: s.dialect.Traits().Immediate, Ended: tx.ended.Load, Tx: tx}
	return tx
}

// context returns the context that fn is given.
func (tx *Tx) context(ctx context.Context) context.Context { return inside.Enter(ctx, tx.claim) }

// TxFrom returns the transaction of the fn that ctx was given to, for a function deep inside fn that gets no Tx of its own. Inside
// nested claims TxFrom returns the innermost claim's transaction. TxFrom returns nil and false outside of an fn, after the fn has
// returned, and for a context that [Outside] has returned.
func TxFrom(ctx context.Context) (*Tx, bool) {
	tx, found := inside.Tx(ctx).(*Tx)
	if found {
		response.NoteTaken(ctx)
	}
	return tx, found
}

// Outside returns a context whose calls may go past the transaction of fn, for example for a row of an audit log that must
// survive a rollback. ctx is the context that fn was given. Without Outside, the verbs of package upsert, and Run, Exec, Do,
// Consume, Fail, Revive, Forget and ForgetScope, are refused inside fn on the pool of fn's store, because they would commit by themselves. A call that could
// only wait for fn's own transaction is refused even with Outside: on SQLite every write, on a pool of one connection every
// call, and elsewhere a call for a key or a consumer that fn's transaction holds. Statements that database/sql or sqlx send on
// the pool are not seen.
func Outside(ctx context.Context) context.Context { return inside.Outside(ctx) }

// refuseInside refuses a call that is made inside fn and would use a transaction of its own, unless the caller has used
// [Outside]. A call that would wait for fn's transaction is always refused.
func (s *Store) refuseInside(ctx context.Context, what string) error {
	err := inside.RefuseHeld(ctx, what)
	if err == nil {
		err = inside.Refuse(ctx, s.db)
	}
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	return nil
}

// lockName returns a name for a key's row as something that a transaction can have locked. Two stores of one table use the
// same names. messagesLockName does the same for all messages of a consumer.
func (s *Store) lockName(k Key) string {
	h := hashOf(kindKey, k.Scope, k.Op, k.ID)
	return s.identity + string(h[:])
}

func (s *Store) messagesLockName(consumer string) string {
	return s.identity + "messages of " + consumer
}

// Key returns the key that was claimed.
func (tx *Tx) Key() Key { return tx.key }

// Attempt returns how often this call of [Run] or [Once] has called fn, this time included: 1, unless Run had to begin again.
func (tx *Tx) Attempt() int { return tx.attempt }

// UpsertClaim returns nil while fn runs and no statement has lost the transaction. Tables with a column of rule add call
// UpsertClaim.
func (tx *Tx) UpsertClaim() error {
	if tx.ended.Load() {
		return errors.New("keys: the claim has ended: its transaction is for fn only")
	}
	if lost := tx.lost.Load(); lost != nil {
		return fmt.Errorf("keys: a statement has ended the claim's transaction: return the statement's error: %w", *lost)
	}
	return nil
}

// lose ends the transaction. Later statements are refused before they reach the server, which would commit them by themselves,
// and a COMMIT can no longer seem to succeed (hazard E3).
func (tx *Tx) lose(err error) {
	if tx.lost.CompareAndSwap(nil, &err) {
		tx.store.rollback(context.Background(), tx.Tx.Tx)
	}
}

// observe ends the transaction if a statement's error says that the server has ended it. SQLite ends a transaction without
// saying so in the error, after an interrupted write, a full disk, or RAISE(ROLLBACK), so observe asks SQLite.
func (tx *Tx) observe(err error) error {
	if err != nil && dialect.Classify(err) == dialect.Ambiguous {
		tx.rows.areLeft() // before the end of the transaction closes the rows
	}
	switch {
	case err == nil || errors.Is(err, sql.ErrTxDone):
	case losesTransaction(err), tx.store.server.timeoutLoses && dialect.Classify(err) == dialect.LockTimeout:
		tx.lose(err)
	case tx.store.dialect.Traits().Immediate && tx.isGone():
		tx.lose(&txn.LostError{Err: err})
	}
	return err
}

// isGone reports whether SQLite has no transaction any more: only then BEGIN succeeds. lose ends the new transaction.
func (tx *Tx) isGone() bool {
	_, err := tx.Tx.ExecContext(context.Background(), "BEGIN")
	return err == nil
}

// prove returns ErrClaimLost if the transaction is no longer the one in which the key was claimed. On MySQL and MariaDB this
// happens after a deadlock that Tx has not seen, for example a prepared statement's, and nothing else would reveal it (hazard
// E3).
func (tx *Tx) prove(ctx context.Context) error {
	found, err := send(ctx, handle{tx.Tx, tx.own}, func(x *sqlx.Tx) (bool, error) {
		one := 0
		return queryRow(context.WithoutCancel(ctx), x, tx.proof(), &one)
	})
	if err == nil && !found {
		return ErrClaimLost
	}
	return err
}

// isLost reports whether the transaction is known to be gone, from err, which fn has returned, or from the errors that Tx has
// seen.
func (tx *Tx) isLost(ctx context.Context, err error) bool {
	return tx.lost.Load() != nil || losesTransaction(err) && tx.prove(ctx) != nil
}

// markError returns fn's error, marked if fn must be called again. If the transaction is lost and fn has not returned the
// error that says so, markError returns that error.
func (tx *Tx) markError(ctx context.Context, err error) error {
	lost := tx.UpsertClaim()
	switch {
	case (err == nil || dialect.Classify(err) == dialect.Ambiguous) && tx.rows.areLeft():
		return &fnError{err: errors.Join(errRowsOpen, err)}
	case lost != nil && !isRetryable(err):
		return tx.store.explain(ctx, lost)
	case err == nil:
		return nil
	case !isRetryable(err):
		return &fnError{err: err}
	case dialect.Classify(err) != dialect.Ambiguous:
		return &fnError{err: err, retry: true}
	}
	// A lost connection may be another one than the transaction's, and an io.EOF may come from a request's body.
	return &fnError{err: err, retry: tx.isLost(ctx, err)}
}

func losesTransaction(err error) bool {
	c := dialect.Classify(err)
	return c == dialect.Retryable || c == dialect.Ambiguous
}

// Commit returns an error: Run, or the caller of Once, commits the claim's transaction.
func (tx *Tx) Commit() error {
	return errors.New("keys: fn must not commit: return nil, and the transaction is committed with the key")
}

// Rollback returns an error: if fn returns an error, the claim's transaction is rolled back.
func (tx *Tx) Rollback() error {
	return errors.New("keys: fn must not roll back: return an error, and the transaction is rolled back")
}

// transaction returns the sqlx transaction behind a handle, and an error if the handle is not a transaction.
func (s *Store) transaction(db upsert.DB) (*sqlx.Tx, error) {
	switch tx := db.(type) {
	case *sqlx.Tx:
		if tx != nil {
			return s.txs.rename(tx), nil
		}
	case *sql.Tx:
		if tx != nil {
			return s.txs.extend(tx), nil
		}
	case *Tx:
		if tx != nil {
			return tx.Tx, tx.UpsertClaim()
		}
	}
	return nil, fmt.Errorf("keys: the handle is a %T and must be a transaction (*sqlx.Tx, *sql.Tx or *keys.Tx): a key counts only if it is committed together with its effect; Run begins one", db)
}
