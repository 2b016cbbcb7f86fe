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
)

// errGone says that a row was neither written nor there to be read. If others may have deleted it in between, the call begins
// again.
var errGone = errors.New("the row was neither inserted nor visible: a trigger, a rule or a policy keeps it out, or others delete it each time")

// errKept says the same of a row that was there and was not changed.
var errKept = errors.New("the row is there and was not changed: a trigger keeps it as it is, or others change it each time")

func isGone(err error) bool { return errors.Is(err, errGone) || errors.Is(err, errKept) }

// Put writes one row and returns what happened to it. Generated columns are read back into row, from the stored row
// whatever the outcome; the others keep what row has, those with the modifier now or a DEFAULT too: [Table.GetOrCreate] and
// a SELECT read them.
//
// On MySQL and MariaDB, Put, PutAll with [Outcomes] and GetOrCreate change the session's LAST_INSERT_ID(), also in a transaction of
// the caller's: it is a number above 9223372036854775800 after them (hazard H30). SQL of your own that uses LAST_INSERT_ID() must
// come before them.
//
// The outcome is exact unless it is [Unknown], whatever the settings of the driver. On a *sql.DB or *sql.Conn one thing can
// falsify it: if an answer is lost, database/sql sends the statement again (hazard E1), and the second time the row that this
// call inserted is Unchanged. Nothing is written twice by it, and inside a transaction it does not happen. If the context
// ends while the statement waits, the statement may still be applied.
//
// On MySQL the outcome comes in LastInsertId, where a trigger of the table hides it (hazard H23). The first call on a pool asks
// whether the table has triggers. If it has, Put takes three statements on one connection, else one; on a pool it takes a
// connection, by its Conn method. On a handle that has no more than the two methods of [DB], Put cannot know whether the
// connection is the same, and the outcome of a row that a trigger hides is Unknown. A user without the right TRIGGER is told of
// no trigger. Then Put sees one by the first row that the trigger changes; until then, and only with clientFoundRows=true, a row
// that is unchanged or stale is told as Inserted.
//
// A row that a trigger or a policy keeps out is Unknown on PostgreSQL, and on SQLite, or if generated columns must be read back,
// an error that says what was seen (hazards P42 and S21).
//
// On MySQL and MariaDB the first call on a pool asks whether the table has the unique index that it needs, since these
// databases would insert the row again without one (hazard H24). It returns a [*SchemaError] if there is none.
// It also refuses a session whose sql_mode is not strict, with a *dialect.UnsupportedError (hazard H29), and a key of 0 in a
// column with AUTO_INCREMENT (hazard H26).
//
// If a generated column does not fit its field, as NULL does not fit an int64, the error says whether the row is there.
//
// It returns a [*RowError] around [ErrNullKey], [ErrOtherKey], a Valuer's error or the driver's; [ErrUnguarded] for a
// table that adds outside of a [Claim]; and a *dialect.UnsupportedError for Merge on a PostgreSQL without its function.
func (t *Table[T]) Put(ctx context.Context, db DB, row *T) (Outcome, error) {
	ctx, w := t.watch(ctx, "Put")
	o, err := t.putRow(ctx, db, row)
	w.endedOne(ctx, o, err)
	return o, err
}

func (t *Table[T]) putRow(ctx context.Context, db DB, row *T) (Outcome, error) {
	if err := t.takes(ctx, db, row); err != nil {
		return Unknown, err
	}
	o, err := t.put(ctx, db, row)
	if err != nil && t.outdated(ctx, db, err) {
		o, err = t.put(ctx, db, row)
	}
	if err != nil {
		return Unknown, t.fail(err, -1)
	}
	return o, nil
}

// takes refuses a row that is none, and a handle that a table which adds must not be written on.
func (t *Table[T]) takes(ctx context.Context, db DB, row *T) error {
	if row == nil {
		return &RowError{Table: t.name, Row: -1, Err: errors.New("the row is nil")}
	}
	return t.guard(ctx, db)
}

func (t *Table[T]) put(ctx context.Context, db DB, row *T) (Outcome, error) {
	s, err := t.single(ctx, db, reflect.ValueOf(row).Elem())
	if err == nil {
		err = s.whileGone(func() error { return s.put(ctx, db) })
	}
	if err != nil {
		return Unknown, s.otherKey(ctx, db, 0, err)
	}
	return s.outcome, nil
}

// whileGone calls f again while the row that it met is deleted before it has been read. If a trigger may have kept the row
// out, it does not: the trigger may have had an effect of its own.
func (t *table) whileGone(f func() error) (err error) {
	for range findAttempts {
		if err = f(); !isGone(err) || t.skips() {
			break
		}
	}
	return err
}

// single is one row on its way.
type single struct {
	batch
	statement
	row     reflect.Value
	outcome Outcome
	flag    bool // an insert is told by a flag
	tells   bool // by the Result of an Exec
	keyRoom [1]rowkey.Column
	first   [1]int32
}

// single checks a row, asks what must be known of the table, and binds the row.
func (t *table) single(ctx context.Context, db DB, row reflect.Value) (*single, error) {
	s := t.newSingle(row)
	err := s.checkRow(0)
	if err == nil {
		err = t.checkIndex(ctx, db)
	}
	if err == nil {
		err = t.ready(ctx, db)
	}
	if err == nil {
		err = s.checkZero(ctx, db, atRest)
	}
	if err == nil {
		t.watchOf(ctx).goes(Values)
		err = s.bindOne()
	}
	return s, rowless(err)
}

// newSingle returns a row that is not checked yet.
func (t *table) newSingle(row reflect.Value) *single {
	s := &single{row: row}
	s.batch = batch{table: t, rows: rowSource{n: 1, rows: row, one: true}, keyed: t.keySet(s.keyRoom[:], 1)}
	return s
}

// bindOne makes the row's statement.
func (s *single) bindOne() (err error) {
	s.statement, _, err = s.nextValues(s.first[:], make([]any, 0, len(s.cols)))
	return err
}

// rowless takes the row's index out of an error where the caller has only one.
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

func (s *single) put(ctx context.Context, db DB) (err error) {
	switch s.traits.Reporting {
	case dialect.ReportBeforehand:
		return s.putForetold(ctx, db)
	case dialect.ReportCode:
		return alone(ctx, s.table, db, s, (*single).writeCoded)
	case dialect.ReportLastID:
		return s.putLastID(ctx, db)
	}
	if !s.traits.Returning {
		return inTx(ctx, s.table, db, s, (*single).writeBlind)
	}
	return s.putFlagged(ctx, db)
}

// send runs the row's statement in the given mode and reports whether it wrote the row. What it returns goes to dest, and
// the generated columns to the row.
func (s *single) send(ctx context.Context, db DB, mode dialect.Mode, report bool, dest ...any) (written bool, err error) {
	shape := s.shape
	shape.mode, shape.report = mode, report
	if len(s.generated) > 0 {
		shape.back = backGenerated
	}
	query, err := s.text(shape)
	if err != nil {
		return false, err
	}
	if !report && shape.back == backNone {
		res, err := s.exec(ctx, db, query, s.args)
		if err != nil {
			return false, err
		}
		n, err := res.RowsAffected()
		return n > 0, err
	}
	for _, c := range s.generated {
		dest = append(dest, c.ScanTarget(s.row))
	}
	return s.readRow(ctx, db, query, s.args, dest)
}

// putFlagged: the statement returns the row if it wrote it, with a flag.
func (s *single) putFlagged(ctx context.Context, db DB) (err error) {
	if s.flag, err = s.flags(ctx, db); err != nil {
		return err
	}
	if s.tells, err = s.resultTells(ctx, db); err != nil {
		return err
	}
	err = alone(ctx, s.table, db, s, (*single).writeFlagged)
	if err != nil || s.outcome != Unchanged || !s.looks() && len(s.generated) == 0 {
		return err
	}
	if s.skips() { // the statement is sent no second time, because a trigger may have had an effect of its own
		return alone(ctx, s.table, db, s, (*single).lookSkipped)
	}
	// The row was skipped, and more must be known of it. In a transaction the statement keeps it locked, so it is sent
	// again in one: it is safe to repeat.
	if !dbconn.CanBegin(db) {
		return s.lookSkipped(ctx, db)
	}
	return inTx(ctx, s.table, db, s, (*single).writeAndLook)
}

func (s *single) writeAndLook(ctx context.Context, db DB) error {
	if err := s.writeFlagged(ctx, db); err != nil || s.outcome != Unchanged {
		return err
	}
	return s.lookSkipped(ctx, db)
}

func (s *single) writeFlagged(ctx context.Context, db DB) error {
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

// writeTold: the statement's Result says how many rows it has selected.
func (s *single) writeTold(ctx context.Context, db DB) error {
	shape := s.shape
	shape.report, shape.result = true, true
	query, err := s.text(shape)
	if err != nil {
		return err
	}
	res, err := db.ExecContext(ctx, query, s.args...)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil {
		s.outcome, err = toldOutcome(n)
	}
	return err
}

// toldOutcome is the outcome of a row by a RowsAffected.
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

// lookSkipped tells what the skipped row was, and reads it back.
func (s *single) lookSkipped(ctx context.Context, db DB) error {
	if s.looks() {
		f, err := s.compareOne(ctx, db)
		if err != nil {
			return err
		}
		if s.outcome, err = f.skipped(s.versioned); err != nil {
			return err
		}
	}
	return s.readBack(ctx, db)
}

// writeCoded: the statement returns the row and a code for it.
func (s *single) writeCoded(ctx context.Context, db DB) error {
	var code int64
	if _, err := s.send(ctx, db, dialect.Write, true, &code); err != nil {
		return err
	}
	o, err := codeOutcome(code)
	s.outcome = o
	return err
}

// writeBlind: nothing tells.
func (s *single) writeBlind(ctx context.Context, db DB) error {
	query, err := s.text(s.shape)
	if err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, query, s.args...); err != nil {
		return err
	}
	return s.readBack(ctx, db)
}

func (s *single) compareOne(ctx context.Context, db DB) (f fate, err error) {
	query, err := s.compareText(ctx, db, s.shape)
	if err != nil {
		return 0, err
	}
	err = s.query(ctx, db, query, s.args, func(rows *sql.Rows) error {
		var at, told int
		err := rows.Scan(&at, &told)
		f.meet(told)
		return err
	})
	return f, err
}

// readBack reads the generated columns of the stored row.
func (s *single) readBack(ctx context.Context, db DB) error {
	if len(s.generated) == 0 {
		return nil
	}
	found, err := s.find(ctx, db, s.generated)
	if err == nil && !found {
		return errGone
	}
	return err
}

// find reads columns of the stored row into the row.
func (s *single) find(ctx context.Context, db DB, cols []*column) (found bool, err error) {
	f := dialect.Find{Table: s.ident, Target: s.target, Return: columnNames(cols), Lock: !dbconn.CanBegin(db)}
	if known := s.catalog.Load(); known != nil { // the column's type may have rounded the key
		f.Types, f.Only = known.exact, known.plain
	}
	return s.readRow(ctx, db, s.dialect.Find(f), s.keyArgs(0), dests(cols, s.row))
}

func dests(cols []*column, row reflect.Value) []any {
	var dest []any
	for _, c := range cols {
		dest = append(dest, c.ScanTarget(row))
	}
	return dest
}
