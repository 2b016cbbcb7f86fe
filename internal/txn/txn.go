// Package txn begins, commits and rolls back transactions. The package never returns a connection to its pool with a
// transaction that is still open, because the next BEGIN there would commit this transaction (hazard E7). If a driver does not
// return, a call waits for the driver not much longer than its context lasts.
package txn

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/jmoiron/sqlx"
)

// settleTimeout bounds how long the connection of a transaction that has ended badly is asked for its ROLLBACK.
const settleTimeout = 5 * time.Second

// Options say how a transaction begins.
type Options struct {
	Std *sql.TxOptions
	// Immediate begins the transaction with the write lock, by a statement, because database/sql has no option for this lock.
	Immediate bool
	// Around calls begin, which begins the transaction on db, and returns begin's error. Around can change a setting of db
	// meanwhile.
	Around func(db dbconn.Handle, begin func() error) error
	// First is called in the new transaction if the transaction was not begun by a statement. First and BEGIN are one bounded call, which
	// costs one goroutine. First must not write to variables that the caller reads after an error of Begin.
	First func(*sql.Tx)
}

// Tx is a transaction of the library's own. A Tx ends by Commit or Rollback, and never by the end of a context: database/sql
// would roll back in a goroutine of its own, and that ROLLBACK would hit the next use of the connection.
type Tx struct {
	std  *sql.Tx       // nil if the transaction was begun by a statement
	db   dbconn.Handle // sends the statements
	conn dbconn.Conn   // the transaction's connection; nil if the handle gives no connection
	own  *sql.Conn     // conn, if it was taken from a pool

	immediate bool // began by a statement
	ended     bool
}

// Begin begins a transaction on a handle that can begin one. If the handle is a pool, Begin takes a connection of its own, and
// retries if the connection is dead. If the connection is lost before the transaction has begun, the error is a [*LostError].
func Begin(ctx context.Context, db dbconn.Handle, o Options) (*Tx, error) {
	tx, err := beginOn(ctx, db, o)
	if dialect.Classify(err) == dialect.Ambiguous { // for example, the server had ended the idle session
		err = &LostError{Err: err}
	}
	return tx, err
}

func beginOn(ctx context.Context, db dbconn.Handle, o Options) (tx *Tx, err error) {
	pool, ok := db.(dbconn.Connector)
	if !ok {
		tx = &Tx{db: db}
		tx.conn, _ = db.(dbconn.Conn)
		return tx, tx.begin(ctx, o)
	}
	err = dbconn.OnConn(ctx, pool, func(conn *sql.Conn) error {
		tx = &Tx{db: conn, conn: conn, own: conn}
		return tx.begin(ctx, o)
	})
	return tx, err
}

func (tx *Tx) begin(ctx context.Context, o Options) error {
	if err := ctx.Err(); err != nil {
		tx.release()
		return err
	}
	if tx.immediate = o.Immediate; tx.immediate {
		return tx.beginImmediate(ctx)
	}
	lasting := context.WithoutCancel(ctx)
	var std *sql.Tx
	begin := func() (err error) {
		std, err = tx.db.(dbconn.Beginner).BeginTx(lasting, o.Std)
		return err
	}
	err := Bounded(ctx, func() (err error) {
		returned := false
		defer func() {
			if !returned {
				tx.undo(std)
			}
		}()
		if o.Around != nil {
			err = o.Around(tx.db, begin)
		} else {
			err = begin()
		}
		if err == nil && o.First != nil {
			o.First(std)
		}
		returned = true
		return err
	}, func() { tx.undo(std) })
	switch {
	case isAbandoned(err):
	case err != nil:
		if std != nil { // what came after BEGIN has failed
			_ = std.Rollback()
		}
		tx.settleFor(ctx, err) // a killed BEGIN may still have begun a transaction
	default:
		tx.std, tx.db = std, std
	}
	return err
}

// beginImmediate waits for the write lock no longer than ctx allows, even if a driver would (hazard S15).
func (tx *Tx) beginImmediate(ctx context.Context) error {
	begin, late := tx.beginNow, func() { tx.settle(context.Background()) }
	switch c := tx.conn.(type) {
	case *sql.Conn, *sqlx.Conn:
		if tx.own == nil { // the caller's connection
			begin, late = beginRaw(c), func() {}
		}
	}
	err := Bounded(ctx, func() error { return begin(ctx) }, late)
	if err != nil && !isAbandoned(err) && (tx.own != nil || ctx.Err() != nil) {
		tx.settle(context.WithoutCancel(ctx)) // BEGIN may still have begun a transaction
	}
	return err
}

func (tx *Tx) beginNow(ctx context.Context) error {
	_, err := tx.db.ExecContext(ctx, beginImmediate)
	return err
}

const beginImmediate = "BEGIN IMMEDIATE"

// beginRaw begins a transaction on the caller's connection. If the transaction begins after the context's end, beginRaw rolls
// it back before the caller can send the next statement; otherwise the rollback would undo that statement too.
func beginRaw(conn dbconn.Conn) func(context.Context) error {
	return func(ctx context.Context) error {
		return conn.Raw(func(driverConn any) error {
			err := execRaw(ctx, driverConn, beginImmediate)
			if ctx.Err() != nil {
				_ = execRaw(context.WithoutCancel(ctx), driverConn, "ROLLBACK") // there may be nothing to roll back
				return ctx.Err()
			}
			return err
		})
	}
}

// execRaw sends a statement on a driver's connection.
func execRaw(ctx context.Context, driverConn any, query string) error {
	if c, ok := driverConn.(driver.ExecerContext); ok {
		if _, err := c.ExecContext(ctx, query, nil); !errors.Is(err, driver.ErrSkip) {
			return err
		}
	}
	stmt, err := driverConn.(driver.Conn).Prepare(query)
	if err != nil {
		return err
	}
	defer stmt.Close() //nolint:errcheck // what matters is what it did
	if c, ok := stmt.(driver.StmtExecContext); ok {
		_, err = c.ExecContext(ctx, nil)
		return err
	}
	_, err = stmt.Exec(nil) //nolint:staticcheck // all that such a driver has
	return err
}

// Std returns database/sql's transaction, or nil if a statement began the transaction.
func (tx *Tx) Std() *sql.Tx { return tx.std }

// Handle returns the handle for the transaction's statements: tx itself if its connection is known.
func (tx *Tx) Handle() dbconn.Handle {
	if tx.conn == nil {
		return tx.db
	}
	return tx
}

// IsPrivate reports whether the connection is the library's own too.
func (tx *Tx) IsPrivate() bool { return tx.own != nil }

// ExecContext sends a statement in the transaction.
func (tx *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return tx.db.ExecContext(ctx, query, args...)
}

// QueryContext sends a query in the transaction.
func (tx *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return tx.db.QueryContext(ctx, query, args...)
}

// PrepareContext prepares a statement in the transaction, whose connection must be known.
func (tx *Tx) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	if tx.std != nil {
		return tx.std.PrepareContext(ctx, query)
	}
	return tx.conn.PrepareContext(ctx, query)
}

// Raw calls f with the driver's connection, which must be known.
func (tx *Tx) Raw(f func(driverConn any) error) error { return tx.conn.Raw(f) }

// Do calls f, which sends statements on the transaction, and waits for f not much longer than ctx lasts. After an
// [*AbandonedError] the transaction has ended: nothing happens on it after f.
func (tx *Tx) Do(ctx context.Context, f func() error) error {
	err := Bounded(ctx, f, func() { tx.undo(tx.std) })
	if isAbandoned(err) {
		tx.ended = true
	}
	return err
}

// undo ends a transaction that nobody else will end, because its caller no longer waits or its code has not returned. std is nil if
// no transaction of database/sql has begun.
func (tx *Tx) undo(std *sql.Tx) {
	if std != nil {
		_ = std.Rollback() // settle finds out whether the transaction has ended
	}
	tx.settle(context.Background())
}

// Commit commits. After an [*AbandonedError], and after any other error that does not come from the server, the transaction may
// or may not have been committed.
func (tx *Tx) Commit(ctx context.Context) error {
	if tx.std != nil {
		return tx.end(ctx, tx.std.Commit)
	}
	return tx.end(ctx, func() error {
		_, err := tx.db.ExecContext(context.WithoutCancel(ctx), "COMMIT")
		return err
	})
}

// CommitAfter calls last, which sends the last statements of a transaction of database/sql, and commits. If last returns an error, or if
// ctx has ended meanwhile, CommitAfter rolls back. Both are one bounded call, as with Options.First. undone reports whether the
// transaction was or will be rolled back; otherwise err is what Commit returns.
func (tx *Tx) CommitAfter(ctx context.Context, last func() error) (undone bool, err error) {
	var failed error
	var decided atomic.Bool // to commit, or to roll back because the caller no longer waits
	err = tx.end(ctx, func() error {
		returned := false
		defer func() {
			if !returned {
				tx.undo(tx.std)
			}
		}()
		failed = last()
		if returned = true; failed == nil {
			failed = ctx.Err()
		}
		if failed != nil || !decided.CompareAndSwap(false, true) {
			return tx.std.Rollback()
		}
		return tx.std.Commit()
	})
	switch {
	case isAbandoned(err):
		return decided.CompareAndSwap(false, true), err
	case failed != nil:
		return true, failed
	}
	return false, err
}

// Rollback rolls back. After Commit or Rollback it does nothing.
func (tx *Tx) Rollback(ctx context.Context) {
	switch {
	case tx.ended:
	case tx.std == nil:
		tx.ended = true
		tx.settle(context.WithoutCancel(ctx))
	default:
		_ = tx.end(ctx, tx.std.Rollback) // whatever the error, end settles the connection
	}
}

// end makes the call that ends the transaction, and returns the connection to its pool or settles it.
func (tx *Tx) end(ctx context.Context, call func() error) error {
	tx.ended = true
	err := Bounded(ctx, call, func() { tx.settle(context.Background()) })
	switch {
	case isAbandoned(err):
	case err != nil:
		tx.settleFor(ctx, err)
	default:
		tx.release()
	}
	return err
}

// settleFor settles after an error. If ctx has ended, settleFor does not make the caller wait for a server.
func (tx *Tx) settleFor(ctx context.Context, err error) {
	switch {
	case isDead(err):
		tx.discard()
	case ctx.Err() != nil && tx.own != nil && !tx.immediate:
		go tx.settle(context.Background())
	default:
		tx.settle(context.WithoutCancel(ctx))
	}
}

// discard keeps the connection from returning to its pool.
func (tx *Tx) discard() {
	if tx.conn != nil {
		_ = tx.conn.Raw(func(any) error { return driver.ErrBadConn })
	}
	tx.release()
}

// settle makes sure that the connection has no open transaction, or discards the connection.
func (tx *Tx) settle(ctx context.Context) {
	on := tx.db // a statement began the transaction there, or the *sql.Tx is the only handle
	if tx.conn != nil {
		on = tx.conn
	}
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	_, err := on.ExecContext(ctx, "ROLLBACK")
	// SQLite rolls back by itself after some errors, for example after an interrupted write.
	if err != nil && !strings.Contains(err.Error(), "no transaction is active") {
		tx.discard()
		return
	}
	tx.release()
}

func (tx *Tx) release() {
	if tx.own != nil {
		_ = tx.own.Close()
	}
}

// isDead reports whether an error of a call with a context that never ends says that the connection is gone. If the error is a
// context's end, the driver has closed the connection because of that end.
func isDead(err error) bool {
	return dialect.Classify(err) == dialect.Ambiguous || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func isAbandoned(err error) bool {
	var a *AbandonedError
	return errors.As(err, &a)
}

// RollbackCaller rolls back the caller's transaction, whose connection only the caller has. MySQL and MariaDB can refuse
// ROLLBACK while the connection lives, for example if the query is killed, and database/sql then returns the connection to its
// pool unchanged. So RollbackCaller sends ROLLBACK as a statement there until the server accepts it.
func RollbackCaller(ctx context.Context, std *sql.Tx, mySQL bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	for n := 0; mySQL && n < rollbackAttempts; n++ {
		_, err := std.ExecContext(ctx, "ROLLBACK")
		if err == nil || errors.Is(err, sql.ErrTxDone) || errors.Is(err, driver.ErrBadConn) || ctx.Err() != nil {
			break
		}
	}
	_ = std.Rollback() // nothing else can be done about an error
}

const rollbackAttempts = 10
