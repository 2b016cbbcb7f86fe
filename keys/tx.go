package keys

import (
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/jmoiron/sqlx"
)

// Tx is the transaction in which fn has its effect. What is written on it is committed together with the record of the key,
// or not at all, so it is what a table with a column of rule add wants.
//
// It is for fn only and ends with it. Return the errors of its statements unless you know them to be harmless: on MySQL a
// deadlock ends the transaction, and what is sent after it is committed by itself. Tx notices that and refuses what comes
// after, but it does not see what a QueryRow or a prepared statement returns.
type Tx struct {
	*sqlx.Tx
	driver  string
	key     Key
	attempt int
	ended   atomic.Bool
	lost    atomic.Pointer[error]
}

var (
	_ upsert.Claim    = (*Tx)(nil)
	_ sqlx.ExtContext = (*Tx)(nil)
)

func (s *Store) tx(tx *sqlx.Tx, k Key, attempt int) *Tx {
	return &Tx{Tx: tx, driver: s.db.DriverName(), key: k, attempt: attempt}
}

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
		_ = tx.Tx.Rollback()
	}
}

// saw ends the transaction if a statement's error says that the server has.
func (tx *Tx) saw(err error) error {
	if err != nil && losesTransaction(err) {
		tx.lose(err)
	}
	return err
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
			return tx, nil
		}
	case *sql.Tx:
		if tx != nil {
			return &sqlx.Tx{Tx: tx, Mapper: s.db.Mapper}, nil
		}
	case *Tx:
		if tx != nil {
			return tx.Tx, tx.UpsertClaim()
		}
	}
	return nil, fmt.Errorf("keys: the handle is a %T and must be a transaction (*sqlx.Tx, *sql.Tx or *keys.Tx): a key counts only if it is committed together with its effect; Run begins one", db)
}
