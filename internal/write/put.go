package write

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"reflect"

	"github.com/goupsert/upsert/internal/dbconn"
)

// Put writes one row, and reads the generated columns of the stored row back into the row.
func (t *Table) Put(ctx context.Context, h dbconn.Handle, row reflect.Value) (Outcome, error) {
	return t.putBy(ctx, h, row, (*Table).put)
}

// putFunc writes one row in one of the ways that a table has.
type putFunc func(t *Table, ctx context.Context, h dbconn.Handle, row reflect.Value) (Outcome, error)

// putBy calls put, and calls put again if the schema has changed since the server was asked and the error may come from this change.
func (t *Table) putBy(ctx context.Context, h dbconn.Handle, row reflect.Value, put putFunc) (Outcome, error) {
	o, err := put(t, ctx, h, row)
	if err != nil && t.catalog.IsOutdated(ctx, h, err) {
		o, err = put(t, ctx, h, row)
	}
	return o, err
}

func (t *Table) put(ctx context.Context, h dbconn.Handle, row reflect.Value) (Outcome, error) {
	op, err := t.newRowOp(ctx, h, row)
	if err == nil {
		err = t.retryDeleted(func() error { return t.reporter.put(ctx, h, op) })
	}
	if err != nil {
		return Unknown, op.sent.otherKey(ctx, h, 0, err)
	}
	return op.done(), nil
}

// Create inserts a row if no stored row has its key, and fills the row with the stored row. created says whether the row was
// inserted. If there is an error, the row stays as it is.
func (t *Table) Create(ctx context.Context, h dbconn.Handle, row reflect.Value) (created bool, err error) {
	o, err := t.putBy(ctx, h, row, (*Table).create)
	return o == Inserted, err
}

func (t *Table) create(ctx context.Context, h dbconn.Handle, row reflect.Value) (Outcome, error) {
	fresh := reflect.New(row.Type()).Elem()
	fresh.Set(row)
	if t.rows.mapping.IsMap() {
		fresh.Set(reflect.ValueOf(maps.Clone(row.Interface().(map[string]any))))
	}
	op, err := t.newRowOp(ctx, h, fresh)
	if err == nil {
		err = t.retryDeleted(func() error { return t.reporter.create(ctx, h, op) })
	}
	if err != nil {
		return Unknown, op.sent.otherKey(ctx, h, 0, err)
	}
	row.Set(fresh)
	return op.done(), nil
}

// Exec writes one row without asking the server about the table.
func (t *Table) Exec(ctx context.Context, h dbconn.Handle, row reflect.Value) (sql.Result, error) {
	op := t.emptyRowOp(row)
	op.sent.untyped = true
	t.reportPath(ctx, Values)
	if err := op.sent.checkRow(0); err != nil {
		return nil, err
	}
	if err := op.encode(); err != nil {
		return nil, err
	}
	query, err := t.stmts.Plain(op.variant)
	if err != nil {
		return nil, err
	}
	res, err := t.txn.Exec(ctx, h, query, op.to.args)
	if err == nil {
		op.done()
	}
	return res, err
}

// SQL returns the only statement for rows, and its arguments, written without facts about the stored table. Without rows, SQL
// returns the text for one row.
func (t *Table) SQL(rows Rows) (query string, args []any, err error) {
	if rows.n == 0 {
		query, err = t.stmts.Plain(oneValue)
		return query, nil, err
	}
	b, err := t.batch(rows)
	if err != nil {
		return "", nil, err
	}
	b.sent.untyped = true
	if len(b.passes) > 1 {
		return "", nil, fmt.Errorf("SQL: two rows have the same key, so they need two statements")
	}
	s, used, err := b.nextValues(b.passes[0], nil)
	if err != nil {
		return "", nil, err
	}
	if used != rows.n {
		return "", nil, fmt.Errorf("SQL: %d rows need more than one statement", rows.n)
	}
	query, err = t.stmts.Plain(s.variant)
	return query, s.args, err
}
