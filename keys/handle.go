package keys

import (
	"context"
	"database/sql"

	"github.com/goupsert/upsert/internal/txn"
	"github.com/jmoiron/sqlx"
)

// handle is a transaction as the statements of this package go through it.
type handle struct {
	tx  *sqlx.Tx
	own *txn.Tx // nil if the transaction is the caller's
}

// begin begins a transaction of the store's.
func (s *Store) begin(ctx context.Context, o txn.Options) (handle, error) {
	own, err := txn.Begin(ctx, s.db, o)
	if err != nil {
		return handle{}, err
	}
	return handle{s.txs.extend(own.Std()), own}, nil
}

// send calls f, which sends statements, and returns what f returns. In a transaction of the store's it does not wait much
// longer than for ctx, and then f goes on alone: so f must not write to what its caller reads.
func send[V any](ctx context.Context, h handle, f func(*sqlx.Tx) (V, error)) (V, error) {
	if h.own == nil {
		return f(h.tx)
	}
	return txn.Value(func(g func() error) error { return h.own.Do(ctx, g) }, func() (V, error) { return f(h.tx) })
}

// transact sends the statements of f in a transaction of the store's that needs no snapshot, again if that may help, and
// returns what f returns. f must be safe to repeat after a commit whose answer was lost.
func transact[V any](ctx context.Context, s *Store, f func(*sqlx.Tx) (V, error)) (V, error) {
	var none, v V
	err := s.inTransaction(ctx, s.readCommittedOptions(), func(h handle) (err error) {
		v, err = send(ctx, h, f)
		return err
	})
	if err != nil {
		return none, err
	}
	return v, nil
}

// rollback ends a transaction that is lost. What is sent on it afterwards does not reach the server, which would commit it by
// itself (hazard E3).
func (s *Store) rollback(ctx context.Context, tx *sql.Tx) {
	txn.RollbackCaller(ctx, tx, s.isMySQL())
}

// isMySQL reports whether the database is MySQL or MariaDB.
func (s *Store) isMySQL() bool {
	return s.dialect != nil && (s.dialect.Name() == "mysql" || s.dialect.Name() == "mariadb")
}
