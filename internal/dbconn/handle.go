// Package dbconn tells what a handle of database/sql can do, which driver is behind the handle, and whether a pooler is.
package dbconn

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// Handle is a handle on which statements are sent.
type Handle interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Beginner is a handle that can begin a transaction.
type Beginner interface {
	BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
}

// Connector is a pool that gives a connection.
type Connector interface {
	Conn(ctx context.Context) (*sql.Conn, error)
}

// Preparer is a handle that prepares statements.
type Preparer interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// Rawer is a handle that gives its driver's connection, as *sql.Conn does.
type Rawer interface {
	Raw(f func(driverConn any) error) error
}

// Conn is one connection, as a *sql.Conn is.
type Conn interface {
	Handle
	Preparer
	Rawer
}

// CanBegin reports whether a handle can begin a transaction. On any other handle the transaction is the caller's.
func CanBegin(h Handle) bool {
	_, ok := h.(Beginner)
	return ok
}

// badConns bounds how many of a pool's connections may turn out to be dead before OnConn gives up.
const badConns = 100

// OnConn calls f with one connection of a pool. As long as f returns driver.ErrBadConn, OnConn calls f with another connection:
// database/sql does this for a statement on a pool, and not for a statement on a *sql.Conn.
func OnConn(ctx context.Context, pool Connector, f func(*sql.Conn) error) error {
	for n := 0; ; n++ {
		conn, err := pool.Conn(ctx)
		if err != nil {
			return err
		}
		if err = f(conn); !errors.Is(err, driver.ErrBadConn) || n == badConns {
			return err
		}
	}
}

// OnDriver calls f with the driver's connection, and repeats a panic of f. f has a goroutine of its own, because database/sql
// must see no panic, no end of its goroutine and no driver.ErrBadConn there: otherwise database/sql would close the connection,
// and wait for ever for the transaction on it.
func OnDriver(conn Rawer, f func(driverConn any) error) error {
	var panicked any
	failed := errExited
	err := conn.Raw(func(driverConn any) error {
		back := make(chan struct{})
		go func() {
			defer close(back)
			defer func() { panicked = recover() }()
			failed = f(driverConn)
		}()
		<-back
		return nil
	})
	switch {
	case err != nil: // there is no connection
		return err
	case panicked != nil:
		panic(panicked)
	}
	return failed
}

var errExited = errors.New("the function that copies rows ended its goroutine")
