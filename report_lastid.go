package upsert

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"github.com/goupsert/upsert/dialect"
)

// lastID reads what happened to a row from the result of its statement, on a database whose statement leaves a code in the
// insert id (dialect.ReportLastID).
//
// A trigger of the table takes the code out of the result (hazard H23). MySQL still has it for LAST_INSERT_ID() then, on the
// connection of the statement. So lastID asks for it if the result does not decide, which without a trigger it always does:
// an insert leaves its own code or, if AUTO_INCREMENT made a number, that number and one affected row. An update that a
// trigger hides leaves 0, or the number of a row of which two are said to be affected.
//
// The outcome is Unknown if db may send the question to another connection.
func (t *table) lastID(ctx context.Context, db DB, res sql.Result) (Outcome, error) {
	id, err := res.LastInsertId()
	if err != nil {
		return Unknown, err
	}
	if o, err := codeOutcome(id); err == nil {
		return o, nil
	}
	affected, err := res.RowsAffected()
	if err != nil {
		return Unknown, err
	}
	if id != 0 && affected == 1 {
		return Inserted, nil
	}
	if !staysOnConn(db) {
		t.hidden.Store(true)
		return Unknown, nil
	}
	var code int64
	if _, err := queryRow(ctx, db, "SELECT LAST_INSERT_ID()", nil, []any{&code}); err != nil {
		return Unknown, &askError{err}
	}
	if o, err := codeOutcome(code); err == nil {
		return o, nil
	}
	return Inserted, nil
}

// askError says that a row was written and that the question what happened to it has failed. It hides driver.ErrBadConn, by
// which database/sql and onOneConn would take the row for one that was not sent.
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

// Class is that of a statement whose answer was lost, unless the cause has a class of its own.
func (e *askError) Class() dialect.Class {
	if c := dialect.Classify(e.err); c != dialect.Permanent {
		return c
	}
	return dialect.Ambiguous
}

// staysOnConn reports whether all that is sent on the handle goes through one connection: a transaction's or a *sql.Conn's.
// Of a handle that has nothing but the two methods of DB this is not known.
func staysOnConn(db DB) bool {
	switch h := db.(type) {
	case preparedPool:
		return staysOnConn(h.DB)
	case preparedDB:
		return staysOnConn(h.DB)
	case connector:
		return false
	case rawer, interface {
		Commit() error
		Rollback() error
	}:
		return true
	}
	return false
}

// badConns bounds how many connections of a pool may turn out to be dead before one is found that is not. Each that does has
// left the pool.
const badConns = 100

// onOneConn runs f on one connection of a pool, or on the handle itself if that is no pool. database/sql sends a statement again
// on another connection if the first one is dead before anything was sent; on a *sql.Conn it does not, so onConn does.
func onOneConn[A any](ctx context.Context, db DB, a A, f work[A]) error {
	pool, ok := db.(connector)
	if !ok {
		return f(a, ctx, db)
	}
	for n := 0; ; n++ {
		conn, err := pool.Conn(ctx)
		if err != nil {
			return err
		}
		err = f(a, ctx, conn)
		_ = conn.Close() // gives it back to the pool; one that is dead is gone already
		if !errors.Is(err, driver.ErrBadConn) || n == badConns {
			return err
		}
	}
}

// putLastID writes the row by one statement, whose result tells what happened to the row.
func (s *single) putLastID(ctx context.Context, db DB) error {
	_, prepared := db.(preparedPool)
	switch {
	case len(s.generated) > 0, prepared && s.hidden.Load() && !staysOnConn(db):
		// Generated columns take a second statement, and so does a code that a trigger hides from a pool's prepared statement.
		return inTx(ctx, s.table, db, s, (*single).writeLastID)
	}
	return alone(ctx, s.table, db, s, (*single).writeOnOneConn)
}

func (s *single) writeOnOneConn(ctx context.Context, db DB) error {
	return onOneConn(ctx, db, s, (*single).writeLastID)
}

// writeLastID writes the row, tells its outcome and reads its generated columns back.
func (s *single) writeLastID(ctx context.Context, db DB) (err error) {
	if s.outcome, err = s.execReport(ctx, db, dialect.Write); err != nil {
		return err
	}
	return s.readBack(ctx, db)
}

func (s *single) execReport(ctx context.Context, db DB, mode dialect.Mode) (Outcome, error) {
	shape := s.shape
	shape.mode, shape.report = mode, true
	query, err := s.text(shape)
	if err != nil {
		return Unknown, err
	}
	res, err := db.ExecContext(ctx, query, s.args...)
	if err != nil {
		return Unknown, err
	}
	return s.table.lastID(ctx, db, res)
}

// createLastID inserts the row if it is not there, and reads the stored one.
func (s *single) createLastID(ctx context.Context, db DB) (err error) {
	if s.outcome, err = s.execReport(ctx, db, dialect.Create); err != nil {
		return err
	}
	if s.outcome == Unknown {
		return &dialect.UnsupportedError{
			Feature: "way to tell who created a row of a table with triggers, on a handle that may send each statement to another connection (hazard H23)",
			Dialect: s.dialect.Name(), Hint: "give the call a *sql.DB, *sql.Conn or *sql.Tx, or one of sqlx's",
		}
	}
	return s.found(s.find(ctx, db, s.all()))
}

// lookForTriggers asks whether the table has triggers that may hide what a statement's result would tell, for Prepare: a
// prepared statement of a pool cannot be followed by a question on its connection. A user without the right to see triggers
// is told that there are none, and then the first row that one of them hides is Unknown.
func (t *table) lookForTriggers(ctx context.Context, db DB) error {
	var n int
	_, err := queryRow(ctx, db, "SELECT COUNT(*) FROM information_schema.triggers WHERE event_object_schema = COALESCE(NULLIF(?, ''), DATABASE()) AND event_object_table = ?",
		[]any{t.ident.Schema, t.ident.Name}, []any{&n})
	if n > 0 {
		t.hidden.Store(true)
	}
	return err
}

// sendOneByOne sends each row of a statement by itself, for a result tells of one row only.
func (w *writer) sendOneByOne(s statement) error {
	params := len(s.args) / len(s.rows)
	one := s.shape
	one.rows, one.report = 1, true
	query, err := w.text(one)
	if err != nil {
		return err
	}
	for at, i := range s.rows {
		res, err := w.exec(statement{args: s.args[at*params : (at+1)*params]}, query)
		o := Unknown
		if err == nil {
			o, err = w.lastID(w.ctx, w.db, res)
		}
		if err != nil {
			return w.batch.failStatement(statement{rows: s.rows[at : at+1]}, err)
		}
		w.happened(i, o)
	}
	return nil
}
