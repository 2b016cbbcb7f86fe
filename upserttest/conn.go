package upserttest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"sync/atomic"
)

// conn is a connection between a handle and its driver. Everything that the handle sends is a point of the run.
type conn struct {
	run         *run
	held        *sql.Conn   // keeps the driver's connection out of the pool
	raw         driver.Conn // the driver's connection
	session     int64
	busyTimeout int64 // SQLite: of the user's settings, if it was dropped
	lost        atomic.Bool
	closed      atomic.Bool
	tx          atomic.Pointer[openTx]
	last        atomic.Pointer[point]
	ctx         atomic.Value // holder of the context of the last call
	count       connCount
}

// openTx is a transaction on the connection.
type openTx struct {
	begun *point
	ctx   context.Context // database/sql rolls back when it ends; nil if the transaction was begun by a statement
}

// request is what a connection is to send.
type request struct {
	kind kind
	text string
	rows bool // the answer has rows
}

// holder makes contexts of different types one type, as atomic.Value needs.
type holder struct{ ctx context.Context }

var (
	_ driver.Conn               = (*conn)(nil)
	_ driver.ConnBeginTx        = (*conn)(nil)
	_ driver.ConnPrepareContext = (*conn)(nil)
	_ driver.Pinger             = (*conn)(nil)
	_ driver.SessionResetter    = (*conn)(nil)
	_ driver.Validator          = (*conn)(nil)
	_ driver.NamedValueChecker  = (*conn)(nil)
)

// send makes a call of the driver a point: before it, the run may pause or break, and after it, the run may break. The call is
// told to complete the point, if its rows must all be read before the answer is lost.
func (c *conn) send(ctx context.Context, q request, call func(complete bool) error) (*point, error) {
	if c.lost.Load() {
		return nil, driver.ErrBadConn
	}
	if err := c.endOf(ctx); err != nil && q.kind != rollback {
		return nil, err // some drivers would send, and stop the statement only if they see the context in time
	}
	c.ctx.Store(holder{ctx})
	p, err := c.run.arrive(q, c.tx.Load() != nil)
	if err != nil {
		return nil, err
	}
	p.isDeaf = ctx.Done() == nil
	c.last.Store(p)
	if c.run.hits(p, before) {
		if err := c.run.strikeAt(ctx, c, p); err != nil {
			p.err = err
			return p, err
		}
	}
	c.run.sending.Add(1)
	err = c.patiently(p, func() error { return call(c.run.hits(p, after) || c.resendsBusy()) })
	c.run.sending.Add(-1)
	if err == driver.ErrSkip { //nolint:errorlint // database/sql compares in the same way
		c.run.forget(p)
		return p, err
	}
	if err == nil && c.run.hits(p, after) {
		c.follow(p)
		err = c.run.strikeAt(ctx, c, p)
	}
	p.err = err
	return p, err
}

// endOf returns the error of a context that has ended, or of the open transaction's context. The connection may be nil.
func (c *conn) endOf(ctx context.Context) error {
	if err := ctx.Err(); err != nil || c == nil {
		return err
	}
	if open := c.tx.Load(); open != nil && open.ctx != nil {
		return open.ctx.Err()
	}
	return nil
}

// patiently calls again if SQLite was busy and the other run has moved since.
func (c *conn) patiently(p *point, call func() error) error {
	for {
		err := call()
		if !c.resendsBusy() || !isBusy(err) || !c.run.gate.wait(p) {
			return err
		}
	}
}

// resendsBusy reports whether the gate waits for SQLite's locks.
func (c *conn) resendsBusy() bool {
	_, lite := c.run.world.engine.(sqlite)
	return lite && c.run.gate != nil
}

// follow keeps track of transactions that begin and end by a statement.
func (c *conn) follow(p *point) {
	switch p.kind {
	case begin:
		c.tx.Store(&openTx{begun: p})
	case commit, rollback:
		c.tx.Store(nil)
	}
	c.count.follow(p.kind)
}

func (c *conn) exec(ctx context.Context, query string, call func() (driver.Result, error)) (result driver.Result, err error) {
	p, err := c.send(ctx, request{kind: kindOf(query), text: query}, func(bool) error {
		result, err = call()
		return err
	})
	if err != nil {
		c.clean(p)
		return nil, err
	}
	c.follow(p)
	if c.resendsBusy() && strings.Contains(strings.ToLower(query), "busy_timeout") {
		return result, c.dropBusyTimeout(context.WithoutCancel(ctx))
	}
	return result, nil
}

// clean rolls back if the run got an error in place of the answer to a BEGIN or COMMIT sent as a statement. Nobody could know
// then that there is a transaction to be rolled back.
func (c *conn) clean(p *point) {
	if p != nil && !c.lost.Load() && (p.kind == commit && c.run.hits(p, before) || p.kind == begin && c.run.hits(p, after)) {
		c.rollBack()
	}
}

func (c *conn) query(ctx context.Context, query string, call func() (driver.Rows, error)) (rows driver.Rows, err error) {
	_, err = c.send(ctx, request{kindOf(query), query, true}, func(complete bool) error {
		rows, err = call()
		if err == nil && complete {
			rows, err = readRows(rows)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

func (c *conn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

func (c *conn) PrepareContext(ctx context.Context, query string) (s driver.Stmt, err error) {
	if c.lost.Load() {
		return nil, driver.ErrBadConn
	}
	if err := c.run.mayGoOn(); err != nil {
		return nil, err
	}
	err = c.patiently(nil, func() error {
		s, err = prepareOn(ctx, c.raw, query)
		return err
	})
	if err != nil {
		return nil, err
	}
	return wrapStmt(s, query, c), nil
}

func (c *conn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (inner driver.Tx, err error) {
	text := "BEGIN"
	if level := sql.IsolationLevel(opts.Isolation); level != sql.LevelDefault {
		text += " ISOLATION LEVEL " + strings.ToUpper(level.String())
	}
	if opts.ReadOnly {
		text += " READ ONLY"
	}
	p, err := c.send(ctx, request{kind: begin, text: text}, func(bool) error {
		inner, err = beginOn(ctx, c.raw, opts)
		return err
	})
	switch {
	case err != nil && inner != nil && !c.lost.Load():
		_ = inner.Rollback()
		c.tx.Store(nil)
		return nil, err
	case err != nil:
		return nil, err
	}
	c.tx.Store(&openTx{p, ctx})
	c.count.follow(begin)
	return &tx{c, ctx, inner}, nil
}

func (c *conn) Ping(ctx context.Context) error {
	if c.lost.Load() {
		return driver.ErrBadConn
	}
	if p, ok := c.raw.(driver.Pinger); ok {
		return p.Ping(ctx)
	}
	return nil
}

func (c *conn) ResetSession(ctx context.Context) error {
	if c.lost.Load() {
		return driver.ErrBadConn
	}
	if r, ok := c.raw.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

func (c *conn) IsValid() bool {
	if v, ok := c.raw.(driver.Validator); ok && !c.lost.Load() && !v.IsValid() {
		return false
	}
	return !c.lost.Load()
}

func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if n, ok := c.raw.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(v)
	}
	return driver.ErrSkip // database/sql goes on as if there were no method
}

// rollBack ends the transaction on the driver's connection, whoever began it.
func (c *conn) rollBack() {
	_, _ = c.held.ExecContext(context.Background(), "ROLLBACK")
	c.tx.Store(nil)
}

// lose ends the connection as a broken network does: a server rolls its transaction back. SQLite has no network; the transaction
// is rolled back, and the connection is closed as soon as the handle gives it back, because a file that is closed while a
// statement is open stays locked.
func (c *conn) lose() error {
	if !c.lost.CompareAndSwap(false, true) {
		return nil
	}
	if _, lite := c.run.world.engine.(sqlite); lite {
		if c.tx.Load() != nil {
			c.rollBack()
		}
		return nil
	}
	c.tx.Store(nil)
	_ = c.held.Raw(func(any) error { return driver.ErrBadConn })
	return c.run.world.awaitGone(c.session)
}

// Close gives the connection back to the pool that open returned.
func (c *conn) Close() error {
	if !c.closed.CompareAndSwap(false, true) {
		return nil
	}
	defer c.run.remove(c)
	c.count.end(c.run)
	lite, isLite := c.run.world.engine.(sqlite)
	switch {
	case c.lost.Load() && isLite && !lite.inMemory:
		_ = c.held.Raw(func(any) error { return driver.ErrBadConn })
		return nil
	case c.lost.Load() && !isLite:
		return nil
	case c.busyTimeout != 0:
		var ms int64
		_ = c.held.QueryRowContext(context.Background(), fmt.Sprintf("PRAGMA busy_timeout = %d", c.busyTimeout)).Scan(&ms)
	}
	return c.held.Close()
}

// tx is a transaction of a connection.
type tx struct {
	c     *conn
	ctx   context.Context // that the transaction was begun with
	inner driver.Tx
}

func (t *tx) Commit() error {
	p, err := t.c.send(t.ctx, request{kind: commit, text: "COMMIT"}, func(bool) error {
		if t.c.resendsBusy() { // the drivers' Commit rolls back if SQLite is busy, and could not be sent again
			_, err := t.c.held.ExecContext(context.Background(), "COMMIT")
			return err
		}
		return t.inner.Commit()
	})
	if err != nil && !t.c.lost.Load() && (p == nil || t.c.run.hits(p, before) || t.c.resendsBusy()) {
		_ = t.inner.Rollback() // database/sql takes the transaction for ended
	}
	t.c.tx.Store(nil)
	return err
}

// Rollback is never kept from happening: database/sql takes the transaction for ended after it.
func (t *tx) Rollback() error {
	if t.c.lost.Load() {
		return driver.ErrBadConn
	}
	t.c.run.note(rollback, "ROLLBACK")
	t.c.ctx.Store(holder{t.ctx}) // if this context has ended, database/sql rolls back by itself and will give the connection back
	t.c.tx.Store(nil)
	err := t.inner.Rollback()
	t.c.count.follow(rollback)
	return err
}
