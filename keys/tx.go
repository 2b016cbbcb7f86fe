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
	"github.com/goupsert/upsert/internal/txn"
	"github.com/jmoiron/sqlx"
)

// Tx is the transaction in which fn has its effect. What is written on it is committed together with the record of the key,
// or not at all, so it is what a table with a column of rule add wants.
//
// It is for fn only and ends with it. Return the errors of its statements unless you know them to be harmless: on MySQL a
// deadlock ends the transaction, and what is sent after it is committed by itself. Tx notices that and refuses what comes
// after, but it does not see what a prepared statement returns. Send no statement that commits, as DDL does
// on MySQL and MariaDB: it would commit the claim before its result.
//
// Its methods know the placeholders of the store's database, and the Mapper of the *sqlx.DB or the *sqlx.Tx that it comes from. The
// functions of package sqlx, such as sqlx.NamedQueryContext, know only the placeholders of a Tx that they are given.
type Tx struct {
	*sqlx.Tx
	own     *txn.Tx // nil if it is the caller's
	store   *Store
	key     Key
	attempt int
	claim   *inside.Claim      // what calls inside fn must not wait for
	proof   claimsql.Statement // finds a row as long as the transaction is the claim's
	ended   atomic.Bool
	lost    atomic.Pointer[error]
	rows    openRows
}

var (
	_ upsert.Claim    = (*Tx)(nil)
	_ sqlx.ExtContext = (*Tx)(nil)
)

func (s *Store) tx(h handle, k Key, attempt int, proof claimsql.Statement) *Tx {
	tx := &Tx{Tx: h.tx, own: h.own, store: s, key: k, attempt: attempt, proof: proof}
	tx.claim = &inside.Claim{Name: k.String(), Pool: s.db, Alone: s.dialect.Traits().Immediate, Ended: tx.ended.Load}
	return tx
}

// context is fn's.
func (tx *Tx) context(ctx context.Context) context.Context { return inside.Enter(ctx, tx.claim) }

// Outside returns a context whose calls are meant to go past the transaction of the fn that ctx is of, as for a row of an audit
// log that must survive a rollback. Without it a verb of package upsert, and Run, Consume, Fail and Revive, are refused inside fn
// on the pool of fn's store, because they would commit by themselves. What could only wait for fn's own transaction is refused
// all the same: on SQLite every write, on a pool of one connection every call, and elsewhere a key or a consumer that fn's
// transaction holds. Statements that are sent on the pool by database/sql or sqlx are not seen.
func Outside(ctx context.Context) context.Context { return inside.Outside(ctx) }

// outside refuses a call in a transaction of its own that is made inside fn, if that is not meant or the call would wait for
// fn's transaction.
func (s *Store) outside(ctx context.Context, what string) error {
	err := inside.RefuseHeld(ctx, what)
	if err == nil {
		err = inside.Refuse(ctx, s.db)
	}
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	return nil
}

// held names a key, or all messages of a consumer, as what a transaction can have locked. Two stores of one table have the same
// names.
func (s *Store) held(k Key) string {
	h := hashOf(kindKey, k.Scope, k.Op, k.ID)
	return s.place + string(h[:])
}

func (s *Store) heldMessages(consumer string) string { return s.place + "messages of " + consumer }

// Key returns the key that was claimed.
func (tx *Tx) Key() Key { return tx.key }

// Attempt returns how often fn has been called by this call, this time included: 1, unless [Run] had to begin again.
func (tx *Tx) Attempt() int { return tx.attempt }

// UpsertClaim returns nil while fn runs and no statement has lost the transaction. Tables with a column of rule add ask it.
func (tx *Tx) UpsertClaim() error {
	if tx.ended.Load() {
		return errors.New("keys: the claim has ended: its transaction is for fn only")
	}
	if lost := tx.lost.Load(); lost != nil {
		return fmt.Errorf("keys: a statement has lost the claim's transaction, return its error: %w", *lost)
	}
	return nil
}

// lose ends the transaction: whatever is sent on it from here on is refused before it reaches the server, which would commit
// it by itself, and whatever a COMMIT would be answered, there is none (hazard E3).
func (tx *Tx) lose(err error) {
	if tx.lost.CompareAndSwap(nil, &err) {
		tx.store.rollback(context.Background(), tx.Tx.Tx)
	}
}

// saw ends the transaction if a statement's error says that the server has, or if it does not say and the server has all
// the same: SQLite rolls back after an interrupted write, a full disk, or RAISE(ROLLBACK).
func (tx *Tx) saw(err error) error {
	if err != nil && dialect.Classify(err) == dialect.Ambiguous {
		tx.rows.areLeft() // before the transaction's end closes them
	}
	switch {
	case err == nil || errors.Is(err, sql.ErrTxDone):
	case losesTransaction(err), tx.store.timeoutLoses && dialect.Classify(err) == dialect.LockTimeout:
		tx.lose(err)
	case tx.store.dialect.Traits().Immediate && tx.gone():
		tx.lose(&txn.LostError{Err: err})
	}
	return err
}

// gone reports whether SQLite has no transaction any more: only then it begins one. Its end is lose's.
func (tx *Tx) gone() bool {
	_, err := tx.Tx.ExecContext(context.Background(), "BEGIN")
	return err == nil
}

// prove returns ErrClaimLost if the transaction is no longer the one in which the key was claimed. On MySQL and MariaDB it is
// not after a deadlock that was kept from Tx, as that of a prepared statement is, and nothing else would tell (hazard E3).
func (tx *Tx) prove(ctx context.Context) error {
	found, err := send(ctx, handle{tx.Tx, tx.own}, func(x *sqlx.Tx) (bool, error) {
		one := 0
		return queryRow(context.WithoutCancel(ctx), x, tx.proof, &one)
	})
	if err == nil && !found {
		return ErrClaimLost
	}
	return err
}

// isLost reports whether the transaction is gone, as far as the error that fn has returned or those that it has seen say so.
func (tx *Tx) isLost(ctx context.Context, err error) bool {
	return tx.lost.Load() != nil || losesTransaction(err) && tx.prove(ctx) != nil
}

// outcome is fn's error, and whether fn is to be called again; or that the transaction is lost, if fn has kept that to
// itself.
func (tx *Tx) outcome(ctx context.Context, err error) error {
	lost := tx.UpsertClaim()
	switch {
	case (err == nil || dialect.Classify(err) == dialect.Ambiguous) && tx.rows.areLeft():
		return &fnError{err: errors.Join(errRowsOpen, err)}
	case lost != nil && !worthRepeating(err):
		return tx.store.explain(ctx, lost)
	case err == nil:
		return nil
	case !worthRepeating(err):
		return &fnError{err: err}
	case dialect.Classify(err) != dialect.Ambiguous:
		return &fnError{err: err, again: true}
	}
	// A lost connection may be that of something else, and an io.EOF that of a request's body.
	return &fnError{err: err, again: tx.isLost(ctx, err)}
}

func losesTransaction(err error) bool {
	c := dialect.Classify(err)
	return c == dialect.Retryable || c == dialect.Ambiguous
}

// Commit fails: the claim's transaction is committed by Run, or by the caller of Once.
func (tx *Tx) Commit() error {
	return errors.New("keys: fn must not commit: return nil, and it is committed with the key")
}

// Rollback fails: the claim's transaction is rolled back where fn returns an error.
func (tx *Tx) Rollback() error {
	return errors.New("keys: fn must not roll back: return an error, and it is rolled back")
}

// transaction returns the sqlx transaction behind a handle.
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
