package upserttest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// The functions in this file do what database/sql does if a driver lacks an optional interface.

func prepareOn(ctx context.Context, c driver.Conn, query string) (driver.Stmt, error) {
	if with, ok := c.(driver.ConnPrepareContext); ok {
		return with.PrepareContext(ctx, query)
	}
	s, err := c.Prepare(query)
	if err == nil && ctx.Err() != nil {
		_ = s.Close()
		return nil, ctx.Err()
	}
	return s, err
}

func beginOn(ctx context.Context, c driver.Conn, opts driver.TxOptions) (driver.Tx, error) {
	if with, ok := c.(driver.ConnBeginTx); ok {
		return with.BeginTx(ctx, opts)
	}
	if opts.Isolation != driver.IsolationLevel(sql.LevelDefault) {
		return nil, errors.New("sql: driver does not support non-default isolation level")
	}
	if opts.ReadOnly {
		return nil, errors.New("sql: driver does not support read-only transactions")
	}
	t, err := c.Begin() //nolint:staticcheck // deprecated, but the driver has nothing else
	if err == nil && ctx.Err() != nil {
		_ = t.Rollback()
		return nil, ctx.Err()
	}
	return t, err
}

func execOn(ctx context.Context, c driver.Conn, query string, args []driver.NamedValue) (driver.Result, error) {
	if with, ok := c.(driver.ExecerContext); ok {
		return with.ExecContext(ctx, query, args)
	}
	values, err := plainValues(ctx, args)
	if err != nil {
		return nil, err
	}
	return c.(driver.Execer).Exec(query, values) //nolint:staticcheck // deprecated, but the driver has nothing else
}

func queryOn(ctx context.Context, c driver.Conn, query string, args []driver.NamedValue) (driver.Rows, error) {
	if with, ok := c.(driver.QueryerContext); ok {
		return with.QueryContext(ctx, query, args)
	}
	values, err := plainValues(ctx, args)
	if err != nil {
		return nil, err
	}
	return c.(driver.Queryer).Query(query, values) //nolint:staticcheck // deprecated, but the driver has nothing else
}

func execStmt(ctx context.Context, s driver.Stmt, args []driver.NamedValue) (driver.Result, error) {
	if with, ok := s.(driver.StmtExecContext); ok {
		return with.ExecContext(ctx, args)
	}
	values, err := plainValues(ctx, args)
	if err != nil {
		return nil, err
	}
	return s.Exec(values) //nolint:staticcheck // deprecated, but the driver has nothing else
}

func queryStmt(ctx context.Context, s driver.Stmt, args []driver.NamedValue) (driver.Rows, error) {
	if with, ok := s.(driver.StmtQueryContext); ok {
		return with.QueryContext(ctx, args)
	}
	values, err := plainValues(ctx, args)
	if err != nil {
		return nil, err
	}
	return s.Query(values) //nolint:staticcheck // deprecated, but the driver has nothing else
}

// plainValues removes the names of arguments for a driver without contexts.
func plainValues(ctx context.Context, args []driver.NamedValue) ([]driver.Value, error) {
	values := make([]driver.Value, len(args))
	for i, arg := range args {
		if arg.Name != "" {
			return nil, errors.New("sql: driver does not support the use of Named Parameters")
		}
		values[i] = arg.Value
	}
	return values, ctx.Err()
}

// canExec reports whether database/sql would ask the connection to run a statement that is not prepared.
func canExec(c driver.Conn) bool {
	if _, ok := c.(driver.ExecerContext); ok {
		return true
	}
	_, ok := c.(driver.Execer) //nolint:staticcheck // deprecated, but database/sql asks for it
	return ok
}

// canQuery is canExec for queries.
func canQuery(c driver.Conn) bool {
	if _, ok := c.(driver.QueryerContext); ok {
		return true
	}
	_, ok := c.(driver.Queryer) //nolint:staticcheck // deprecated, but database/sql asks for it
	return ok
}
