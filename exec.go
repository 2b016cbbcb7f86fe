package upsert

import (
	"context"
	"database/sql"
	"reflect"

	"github.com/goupsert/upsert/internal/dbconn"
)

// Exec sends one statement for row, the text that [Table.SQL] returns, and nothing else: it asks the server nothing before, begins no
// transaction, tries nothing again and reads nothing back. It is the fastest way to write a single row, and the one for unit tests
// with a mock of the driver, because what is sent is known beforehand. [Table.Put] tells what happened to the row; Exec returns the
// driver's Result, whose RowsAffected means another thing on each database.
//
// Exec does not know the columns' types, so the driver encodes the values. On PostgreSQL the stored value can differ from the one
// that Put sends as text if a Go value goes into a column of another kind: a time.Time into date or text, a []byte into text or json,
// a bool into text, a float64 into numeric or real, a string into bytea, or any value into a domain over bytea. A float or an unknown
// type is compared by its text there, which the session's settings shape. Choose fields of the column's own kind, or use Put.
//
// These checks of Put are left out too, because they ask the server: whether MySQL and MariaDB have the unique index (hazard H24),
// whether their session is strict (hazard H29), and whether a key of 0 meets an AUTO_INCREMENT (hazard H26). With lib/pq behind a
// pooler in transaction mode use a transaction, or binary_parameters=yes (hazard E2).
//
// It returns a [*RowError] around [ErrNullKey], [ErrOtherKey], a Valuer's error or the driver's, and [ErrUnguarded] for a table that
// adds outside of a [Claim].
func (t *Table[T]) Exec(ctx context.Context, db DB, row *T) (sql.Result, error) {
	ctx, w := t.watch(ctx, "Exec")
	err := t.takes(ctx, db, row)
	var res sql.Result
	if err == nil {
		res, err = t.execOne(ctx, db, reflect.ValueOf(row).Elem())
		err = t.fail(err, -1)
	}
	w.endedOne(ctx, Unknown, err)
	return res, err
}

// Exec is [Table.Exec] by the prepared statements. A statement that the server has forgotten was not executed, so it is prepared
// again and sent, as Put does.
func (p *Prepared[T]) Exec(ctx context.Context, row *T) (sql.Result, error) {
	ctx, w := p.table.watch(ctx, "Prepared.Exec")
	res, err := p.exec(ctx, row)
	w.endedOne(ctx, Unknown, err)
	return res, err
}

func (p *Prepared[T]) exec(ctx context.Context, row *T) (sql.Result, error) {
	if err := p.table.takes(ctx, p.claim, row); err != nil {
		return nil, err
	}
	at := reflect.ValueOf(row).Elem()
	res, err := p.table.execOne(ctx, p.db, at)
	for n := 0; err != nil && n < renewals && dbconn.CanBegin(p.db) && ctx.Err() == nil && forgotten(err); n++ {
		res, err = p.table.execOne(ctx, p.db, at)
	}
	return res, p.table.fail(err, -1)
}

// execOne writes one row with nothing known of the table.
func (t *table) execOne(ctx context.Context, db DB, row reflect.Value) (sql.Result, error) {
	s := t.newSingle(row)
	s.untyped = true
	t.watchOf(ctx).goes(Values)
	if err := s.checkRow(0); err != nil {
		return nil, rowless(err)
	}
	if err := s.bindOne(); err != nil {
		return nil, rowless(err)
	}
	query, err := t.plainText(s.shape)
	if err != nil {
		return nil, err
	}
	return t.exec(ctx, db, query, s.args)
}

// plainText returns the statement of a shape with nothing known of the table.
func (t *table) plainText(s shape) (string, error) {
	return t.plainTexts.of(s, func() (string, error) { return t.upsert(s, nil) })
}
