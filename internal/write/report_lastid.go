package write

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/statement"
	"github.com/goupsert/upsert/internal/stmtcache"
	"github.com/goupsert/upsert/internal/txn"
)

// lastIDReporter is for a database whose statement leaves a code in the insert id if the row was there, as MySQL's does.
type lastIDReporter struct{ table *Table }

// put writes the row with one statement, whose result tells the row's outcome.
func (r lastIDReporter) put(ctx context.Context, h dbconn.Handle, op *rowOp) error {
	_, prepared := h.(*stmtcache.Pool)
	// Columns that are read back take a second statement. If a trigger hides the code, a pool's prepared statement needs a second
	// statement too.
	if op.back != statement.ReturnNothing || prepared && r.table.checks.HidesOutcome() && !staysOnConn(h) {
		return txn.Transaction(ctx, r.table.txn, h, op, (*rowOp).writeLastID)
	}
	return txn.Statement(ctx, r.table.txn, h, op, (*rowOp).writeOnOneConn)
}

// create takes two statements in a transaction, in which the row stays locked between the two.
func (r lastIDReporter) create(ctx context.Context, h dbconn.Handle, op *rowOp) error {
	return txn.Transaction(ctx, r.table.txn, h, op, (*rowOp).createLastID)
}

func (lastIDReporter) send(w *writer, s batchStatement) error { return w.sendEach(s, w.sendLastID) }

func (r lastIDReporter) first(context.Context, dbconn.Handle) (statement.Variant, error) {
	return r.table.oneRow(dialect.Write, true), nil
}

func (lastIDReporter) canMarkInserts(context.Context, dbconn.Handle) (bool, error) { return false, nil }
func (lastIDReporter) needsLock() bool                                             { return false }
func (lastIDReporter) isRowAtATime() bool                                          { return true }

// presetCode puts the code of an insert into LAST_INSERT_ID(), because an insert itself does not.
var presetCode = fmt.Sprintf("DO LAST_INSERT_ID(%d)", dialect.CodeInserted)

// execReport sends a row's statement and returns the row's outcome, on a database whose statement leaves a code in the insert id
// if the row was there (dialect.ReportLastID).
//
// A trigger of the table removes the code from the statement's result (hazard H23). LAST_INSERT_ID() still returns the code, on
// the connection of the statement. So if the table may have triggers, execReport first puts the code of an insert there, and asks
// for LAST_INSERT_ID() afterwards if the result has no code. On any other table execReport sends the statement only. If the
// result has no code and the number of affected rows is not one, the row was there and a trigger must hide the code.
//
// The outcome is Unknown if db may send the question to another connection.
func (t *Table) execReport(ctx context.Context, db dbconn.Handle, exec func() (sql.Result, error)) (Outcome, error) {
	same := staysOnConn(db)
	hidden := t.checks.HidesOutcome()
	if hidden && same {
		if _, err := db.ExecContext(ctx, presetCode); err != nil {
			return Unknown, err
		}
	}
	res, err := exec()
	if err != nil {
		return Unknown, err
	}
	id, err := res.LastInsertId()
	if err != nil {
		return Unknown, err
	}
	if o, err := codeOutcome(id); err == nil {
		return o, nil
	}
	if !hidden {
		affected, err := res.RowsAffected()
		if err != nil || affected == 1 {
			return Inserted, err
		}
		t.checks.SetHidesOutcome()
	}
	if !same {
		return Unknown, nil
	}
	var code int64
	if _, err := t.txn.QueryRow(ctx, db, "SELECT LAST_INSERT_ID()", nil, []any{&code}); err != nil {
		return Unknown, &askError{err}
	}
	if o, err := codeOutcome(code); err == nil {
		return o, nil
	}
	return Inserted, nil
}

// askError says that a row was written and the question for its outcome failed. It hides driver.ErrBadConn, because database/sql
// and onOneConn would take this error to mean that the row was not sent.
type askError struct{ err error }

func (e *askError) Error() string {
	return "the row was written, but what happened to it could not be asked: " + e.err.Error()
}

func (e *askError) Unwrap() error {
	if errors.Is(e.err, driver.ErrBadConn) {
		return nil
	}
	return e.err
}

// Class returns the class of the cause, or Ambiguous if the cause is Permanent, because the answer was lost.
func (e *askError) Class() dialect.Class {
	if c := dialect.Classify(e.err); c != dialect.Permanent {
		return c
	}
	return dialect.Ambiguous
}

// staysOnConn reports whether the handle sends everything through one connection, as a transaction or a *sql.Conn does. If a
// handle has only the two methods of DB, this is not known, and staysOnConn returns false.
func staysOnConn(db dbconn.Handle) bool {
	switch stmtcache.Unwrap(db).(type) {
	case dbconn.Connector:
		return false
	case dbconn.Rawer, interface {
		Commit() error
		Rollback() error
	}:
		return true
	}
	return false
}

// onOneConn runs f on one connection of a pool. If the handle is not a pool, onOneConn runs f on the handle itself.
func onOneConn[A any](ctx context.Context, db dbconn.Handle, a A, f txn.Op[A]) error {
	pool, ok := db.(dbconn.Connector)
	if !ok {
		return f(a, ctx, db)
	}
	return dbconn.OnConn(ctx, pool, func(conn *sql.Conn) error {
		defer conn.Close() //nolint:errcheck // gives the connection back to the pool; a dead connection is gone already
		return f(a, ctx, conn)
	})
}

func (s *rowOp) writeOnOneConn(ctx context.Context, db dbconn.Handle) error {
	return onOneConn(ctx, db, s, (*rowOp).writeLastID)
}

// writeLastID writes the row, finds its outcome and reads columns of the stored row back.
func (s *rowOp) writeLastID(ctx context.Context, db dbconn.Handle) error {
	if err := s.sendReport(ctx, db, dialect.Write); err != nil {
		return err
	}
	return s.readBack(ctx, db)
}

func (s *rowOp) sendReport(ctx context.Context, db dbconn.Handle, mode dialect.Mode) (err error) {
	variant := s.variant
	variant.Mode, variant.Report = mode, true
	query, err := s.table.text(variant)
	if err != nil {
		return err
	}
	s.outcome, err = s.table.execReport(ctx, db, func() (sql.Result, error) { return db.ExecContext(ctx, query, s.to.args...) })
	return err
}

// createLastID inserts the row if it is not there, and reads the stored row.
func (s *rowOp) createLastID(ctx context.Context, db dbconn.Handle) error {
	if err := s.sendReport(ctx, db, dialect.Create); err != nil {
		return err
	}
	if s.outcome == Unknown {
		return &dialect.UnsupportedError{
			Feature: "way to tell who created a row of a table with triggers, on a handle that may send each statement to another connection (hazard H23)",
			Dialect: s.table.spec.Dialect.Name(), Hint: "give the call a *sql.DB, *sql.Conn or *sql.Tx, or one of sqlx's",
		}
	}
	return s.checkFound(s.find(ctx, db, s.table.rows.columns()))
}

// sendLastID sends the statement of one row and records the row's outcome.
func (w *writer) sendLastID(one batchStatement) error {
	one.variant.Report = true
	query, err := w.table.text(one.variant)
	if err != nil {
		return err
	}
	o, err := w.table.execReport(w.session.ctx, w.session.db, func() (sql.Result, error) { return w.session.exec(one, query) })
	if err == nil {
		w.record(one.rows[0], o)
	}
	return err
}
