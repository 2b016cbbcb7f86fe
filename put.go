package upsert

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/rowkey"
	"github.com/goupsert/upsert/internal/statement"
	"github.com/goupsert/upsert/internal/txn"
)

// errGone says that a row was neither written nor visible afterwards. If another connection may have deleted the row in between,
// the call starts over.
var errGone = errors.New("the row was neither inserted nor visible: a trigger, a rule or a policy keeps it out, or others delete it each time")

// errKept says that a row is there and was not changed although the statement should have changed the row. The call starts over
// as after errGone.
var errKept = errors.New("the row is there and was not changed: a trigger keeps it as it is, or others change it each time")

func isGone(err error) bool { return errors.Is(err, errGone) || errors.Is(err, errKept) }

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
	s, err := t.table.single(ctx, db, reflect.ValueOf(row).Elem())
	if err == nil {
		err = s.batch.table.whileGone(func() error { return s.put(ctx, db) })
	}
	if err != nil {
		return Unknown, s.batch.otherKey(ctx, db, 0, err)
	}
	return s.outcome, nil
}

// whileGone calls f, and calls f again if another connection deleted the row between two statements of f. If a trigger may have
// kept the row out, whileGone calls f once only, because the trigger may have had an effect of its own.
func (t *table) whileGone(f func() error) (err error) {
	for range findAttempts {
		if err = f(); !isGone(err) || t.skips() {
			break
		}
	}
	return err
}

// single is one row that is being written.
type single struct {
	batch   batch
	stmt    batchStatement
	row     reflect.Value
	outcome Outcome
	flag    bool // the statement can return a flag that marks an inserted row
	tells   bool // the Result of an Exec tells the outcome
	keyRoom [1]rowkey.Column
	first   [1]int32
}

// single checks a row, asks the server what must be known of the table, and binds the row's arguments.
func (t *table) single(ctx context.Context, db dbconn.Handle, row reflect.Value) (*single, error) {
	s := t.newSingle(row)
	err := s.batch.checkRow(0)
	if err == nil {
		err = t.checks.Check(ctx, db)
	}
	if err == nil {
		err = t.ready(ctx, db)
	}
	if err == nil {
		err = s.batch.checkZero(ctx, db, atRest)
	}
	if err == nil {
		t.watchOf(ctx).goes(Values)
		err = s.bindOne()
	}
	return s, rowless(err)
}

// newSingle returns a single for a row that is not checked yet.
func (t *table) newSingle(row reflect.Value) *single {
	s := &single{row: row}
	s.batch = batch{table: t, rows: rowSource{n: 1, rows: row, one: true}, keyed: t.keySet(s.keyRoom[:], 1)}
	return s
}

// bindOne makes the row's statement and its arguments.
func (s *single) bindOne() (err error) {
	s.stmt, _, err = s.batch.nextValues(s.first[:], make([]any, 0, len(s.batch.table.cols)))
	return err
}

// rowless removes the row's index from an error, because the caller has only one row.
func rowless(err error) error {
	if err == nil {
		return nil
	}
	var known *RowError
	if errors.As(err, &known) {
		known.Row = -1
	}
	return err
}

func (s *single) put(ctx context.Context, db dbconn.Handle) (err error) {
	switch s.batch.table.traits.Reporting {
	case dialect.ReportBeforehand:
		return s.putForetold(ctx, db)
	case dialect.ReportCode:
		return txn.Statement(ctx, s.batch.table.txn, db, s, (*single).writeCoded)
	case dialect.ReportLastID:
		return s.putLastID(ctx, db)
	}
	if !s.batch.table.traits.Returning {
		return txn.Transaction(ctx, s.batch.table.txn, db, s, (*single).writeBlind)
	}
	return s.putFlagged(ctx, db)
}

// send runs the row's statement in the given mode and reports whether the statement wrote the row. The returned values go to
// dest, and the generated columns to the row.
func (s *single) send(ctx context.Context, db dbconn.Handle, mode dialect.Mode, report bool, dest ...any) (written bool, err error) {
	shape := s.stmt.variant
	shape.Mode, shape.Report = mode, report
	if len(s.batch.table.generated) > 0 {
		shape.Return = statement.ReturnGenerated
	}
	query, err := s.batch.table.stmts.Upsert(shape, s.batch.table.catalog.Kept())
	if err != nil {
		return false, err
	}
	if !report && shape.Return == statement.ReturnNothing {
		res, err := s.batch.table.txn.Exec(ctx, db, query, s.stmt.args)
		if err != nil {
			return false, err
		}
		n, err := res.RowsAffected()
		return n > 0, err
	}
	for _, c := range s.batch.table.generated {
		dest = append(dest, c.ScanTarget(s.row))
	}
	return s.readRow(ctx, db, query, s.stmt.args, dest)
}

// putFlagged sends a statement that returns the row if the statement wrote the row, with a flag that marks an inserted row.
func (s *single) putFlagged(ctx context.Context, db dbconn.Handle) (err error) {
	if s.flag, err = s.batch.table.flags(ctx, db); err != nil {
		return err
	}
	if s.tells, err = s.batch.table.resultTells(ctx, db); err != nil {
		return err
	}
	err = txn.Statement(ctx, s.batch.table.txn, db, s, (*single).writeFlagged)
	if err != nil || s.outcome != Unchanged || !s.batch.table.looks() && len(s.batch.table.generated) == 0 {
		return err
	}
	if s.batch.table.skips() { // do not send the statement again, because a trigger may have had an effect of its own
		return txn.Statement(ctx, s.batch.table.txn, db, s, (*single).lookSkipped)
	}
	// The statement did not write the row, and its result alone does not tell why. The statement is safe to repeat, so it is sent
	// again in a transaction, in which the statement keeps the row locked for the reads that follow.
	if !dbconn.CanBegin(db) {
		return s.lookSkipped(ctx, db)
	}
	return txn.Transaction(ctx, s.batch.table.txn, db, s, (*single).writeAndLook)
}

func (s *single) writeAndLook(ctx context.Context, db dbconn.Handle) error {
	if err := s.writeFlagged(ctx, db); err != nil || s.outcome != Unchanged {
		return err
	}
	return s.lookSkipped(ctx, db)
}

func (s *single) writeFlagged(ctx context.Context, db dbconn.Handle) error {
	if s.flag && s.tells {
		return s.writeTold(ctx, db)
	}
	inserted := false
	var dest []any
	if s.flag {
		dest = append(dest, &inserted)
	}
	written, err := s.send(ctx, db, dialect.Write, s.flag, dest...)
	switch {
	case !written:
		s.outcome = Unchanged
	case !s.flag:
		s.outcome = Unknown
	case inserted:
		s.outcome = Inserted
	default:
		s.outcome = Updated
	}
	return err
}

// writeTold sends a statement whose Result tells the outcome by the number of rows that the statement selected.
func (s *single) writeTold(ctx context.Context, db dbconn.Handle) error {
	shape := s.stmt.variant
	shape.Report, shape.Result = true, true
	query, err := s.batch.table.stmts.Upsert(shape, s.batch.table.catalog.Kept())
	if err != nil {
		return err
	}
	res, err := db.ExecContext(ctx, query, s.stmt.args...)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil {
		s.outcome, err = toldOutcome(n)
	}
	return err
}

// toldOutcome returns the outcome that a RowsAffected of writeTold stands for.
func toldOutcome(n int64) (Outcome, error) {
	switch n {
	case 0:
		return Unchanged, nil
	case 1:
		return Updated, nil
	case 2:
		return Inserted, nil
	}
	return Unknown, fmt.Errorf("the driver says that %d rows were selected where there are at most two", n)
}

// lookSkipped finds the outcome of a row that the statement did not write, and reads the generated columns back.
func (s *single) lookSkipped(ctx context.Context, db dbconn.Handle) error {
	if s.batch.table.looks() {
		f, err := s.compareOne(ctx, db)
		if err != nil {
			return err
		}
		if s.outcome, err = f.skipped(s.batch.table.versioned); err != nil {
			return err
		}
	}
	return s.readBack(ctx, db)
}

// writeCoded sends a statement that returns the row and a code for its outcome.
func (s *single) writeCoded(ctx context.Context, db dbconn.Handle) error {
	var code int64
	if _, err := s.send(ctx, db, dialect.Write, true, &code); err != nil {
		return err
	}
	o, err := codeOutcome(code)
	s.outcome = o
	return err
}

// writeBlind sends a statement on a database that does not tell the outcome.
func (s *single) writeBlind(ctx context.Context, db dbconn.Handle) error {
	query, err := s.batch.table.stmts.Upsert(s.stmt.variant, s.batch.table.catalog.Kept())
	if err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, query, s.stmt.args...); err != nil {
		return err
	}
	return s.readBack(ctx, db)
}

// compareOne compares the row with the stored row.
func (s *single) compareOne(ctx context.Context, db dbconn.Handle) (f fate, err error) {
	query, err := s.batch.table.compareText(ctx, db, s.stmt.variant)
	if err != nil {
		return 0, err
	}
	err = s.batch.table.txn.Query(ctx, db, query, s.stmt.args, func(rows *sql.Rows) error {
		var at, told int
		err := rows.Scan(&at, &told)
		f.meet(told)
		return err
	})
	return f, err
}

// readBack reads the generated columns of the stored row into the row.
func (s *single) readBack(ctx context.Context, db dbconn.Handle) error {
	if len(s.batch.table.generated) == 0 {
		return nil
	}
	found, err := s.find(ctx, db, s.batch.table.generated)
	if err == nil && !found {
		return errGone
	}
	return err
}

// find reads the given columns of the stored row into the row.
func (s *single) find(ctx context.Context, db dbconn.Handle, cols []*column) (found bool, err error) {
	query := s.batch.table.stmts.Find(columnNames(cols), !dbconn.CanBegin(db), s.batch.table.catalog.Kept())
	return s.readRow(ctx, db, query, s.batch.keyArgs(0), dests(cols, s.row))
}

func dests(cols []*column, row reflect.Value) []any {
	var dest []any
	for _, c := range cols {
		dest = append(dest, c.ScanTarget(row))
	}
	return dest
}
