package upsert

import (
	"context"
	"maps"
	"reflect"

	"github.com/goupsert/upsert/internal/dbconn"
)

// GetOrCreate inserts row if no stored row has its key, and fills row with the stored row. created says whether this call
// inserted the row. If many concurrent calls have one key, exactly one call returns true, at every isolation level.
//
// On MySQL and MariaDB, GetOrCreate changes the session's LAST_INSERT_ID(), as [Table.Put] says.
//
// A row that is there is left as it is, whatever the rules say. So GetOrCreate adds nothing to a stored row, but a table with an
// Add column needs a [Claim] here too. In the caller's transaction, GetOrCreate returns a serialization failure, and the caller
// must retry. If a trigger, a rule or a policy keeps the row out, the error says that the row is neither inserted nor visible.
//
// GetOrCreate returns the errors that [Table.Put] returns, and a *dialect.UnsupportedError if the database does not tell who
// created the row (TiDB, Vitess). On a handle that is not a transaction, a lost answer can make created false although this call
// inserted the row, as with Put.
func (t *Table[T]) GetOrCreate(ctx context.Context, db DB, row *T) (created bool, err error) {
	ctx, w := t.table.watch(ctx, "GetOrCreate")
	created, err = t.getOrCreateRow(ctx, db, row)
	o := Unchanged
	if created {
		o = Inserted
	}
	w.endedOne(ctx, o, err)
	return created, err
}

func (t *Table[T]) getOrCreateRow(ctx context.Context, db dbconn.Handle, row *T) (created bool, err error) {
	if err := t.takes(ctx, db, row); err != nil {
		return false, err
	}
	created, err = t.getOrCreate(ctx, db, row)
	if err != nil && t.table.catalog.IsOutdated(ctx, db, err) {
		created, err = t.getOrCreate(ctx, db, row)
	}
	if err != nil {
		return false, t.table.fail(err, -1)
	}
	return created, nil
}

// getOrCreate fills the row completely, or leaves the row as it is if there is an error.
func (t *Table[T]) getOrCreate(ctx context.Context, db dbconn.Handle, row *T) (created bool, err error) {
	fresh := clone(row)
	s, err := t.table.newRowOp(ctx, db, reflect.ValueOf(fresh).Elem())
	if err != nil {
		return false, err
	}
	err = t.table.retryDeleted(func() (err error) {
		err = t.table.reporter.create(ctx, db, s)
		created = s.outcome == Inserted
		return err
	})
	if err != nil {
		return false, s.batch.otherKey(ctx, db, 0, err)
	}
	*row = *fresh
	return created, nil
}

func clone[T any](row *T) *T {
	fresh := *row
	if m, ok := any(fresh).(map[string]any); ok {
		fresh = any(maps.Clone(m)).(T)
	}
	return &fresh
}
