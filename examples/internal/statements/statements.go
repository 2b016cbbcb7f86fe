// Package statements lets an example program watch each statement that database/sql sends.
package statements

import (
	"context"
	"database/sql/driver"
	"errors"
)

// Observer is called for each statement, also for BEGIN, COMMIT and ROLLBACK, and must call run, which sends the statement. The
// observer returns run's error.
type Observer func(ctx context.Context, text string, args []driver.NamedValue, run func() error) error

// Watch returns a connector whose connections call observe.
func Watch(inner driver.Connector, observe Observer) driver.Connector {
	return connector{inner, observe}
}

type connector struct {
	driver.Connector
	observe Observer
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{inner, c.observe}, nil
}

// conn has every method a connection may have. If the inner connection lacks one, conn does what database/sql would do.
type conn struct {
	driver.Conn
	observe Observer
}

func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	beginner, ok := c.Conn.(driver.ConnBeginTx)
	if !ok {
		return nil, errors.New("the driver has no BeginTx")
	}
	var inner driver.Tx
	err := c.observe(ctx, "BEGIN", nil, func() (err error) {
		inner, err = beginner.BeginTx(ctx, opts)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &tx{inner, ctx, c.observe}, nil
}

func (c *conn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (res driver.Result, err error) {
	execer, ok := c.Conn.(driver.ExecerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	err = c.observe(ctx, text, args, func() (err error) {
		res, err = execer.ExecContext(ctx, text, args)
		return err
	})
	return res, err
}

func (c *conn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (rows driver.Rows, err error) {
	queryer, ok := c.Conn.(driver.QueryerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	err = c.observe(ctx, text, args, func() (err error) {
		rows, err = queryer.QueryContext(ctx, text, args)
		return err
	})
	return rows, err
}

func (c *conn) PrepareContext(ctx context.Context, text string) (inner driver.Stmt, err error) {
	if preparer, ok := c.Conn.(driver.ConnPrepareContext); ok {
		inner, err = preparer.PrepareContext(ctx, text)
	} else {
		inner, err = c.Conn.Prepare(text)
	}
	if err != nil {
		return nil, err
	}
	return &stmt{inner, c, text}, nil
}

func (c *conn) Ping(ctx context.Context) error {
	if pinger, ok := c.Conn.(driver.Pinger); ok {
		return pinger.Ping(ctx)
	}
	return nil
}

func (c *conn) ResetSession(ctx context.Context) error {
	if resetter, ok := c.Conn.(driver.SessionResetter); ok {
		return resetter.ResetSession(ctx)
	}
	return nil
}

func (c *conn) IsValid() bool {
	validator, ok := c.Conn.(driver.Validator)
	return !ok || validator.IsValid()
}

func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// tx keeps the context of BEGIN, because COMMIT and ROLLBACK get none.
type tx struct {
	driver.Tx
	ctx     context.Context
	observe Observer
}

func (t *tx) Commit() error { return t.observe(t.ctx, "COMMIT", nil, t.Tx.Commit) }

func (t *tx) Rollback() error { return t.observe(t.ctx, "ROLLBACK", nil, t.Tx.Rollback) }

type stmt struct {
	driver.Stmt
	conn *conn
	text string
}

func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (res driver.Result, err error) {
	execer, ok := s.Stmt.(driver.StmtExecContext)
	if !ok {
		return nil, errors.New("the driver's statements have no ExecContext")
	}
	err = s.conn.observe(ctx, s.text, args, func() (err error) {
		res, err = execer.ExecContext(ctx, args)
		return err
	})
	return res, err
}

func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (rows driver.Rows, err error) {
	queryer, ok := s.Stmt.(driver.StmtQueryContext)
	if !ok {
		return nil, errors.New("the driver's statements have no QueryContext")
	}
	err = s.conn.observe(ctx, s.text, args, func() (err error) {
		rows, err = queryer.QueryContext(ctx, args)
		return err
	})
	return rows, err
}

func (s *stmt) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return s.conn.CheckNamedValue(v)
}
