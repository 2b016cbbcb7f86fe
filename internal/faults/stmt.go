package faults

import (
	"context"
	"database/sql/driver"
	"fmt"
)

type rawStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// stmt calls the hook at each use of a prepared statement.
type stmt struct {
	rawStmt
	text string
	conn *conn
}

// converterStmt is stmt for drivers whose statements convert values, because database/sql treats other statements differently.
type converterStmt struct {
	*stmt
	// converter is not embedded, because the name of the field would hide the method.
	converter driver.ColumnConverter //nolint:staticcheck // deprecated, but database/sql still uses the interface
}

// ColumnConverter implements [driver.ColumnConverter].
func (s converterStmt) ColumnConverter(i int) driver.ValueConverter {
	return s.converter.ColumnConverter(i)
}

func newStmt(inner driver.Stmt, text string, c *conn) (driver.Stmt, error) {
	raw, ok := inner.(rawStmt)
	if !ok {
		_ = inner.Close()
		return nil, fmt.Errorf("faults: %T is too old: it lacks a method with a context", inner)
	}
	s := &stmt{raw, text, c}
	if cc, ok := inner.(driver.ColumnConverter); ok { //nolint:staticcheck // deprecated, but database/sql still uses the interface
		return converterStmt{s, cc}, nil
	}
	return s, nil
}

func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (r driver.Result, err error) {
	err = s.conn.around(kindOf(s.text, Exec), s.text, func() error {
		r, err = s.rawStmt.ExecContext(ctx, args)
		return err
	})
	return r, err
}

func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.query(s.text, func() (driver.Rows, error) { return s.rawStmt.QueryContext(ctx, args) })
}

// CheckNamedValue asks the statement first and otherwise the connection, as database/sql does.
func (s *stmt) CheckNamedValue(v *driver.NamedValue) error {
	if n, ok := s.rawStmt.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(v)
	}
	return s.conn.CheckNamedValue(v)
}

func (s *stmt) Close() error {
	if s.conn.dropped.Load() {
		return nil
	}
	return s.rawStmt.Close()
}
