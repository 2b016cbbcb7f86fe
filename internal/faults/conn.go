package faults

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"sync/atomic"
)

type connector struct {
	inner      driver.Connector
	driverName string
	log        *log
	rewrite    func(text string) string
}

// Driver returns the wrapped driver, so that code can check its type.
func (c *connector) Driver() driver.Driver { return c.inner.Driver() }

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	p, err := c.log.before(nil, Connect, "")
	if err != nil {
		return nil, err
	}
	conn, err := c.connect(ctx)
	if err := c.log.after(p, conn, err); err != nil {
		if conn != nil {
			_ = conn.drop()
		}
		return nil, err
	}
	return conn, nil
}

func (c *connector) connect(ctx context.Context) (*conn, error) {
	inner, err := c.inner.Connect(ctx)
	if err != nil {
		return nil, err
	}
	raw, ok := inner.(rawConn)
	if !ok {
		_ = inner.Close()
		return nil, fmt.Errorf("faults: %T is too old: it lacks a method with a context", inner)
	}
	conn := &conn{rawConn: raw, connector: c}
	if conn.session, err = session(ctx, c.driverName, raw); err != nil {
		_ = inner.Close()
		return nil, err
	}
	return conn, nil
}

// rawConn lists the interfaces that the connections of all our drivers implement. A connection must be checked before it is
// wrapped. If a connection lacked one of these interfaces, database/sql would use a fallback, but the wrapper would hide the
// lack.
type rawConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
}

// conn calls the hook for everything that is sent on a connection. It implements all optional interfaces. If the driver lacks an
// optional interface, conn does what database/sql does without the interface.
type conn struct {
	rawConn
	connector *connector
	session   string // the server's ID of the session, "" if there is none
	dropped   atomic.Bool
}

var (
	_ driver.Pinger            = (*conn)(nil)
	_ driver.SessionResetter   = (*conn)(nil)
	_ driver.Validator         = (*conn)(nil)
	_ driver.NamedValueChecker = (*conn)(nil)
)

// around calls the hook before and after call.
func (c *conn) around(kind Kind, text string, call func() error) error {
	p, err := c.before(kind, text)
	if err != nil {
		return err
	}
	return c.after(p, c.live(call))
}

func (c *conn) before(kind Kind, text string) (*Point, error) {
	if c.dropped.Load() {
		return nil, driver.ErrBadConn
	}
	return c.connector.log.before(c, kind, text)
}

// live returns driver.ErrBadConn instead of calling call if the hook has dropped the connection.
func (c *conn) live(call func() error) error {
	if c.dropped.Load() {
		return driver.ErrBadConn
	}
	return call()
}

func (c *conn) after(p *Point, err error) error { return c.connector.log.after(p, c, err) }

func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (t driver.Tx, err error) {
	text := "BEGIN"
	if level := sql.IsolationLevel(opts.Isolation); level != sql.LevelDefault {
		text += " ISOLATION LEVEL " + strings.ToUpper(level.String())
	}
	err = c.around(Begin, text, func() error {
		t, err = c.rawConn.BeginTx(ctx, opts)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &tx{t, c}, nil
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (r driver.Result, err error) {
	query = c.connector.rewrite(query)
	err = c.around(kindOf(query, Exec), query, func() error {
		r, err = c.rawConn.ExecContext(ctx, query, args)
		return err
	})
	return r, err
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	query = c.connector.rewrite(query)
	return c.query(query, func() (driver.Rows, error) { return c.rawConn.QueryContext(ctx, query, args) })
}

// query calls the hook a second time when the rows are closed, because only then have the server, or SQLite, completed the query.
func (c *conn) query(query string, call func() (driver.Rows, error)) (r driver.Rows, err error) {
	p, err := c.before(kindOf(query, Query), query)
	if err != nil {
		return nil, err
	}
	err = c.live(func() error {
		r, err = call()
		return err
	})
	if err != nil {
		return nil, c.after(p, err)
	}
	return &rows{Rows: r, conn: c, point: p}, nil
}

func (c *conn) PrepareContext(ctx context.Context, query string) (s driver.Stmt, err error) {
	query = c.connector.rewrite(query)
	err = c.around(Prepare, query, func() error {
		s, err = c.rawConn.PrepareContext(ctx, query)
		return err
	})
	if err != nil {
		return nil, err
	}
	return newStmt(s, query, c)
}

func (c *conn) Ping(ctx context.Context) error {
	p, ok := c.rawConn.(driver.Pinger)
	if !ok {
		return nil
	}
	return c.around(Ping, "", func() error { return p.Ping(ctx) })
}

func (c *conn) ResetSession(ctx context.Context) error {
	if c.dropped.Load() {
		return driver.ErrBadConn
	}
	if r, ok := c.rawConn.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

func (c *conn) IsValid() bool {
	if v, ok := c.rawConn.(driver.Validator); ok && !v.IsValid() {
		return false
	}
	return !c.dropped.Load()
}

func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if n, ok := c.rawConn.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c *conn) Close() error { return c.drop() }

func (c *conn) drop() error {
	if !c.dropped.CompareAndSwap(false, true) {
		return nil
	}
	return c.rawConn.Close()
}

// tx is a transaction that calls the hook before and after its end.
type tx struct {
	driver.Tx
	conn *conn
}

func (t *tx) Commit() error   { return t.conn.around(Commit, "COMMIT", t.Tx.Commit) }
func (t *tx) Rollback() error { return t.conn.around(Rollback, "ROLLBACK", t.Tx.Rollback) }
