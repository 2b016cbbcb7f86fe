package keys

import (
	"context"
	"database/sql"

	"github.com/goupsert/upsert/internal/txn"
	"github.com/jmoiron/sqlx"
)

// handle is a transaction on which this package sends its statements.
type handle struct {
	tx  *sqlx.Tx
	own *txn.Tx // nil if the transaction is the caller's
}

// begin begins a transaction of the store's own.
func (s *Store) begin(ctx context.Context, o txn.Options) (handle, error) {
	own, err := txn.Begin(ctx, s.db, o)
	if err != nil {
		return handle{}, err
	}
	return handle{s.txs.extend(own.Std()), own}, nil
}

// send calls f, which sends statements, and returns f's results. In a transaction of the store's own, send waits not much
// longer than ctx lasts; f then continues alone. So f must not write to variables that its caller reads.
func send[V any](ctx context.Context, h handle, f func(*sqlx.Tx) (V, error)) (V, error) {
	if h.own == nil {
		return f(h.tx)
	}
	return txn.Value(func(g func() error) error { return h.own.Do(ctx, g) }, func() (V, error) { return f(h.tx) })
}

// transact runs f, which sends statements, in a transaction of the store's own that needs no snapshot, runs f again if that may
// help, and returns f's results. f must be safe to repeat after a commit whose answer was lost.
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

// rollback ends a transaction that is lost. Later statements on the transaction do not reach the server, which would commit
// them by themselves (hazard E3).
func (s *Store) rollback(ctx context.Context, tx *sql.Tx) {
	txn.RollbackCaller(ctx, tx, s.isMySQL())
}

// isMySQL reports whether the database is MySQL or MariaDB.
func (s *Store) isMySQL() bool {
	return s.dialect != nil && (s.dialect.Name() == "mysql" || s.dialect.Name() == "mariadb")
}
