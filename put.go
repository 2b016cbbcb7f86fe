package upsert

import (
	"context"
	"errors"
	"reflect"

	"github.com/goupsert/upsert/internal/dbconn"
)

// Put writes one row and returns what happened to the row. Put reads the generated columns of the stored row back into row,
// whatever the outcome. The other fields keep the values that row has, even fields with the modifier now and fields that get a
// DEFAULT. To read those fields, use [Table.GetOrCreate] or a SELECT.
//
// On MySQL and MariaDB, Put, PutAll with [Outcomes] and GetOrCreate change the session's LAST_INSERT_ID(), also in the caller's
// transaction: afterwards LAST_INSERT_ID() is a number above 9223372036854775800 (hazard H30). SQL of your own that uses
// LAST_INSERT_ID() must come before them.
//
// The outcome is exact unless it is [Unknown], whatever the driver's settings. On a *sql.DB or *sql.Conn there is one exception:
// if an answer is lost, database/sql sends the statement again (hazard E1), and the second time, the row that this call inserted
// is Unchanged. The repetition writes nothing twice, and does not happen inside a transaction. If the context ends while the
// statement waits, the statement may still be applied.
//
// MySQL reports the outcome in LastInsertId, and a trigger of the table hides this report (hazard H23). So the first call on a
// pool asks whether the table has triggers. If the table has triggers, Put takes three statements on one connection, otherwise
// one statement. On a pool, Put takes the connection through the pool's Conn method. If a handle has only the two methods of
// [DB], Put cannot know whether the connection stays the same, and the outcome of a row that a trigger hides is Unknown. MySQL
// shows no trigger to a user without the right TRIGGER. Then Put notices a trigger by the first row that the trigger changes.
// Until then, and only with clientFoundRows=true, Put reports Inserted for a row that is unchanged or stale.
//
// If a trigger or a policy keeps a row out, the outcome on PostgreSQL is Unknown. On SQLite, and if generated columns must be
// read back, Put instead returns an error that says what was seen (hazards P42 and S21).
//
// On MySQL and MariaDB the first call on a pool asks whether the table has the unique index that Put needs, because without the
// index these databases would insert the row again (hazard H24). If the index is missing, Put returns a [*SchemaError]. Put also
// refuses a session whose sql_mode is not strict, with a *dialect.UnsupportedError (hazard H29), and a key of 0 in a column with
// AUTO_INCREMENT (hazard H26).
//
// If a generated column does not fit its field, for example NULL in an int64, the error says whether the row is there.
//
// Put returns a [*RowError] around [ErrNullKey], [ErrOtherKey], a Valuer's error or the driver's error; [ErrUnguarded] if the
// table has an Add column and the handle is not a [Claim]; and a *dialect.UnsupportedError for Merge if a PostgreSQL database
// does not have the merge function.
func (t *Table[T]) Put(ctx context.Context, db DB, row *T) (Outcome, error) {
	ctx, w := t.table.watch(ctx, "Put")
	o, err := t.putRow(ctx, db, row)
	w.endedOne(ctx, o, err)
	return o, err
}

func (t *Table[T]) putRow(ctx context.Context, db dbconn.Handle, row *T) (Outcome, error) {
	if err := t.takes(ctx, db, row); err != nil {
		return Unknown, err
	}
	o, err := t.put(ctx, db, row)
	if err != nil && t.table.catalog.IsOutdated(ctx, db, err) {
		o, err = t.put(ctx, db, row)
	}
	if err != nil {
		return Unknown, t.table.fail(err, -1)
	}
	return o, nil
}

// takes refuses a nil row, and the handles that guard refuses.
func (t *Table[T]) takes(ctx context.Context, db dbconn.Handle, row *T) error {
	if row == nil {
		return &RowError{Table: t.table.name, Row: -1, Err: errors.New("the row is nil")}
	}
	return t.table.guard(ctx, db)
}

func (t *Table[T]) put(ctx context.Context, db dbconn.Handle, row *T) (Outcome, error) {
	s, err := t.table.newRowOp(ctx, db, reflect.ValueOf(row).Elem())
	if err == nil {
		err = s.table.retryDeleted(func() error { return t.table.reporter.put(ctx, db, s) })
	}
	if err != nil {
		return Unknown, s.batch.otherKey(ctx, db, 0, err)
	}
	return s.outcome, nil
}
