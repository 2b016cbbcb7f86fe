package keys

import (
	"context"
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
// It is for fn only and ends with it. Return every error of its statements that you do not know to be harmless: on MySQL a
// deadlock ends the transaction, and what is sent after it is committed by itself.
type Tx struct {
	*sqlx.Tx
	key     Key
	attempt int
	ended   atomic.Bool
	lost    atomic.Pointer[error]
}

var (
	_ upsert.Claim    = (*Tx)(nil)
	_ sqlx.ExtContext = (*Tx)(nil)
)

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

// ExecContext is that of *sqlx.Tx.
func (tx *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	res, err := tx.Tx.ExecContext(ctx, query, args...)
	return res, tx.saw(err)
}

// QueryContext is that of *sqlx.Tx.
func (tx *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	rows, err := tx.Tx.QueryContext(ctx, query, args...)
	return rows, tx.saw(err)
}

// saw notes an error after which the transaction may not be committed, whatever the server says to a COMMIT (hazard E3).
func (tx *Tx) saw(err error) error {
	if losesTransaction(err) {
		tx.lost.CompareAndSwap(nil, &err)
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
