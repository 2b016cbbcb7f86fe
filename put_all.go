package upsert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/write"
)

// PutAll writes rows. Rows of one key are applied one by one in their order, so a row that is there twice is applied twice. Rows
// of different keys are sent in the order of their keys, so that concurrent batches lock rows in the same order and do not
// deadlock. The stored rows are the same as after single calls of [Table.Put], with one exception: a row that can be written only
// after a row of another key may be refused. For example, a child may be refused because its parent comes later, in a table that
// refers to itself, or a row may be refused because its unique value still belongs to another row of the batch. For such rows use
// [InOrder]. The other options are [Outcomes], [EachOutcome], [Returning], [Progress], [ChunkTx], [RefuseDuplicates] and
// [Via].
//
// On MySQL and MariaDB, PutAll with Outcomes changes the session's LAST_INSERT_ID(), as [Table.Put] says.
//
// On a handle that can begin a transaction, PutAll writes all rows or none, unless ChunkTx says otherwise, and runs the
// transaction again after a deadlock or a serialization failure. On any other handle the transaction is the caller's, and the
// caller must roll the transaction back after an error. (A wrapper of a *sql.DB that has only the two methods of [DB] counts as
// such a handle: give the wrapper a BeginTx method.)
//
// On PostgreSQL, PutAll compares two rows or more with the stored rows first, and neither writes nor locks the rows that would
// change nothing. The package documentation says what follows. After an error that a changed schema could have caused, PutAll
// asks for the columns' types again, and if the types have changed, PutAll sends the rows once more.
//
// The Result counts the rows by outcome: exactly with Outcomes, and all as Unknown without Outcomes. The Result is zero if
// nothing was committed. Generated columns are read back only with [Returning].
//
// PutAll returns a [*RowError] with the row's index around [ErrNullKey], [ErrDuplicateKey], [ErrOtherKey], a Valuer's error or
// the driver's error. A database does not say which row of a statement made the statement fail. If the transaction is the
// library's, PutAll finds the row by sending rows again and rolling them back: on PostgreSQL the rows whose keys are in the error
// of a CHECK or NOT NULL constraint, otherwise halves of the statement's rows. In the caller's transaction the index is -1. A
// call that sends halves takes up to twice as long as a call without an error, and with Copy two and a half times. PutAll returns
// ErrUnguarded if the table has an Add column and the handle is not a [Claim], a [*SchemaError] as Put does, and with ChunkTx a
// [*PartialError].
func (t *Table[T]) PutAll(ctx context.Context, db DB, rows []T, opts ...PutOption) (Result, error) {
	ctx, w := t.table.watch(ctx, "PutAll")
	r, err := t.putRows(ctx, db, rows, opts)
	w.end(ctx, r, err)
	return r, err
}

func (t *Table[T]) putRows(ctx context.Context, db dbconn.Handle, rows []T, opts []PutOption) (Result, error) {
	cfg, err := t.table.putConfig(ctx, db, opts)
	if err == nil {
		slice := reflect.ValueOf(rows)
		err = t.returnStored(cfg, func(row int, stored reflect.Value) { t.table.write.Fill(slice.Index(row), stored) })
	}
	if err != nil || len(rows) == 0 {
		return Result{}, err
	}
	if cfg.chunk == 0 {
		return t.table.putBatch(ctx, db, reflect.ValueOf(rows), 0, cfg)
	}
	return t.putChunks(ctx, db, rows, cfg)
}

func (t *table) putConfig(ctx context.Context, db dbconn.Handle, opts []PutOption) (*putConfig, error) {
	cfg := &putConfig{via: t.via}
	for _, o := range opts {
		if o == nil {
			return nil, errNilPutOption
		}
		o.applyPut(cfg)
	}
	switch {
	case cfg.chunked && cfg.chunk < 1:
		return nil, fmt.Errorf("upsert: ChunkTx: a chunk cannot have %d rows: give 1 or more", cfg.chunk)
	case cfg.chunk > 0 && !dbconn.CanBegin(db):
		return nil, errors.New("upsert: ChunkTx: the handle cannot begin a transaction: give it a *sql.DB or *sql.Conn, or leave the option out")
	case cfg.inOrder && cfg.via != Auto && cfg.via != Values:
		return nil, fmt.Errorf("upsert: InOrder: Via(%v) does not keep the order of rows: give the call Via(Values) too", cfg.via)
	case cfg.chunk > 0 && cfg.unique:
		return nil, errors.New("upsert: RefuseDuplicates and ChunkTx exclude each other: a chunk does not know the keys of those before it")
	}
	return cfg, t.guard(ctx, db)
}

// putChunks writes and commits cfg.chunk rows at a time.
func (t *Table[T]) putChunks(ctx context.Context, db dbconn.Handle, rows []T, cfg *putConfig) (total Result, err error) {
	done := 0
	for done < len(rows) && err == nil {
		part := rows[done:min(done+cfg.chunk, len(rows))]
		var r Result
		if r, err = t.table.putBatch(ctx, db, reflect.ValueOf(part), done, cfg); err == nil {
			total.add(r)
			done += len(part)
		}
	}
	if cfg.returning && done > cfg.chunk { // rows of one key may be in different chunks
		err = cmp.Or(err, t.table.fail(t.table.write.ShareLast(reflect.ValueOf(rows[:done]))))
	}
	if err != nil {
		return total, &PartialError{Rows: int64(done), Result: total, Err: err}
	}
	return total, nil
}

// writeOptions returns the options for the part of the call that comes after the first done rows.
func (c *putConfig) writeOptions(done int) write.Options {
	o := write.Options{Outcomes: c.outcomes, Unique: c.unique, InOrder: c.inOrder, Via: write.Path(c.via)}
	if c.progress != nil {
		o.Progress = func(rows int64) { c.progress(int64(done) + rows) }
	}
	if c.each != nil {
		o.Each = func(row int, now write.Outcome) { c.each(done+row, Outcome(now)) }
	}
	if c.stored != nil {
		o.Stored = func(row int, stored reflect.Value) { c.stored(done+row, stored) }
	}
	return o
}

// putBatch writes rows in one transaction. first is the index of the first row in the caller's call.
func (t *table) putBatch(ctx context.Context, db dbconn.Handle, rows reflect.Value, first int, cfg *putConfig) (Result, error) {
	counts, err := t.write.PutBatch(ctx, db, write.RowsOf(rows, first), cfg.writeOptions(first))
	return Result(counts), t.fail(err)
}
