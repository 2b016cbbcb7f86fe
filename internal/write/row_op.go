package write

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"sync"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/rowkey"
	"github.com/goupsert/upsert/internal/statement"
	"github.com/goupsert/upsert/internal/txn"
)

// rowOp is one row that is being written.
type rowOp struct {
	table       *Table
	sent        keyedRows     // the one row and its key
	row         reflect.Value // receives what is read back: the sent row, or another one
	variant     statement.Variant
	to          argEncoder // holds the arguments
	outcome     Outcome
	marks       bool             // the statement can return a flag that marks an inserted row
	resultTells bool             // the Result of an Exec tells the outcome
	back        statement.Return // which columns of the stored row are read into row
	keyRoom     [1]rowkey.Column
}

// newRowOp checks a row, asks the server what must be known of the table, and binds the row's arguments.
func (t *Table) newRowOp(ctx context.Context, db dbconn.Handle, row reflect.Value) (*rowOp, error) {
	s := t.emptyRowOp(row)
	err := s.sent.checkRow(0)
	if err == nil {
		err = t.checks.Check(ctx, db)
	}
	if err == nil {
		err = t.loadFacts(ctx, db)
	}
	if err == nil {
		err = s.sent.checkZero(ctx, db, atRest)
	}
	if err == nil {
		t.reportPath(ctx, Values)
		err = s.encode()
	}
	return s, err
}

// rowOps has ops to use again. An op of half a kilobyte for each row would be most of the garbage of a single row.
var rowOps = sync.Pool{New: func() any { return new(rowOp) }}

// done puts back the op of a call that has succeeded, so that no goroutine still uses the op, and returns the outcome. The arguments
// are not used again, because a handle of the caller's may have kept them.
func (s *rowOp) done() Outcome {
	o := s.outcome
	*s = rowOp{}
	rowOps.Put(s)
	return o
}

// emptyRowOp returns a rowOp for a row that is not checked yet.
func (t *Table) emptyRowOp(row reflect.Value) *rowOp {
	s := rowOps.Get().(*rowOp)
	s.table, s.row = t, row
	if len(t.rows.generated) > 0 {
		s.back = statement.ReturnGenerated
	}
	s.sent = keyedRows{table: t, rows: Rows{n: 1, rows: row, one: true}, keyed: t.keySet(s.keyRoom[:], 1)}
	return s
}

// encode makes the row's statement and its arguments.
func (s *rowOp) encode() error {
	omit := s.sent.findOmitted(0)
	s.to = argEncoder{table: s.table, args: make([]any, 0, len(s.table.rows.cols))}
	err := s.sent.encodeArgs(&s.to, 0, omit)
	s.variant = statement.Variant{Mode: dialect.Write, Rows: dialect.Rows{N: 1, Removes: s.to.removes, Wide: s.to.wide}, Omit: omit}
	return err
}

// columnsBack returns the columns that are read into the row.
func (s *rowOp) columnsBack() []*column {
	switch s.back {
	case statement.ReturnGenerated:
		return s.table.rows.generated
	case statement.ReturnAll:
		return s.table.rows.columns()
	}
	return nil
}

// send runs the row's statement in the given mode and reports whether the statement wrote the row. The returned values go to
// dest, and the columns that are read back go to the row.
func (s *rowOp) send(ctx context.Context, db dbconn.Handle, mode dialect.Mode, report bool, dest ...any) (written bool, err error) {
	variant := s.variant
	variant.Mode, variant.Report, variant.Return = mode, report, s.back
	query, err := s.table.text(variant)
	if err != nil {
		return false, err
	}
	if !report && variant.Return == statement.ReturnNothing {
		res, err := s.table.txn.Exec(ctx, db, query, s.to.args)
		if err != nil {
			return false, err
		}
		n, err := res.RowsAffected()
		return n > 0, err
	}
	for _, c := range s.columnsBack() {
		dest = append(dest, c.ScanTarget(s.row))
	}
	return s.readRow(ctx, db, query, s.to.args, dest)
}

// sendForResult sends the whole upsert as a statement whose Result tells the outcome.
func (s *rowOp) sendForResult(ctx context.Context, db dbconn.Handle) (sql.Result, error) {
	variant := s.variant
	variant.Report, variant.Result = true, true
	query, err := s.table.text(variant)
	if err != nil {
		return nil, err
	}
	return s.table.txn.Exec(ctx, db, query, s.to.args)
}

// compareOne compares the row with the stored row.
func (s *rowOp) compareOne(ctx context.Context, db dbconn.Handle) (f comparison, err error) {
	query, err := s.table.compareText(ctx, db, s.variant)
	if err != nil {
		return 0, err
	}
	err = s.table.txn.Query(ctx, db, query, s.to.args, func(rows *sql.Rows) error {
		var at, result int
		err := rows.Scan(&at, &result)
		f.add(result)
		return err
	})
	return f, err
}

// readBack reads the columns that are read back from the stored row into the row.
func (s *rowOp) readBack(ctx context.Context, db dbconn.Handle) error {
	if s.back == statement.ReturnNothing {
		return nil
	}
	return s.checkFound(s.find(ctx, db, s.columnsBack()))
}

// find reads the given columns of the stored row into the row.
func (s *rowOp) find(ctx context.Context, db dbconn.Handle, cols []*column) (found bool, err error) {
	query := s.table.stmts.Find(Names(cols), !dbconn.CanBegin(db), s.table.catalog.Kept())
	return s.readRow(ctx, db, query, s.sent.keyArgs(0), dests(cols, s.row))
}

// checkFound returns errRowDeleted if a row was looked for and not found.
func (s *rowOp) checkFound(found bool, err error) error {
	if err == nil && !found {
		return errRowDeleted
	}
	return err
}

// create sends the row's statement in mode Create, which inserts the row or does nothing. If the statement returns the row,
// create fills the row.
func (s *rowOp) create(ctx context.Context, db dbconn.Handle, report bool, dest ...any) (returned bool, err error) {
	variant := s.variant
	variant.Mode, variant.Report, variant.Return = dialect.Create, report, statement.ReturnAll
	query, err := s.table.text(variant)
	if err != nil {
		return false, err
	}
	return s.readRow(ctx, db, query, s.to.args, append(dest, dests(s.table.rows.columns(), s.row)...))
}

func dests(cols []*column, row reflect.Value) []any {
	var dest []any
	for _, c := range cols {
		dest = append(dest, c.ScanTarget(row))
	}
	return dest
}

// retryDeleted calls f, and calls f again if another connection deleted the row between two statements of f. If a trigger may have
// kept the row out, retryDeleted calls f once only, because the trigger may have had an effect of its own.
func (t *Table) retryDeleted(f func() error) (err error) {
	for range findAttempts {
		if err = f(); !isRowDeleted(err) || t.maySkip() {
			break
		}
	}
	return err
}

func isRowDeleted(err error) bool { return errors.Is(err, errRowDeleted) || errors.Is(err, errRowKept) }

// errRowDeleted says that a row was neither written nor visible afterwards. If another connection may have deleted the row in between,
// the call starts over.
var errRowDeleted = errors.New("the row was neither inserted nor visible: a trigger, a rule or a policy keeps it out, or others delete it each time")

// errRowKept says that a row is there and was not changed although the statement should have changed the row. The call starts over
// as after errRowDeleted.
var errRowKept = errors.New("the row is there and was not changed: a trigger keeps it as it is, or others change it each time")

// readRow runs a statement that returns columns of the stored row, and reads them into dest. readRow reads to the end even if a
// column does not fit its field, because the server's own error may come last.
func (s *rowOp) readRow(ctx context.Context, db dbconn.Handle, query string, args, dest []any) (found bool, err error) {
	var misfit error
	err = s.table.txn.Query(ctx, db, query, args, func(rows *sql.Rows) error {
		found = true
		misfit = rows.Scan(dest...)
		return nil
	})
	txn.Repanic(misfit)
	if err == nil && misfit != nil {
		_, own := db.(*txn.Tx)
		err = &readError{err: misfit, undone: own && s.outcome != Unchanged && s.outcome != Stale}
	}
	return found, err
}

// readError says that a column of the stored row does not fit its field, and whether the row stays written.
type readError struct {
	err    error
	undone bool
}

func (e *readError) Error() string {
	if e.undone {
		return "the row was rolled back, because a column of it cannot be read: " + e.err.Error()
	}
	return "the row is there, but a column of it cannot be read: " + e.err.Error()
}

func (e *readError) Unwrap() error { return e.err }

// findAttempts bounds how often Put and GetOrCreate start over because the row was deleted before it was read.
const findAttempts = 10
