package upsert

import (
	"context"
	"database/sql"
	"errors"
	"reflect"

	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/write"
)

// Put writes one row and returns what happened to the row. Put reads the generated columns of the stored row back into row,
// whatever the outcome. The other fields keep the values that row has, even fields with the modifier now and fields that get a
// DEFAULT. With [Returning], Put reads all columns back.
//
// Put also accepts [Outcomes], [InOrder] and [Via], which change nothing for a single row, and [EachOutcome], whose function is
// called with row 0 after a success. So the options of a batch can be given to Put too, except those that a single row cannot
// mean: [ChunkTx], [RefuseDuplicates], [Progress] and [EachReturned] are refused.
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
func (t *Table[T]) Put(ctx context.Context, db DB, row *T, opts ...PutOption) (Outcome, error) {
	ctx, w := t.table.watch(ctx, "Put")
	o, err := t.putRow(ctx, db, row, opts)
	w.endOne(ctx, o, err)
	return o, err
}

func (t *Table[T]) putRow(ctx context.Context, db dbconn.Handle, row *T, opts []PutOption) (Outcome, error) {
	if err := t.checkCall(ctx, db, row); err != nil {
		return Unknown, err
	}
	if len(opts) > 0 {
		return t.putWith(opts, row, func(row reflect.Value) (write.Outcome, error) { return t.table.write.Put(ctx, db, row) },
			func(row reflect.Value) (write.Outcome, error) { return t.table.write.PutReturning(ctx, db, row) })
	}
	o, err := t.table.write.Put(ctx, db, reflect.ValueOf(row).Elem())
	return Outcome(o), t.table.fail(err)
}

// checkCall refuses a nil row, and the handles that guard refuses.
func (t *Table[T]) checkCall(ctx context.Context, db dbconn.Handle, row *T) error {
	if err := t.checkRow(row); err != nil {
		return err
	}
	return t.table.guard(ctx, db)
}

func (t *Table[T]) checkRow(row *T) error {
	if row == nil {
		return &RowError{Table: t.table.name, Row: -1, Err: errors.New("the row is nil")}
	}
	return nil
}

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
	w.endOne(ctx, o, err)
	return created, err
}

func (t *Table[T]) getOrCreateRow(ctx context.Context, db dbconn.Handle, row *T) (created bool, err error) {
	if err := t.checkCall(ctx, db, row); err != nil {
		return false, err
	}
	created, err = t.table.write.Create(ctx, db, reflect.ValueOf(row).Elem())
	return created, t.table.fail(err)
}

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
	err := t.checkCall(ctx, db, row)
	var res sql.Result
	if err == nil {
		res, err = t.table.write.Exec(ctx, db, reflect.ValueOf(row).Elem())
	}
	err = t.table.fail(err)
	w.endOne(ctx, Unknown, err)
	return res, err
}
