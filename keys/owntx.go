package keys

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// ownTx is a transaction of the store's, on a connection that no one else has. A server can refuse to end a transaction while
// the connection lives, as a Galera node does that has lost its cluster (hazard E7). In its pool the next BEGIN on that
// connection would commit a claim and an effect that were given up.
type ownTx struct {
	*sqlx.Tx
	conn  *sqlx.Conn
	ended bool
}

const (
	// badConns bounds how many of a pool's connections may turn out to be dead before one is found that is not.
	badConns = 100
	// settleTimeout bounds how long the connection of a transaction that has ended badly is kept.
	settleTimeout = 5 * time.Second
)

// begin is the pool's BeginTxx, which takes another connection for a dead one, too.
func (s *Store) begin(ctx context.Context, opts *sql.TxOptions) (*ownTx, error) {
	for n := 0; ; n++ {
		conn, err := s.db.Connx(ctx)
		if err != nil {
			return nil, err
		}
		tx, err := conn.BeginTxx(ctx, opts)
		if err == nil {
			return &ownTx{Tx: tx, conn: conn}, nil
		}
		_ = conn.Close()
		if !errors.Is(err, driver.ErrBadConn) || n == badConns {
			return nil, err
		}
	}
}

// Commit gives the connection back.
func (tx *ownTx) Commit() error {
	err := tx.Tx.Commit()
	tx.end(err)
	return err
}

// Rollback gives the connection back. It may be called after Commit.
func (tx *ownTx) Rollback() error {
	err := tx.Tx.Rollback()
	tx.end(err)
	return err
}

func (tx *ownTx) end(err error) {
	switch {
	case tx.ended:
		return
	case err == nil:
		_ = tx.conn.Close()
	case errors.Is(err, sql.ErrTxDone), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		go tx.settle() // because the context has ended, database/sql may still be rolling back, in a goroutine of its own
	default:
		tx.settle()
	}
	tx.ended = true
}

// settle makes sure that the connection has no transaction any more, or keeps it from the pool.
func (tx *ownTx) settle() {
	ctx, cancel := context.WithTimeout(context.Background(), settleTimeout)
	defer cancel()
	_, err := tx.conn.ExecContext(ctx, "ROLLBACK")
	if err != nil && !strings.Contains(err.Error(), "no transaction is active") { // SQLite's word for none
		_ = tx.conn.Raw(func(any) error { return driver.ErrBadConn })
	}
	_ = tx.conn.Close()
}
