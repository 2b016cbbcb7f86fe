package upsert

import (
	"context"
	"database/sql"
	"reflect"

	"github.com/goupsert/upsert/internal/dbconn"
)

// Exec sends one statement for row, the text that [Table.SQL] returns, and nothing else. Exec asks the server nothing before,
// begins no transaction, retries nothing and reads nothing back. Exec is the fastest way to write a single row, and fits unit
// tests with a mock of the driver, because the sent text is known beforehand. To learn what happened to the row, use [Table.Put].
// Exec returns the driver's Result, and RowsAffected means another thing on each database.
//
// Exec does not know the columns' types, so the driver encodes the values. On PostgreSQL the stored value can differ from the
// value that Put sends as text, if a Go value goes into a column of another kind: a time.Time into date or text, a []byte into
// text or json, a bool into text, a float64 into numeric or real, a string into bytea, or any value into a domain over bytea.
// Exec compares a float or an unknown type by its text there, and the session's settings shape this text. Choose fields of the
// column's own kind, or use Put.
//
// Exec also leaves out these checks of Put, because they ask the server: whether MySQL and MariaDB have the unique index (hazard
// H24), whether their session is strict (hazard H29), and whether a key of 0 meets an AUTO_INCREMENT (hazard H26). If you use
// lib/pq behind a pooler in transaction mode, use a transaction or binary_parameters=yes (hazard E2).
//
// Exec returns a [*RowError] around [ErrNullKey], [ErrOtherKey], a Valuer's error or the driver's error, and [ErrUnguarded] if
// the table has an Add column and the handle is not a [Claim].
func (t *Table[T]) Exec(ctx context.Context, db DB, row *T) (sql.Result, error) {
	ctx, w := t.table.watch(ctx, "Exec")
	err := t.takes(ctx, db, row)
	var res sql.Result
	if err == nil {
		res, err = t.table.execOne(ctx, db, reflect.ValueOf(row).Elem())
		err = t.table.fail(err, -1)
	}
	w.endedOne(ctx, Unknown, err)
	return res, err
}

// Exec is [Table.Exec] with prepared statements. If the server has forgotten a statement, the statement was not executed, so Exec
// prepares the statement again and sends it, as Put does.
func (p *Prepared[T]) Exec(ctx context.Context, row *T) (sql.Result, error) {
	ctx, w := p.table.table.watch(ctx, "Prepared.Exec")
	res, err := p.exec(ctx, row)
	w.endedOne(ctx, Unknown, err)
	return res, err
}

func (p *Prepared[T]) exec(ctx context.Context, row *T) (sql.Result, error) {
	if err := p.table.takes(ctx, p.claim, row); err != nil {
		return nil, err
	}
	at := reflect.ValueOf(row).Elem()
	res, err := p.table.table.execOne(ctx, p.db, at)
	for n := 0; err != nil && n < renewals && dbconn.CanBegin(p.db) && ctx.Err() == nil && forgotten(err); n++ {
		res, err = p.table.table.execOne(ctx, p.db, at)
	}
	return res, p.table.table.fail(err, -1)
}
