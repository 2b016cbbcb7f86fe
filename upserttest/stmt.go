package upserttest

import (
	"context"
	"database/sql/driver"
)

// stmt is a prepared statement. Each use of it is a point; preparing it changes nothing and is none.
type stmt struct {
	inner driver.Stmt
	text  string
	c     *conn
}

// copyStmt is the COPY statement of lib/pq, which takes lines as they are.
type copyStmt struct {
	*stmt
	copier
}

type copier interface {
	CopyData(ctx context.Context, line string) (driver.Result, error)
}

// converterStmt is the statement of a driver that converts values. database/sql does without the method what no method of a
// wrapper could do, so only such a driver's statement has it.
type converterStmt struct {
	*stmt
	converter
}

// converter gives driver.ColumnConverter another name, because an embedded field ColumnConverter would hide the method.
type converter interface {
	driver.ColumnConverter //nolint:staticcheck // deprecated, but database/sql asks for it
}

func wrapStmt(inner driver.Stmt, text string, c *conn) driver.Stmt {
	s := &stmt{inner, text, c}
	switch with := inner.(type) {
	case driver.ColumnConverter: //nolint:staticcheck // deprecated, but database/sql asks for it
		return converterStmt{s, with}
	case copier:
		return copyStmt{s, with}
	}
	return s
}

func (s *stmt) Close() error  { return s.inner.Close() }
func (s *stmt) NumInput() int { return s.inner.NumInput() }

func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.c.exec(ctx, s.text, func() (driver.Result, error) { return execStmt(ctx, s.inner, args) })
}

func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.c.query(ctx, s.text, func() (driver.Rows, error) { return queryStmt(ctx, s.inner, args) })
}

// Exec and Query are never called, because there are methods with a context.
func (s *stmt) Exec(args []driver.Value) (driver.Result, error) {
	return s.ExecContext(context.Background(), named(args))
}

func (s *stmt) Query(args []driver.Value) (driver.Rows, error) {
	return s.QueryContext(context.Background(), named(args))
}

func named(args []driver.Value) []driver.NamedValue {
	all := make([]driver.NamedValue, len(args))
	for i, v := range args {
		all[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return all
}

// CheckNamedValue asks the statement first and else the connection, as database/sql does.
func (s *stmt) CheckNamedValue(v *driver.NamedValue) error {
	if n, ok := s.inner.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(v)
	}
	return s.c.CheckNamedValue(v)
}
