package write

import (
	"context"
	"database/sql"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/statement"
	"github.com/goupsert/upsert/internal/txn"
)

// compareReporter is for a database whose statement tells nothing, as SQLite's. A comparison before the statement predicts what
// the statement will do, and the write lock keeps the prediction true.
type compareReporter struct{ table *Table }

// put tries an insert, a comparison, which finds that there is nothing to do, and a change, until one of them applies. If none
// applies, another connection has changed or deleted the row between two of them, or a trigger keeps the row out.
//
// The insert comes first. An upsert is an insert, which meets NOT NULL, CHECK, triggers, other unique keys and the predicate of a
// partial index before the conflict. If the change came first, the change would meet none of these (hazard S20). The insert also
// takes the write lock in the caller's transaction. If a read came first there, the later write could fail (hazard S11).
//
// The comparison comes before the change, because it is the cheaper of the two: a repeated row takes a read more than an insert does,
// and so does a changed row. The order is the same for each row, so that a row's statements do not depend on the rows before it.
//
// If a statement can tell an inserted row from an updated one, the first statement is the whole upsert, and an unchanged row takes the
// comparison too. A row that is to be changed and was the last that its connection inserted takes all three (dialect.Upsert, RowID).
func (r *compareReporter) put(ctx context.Context, h dbconn.Handle, op *rowOp) (gone error) {
	tries := [...]txn.Op[*rowOp]{(*rowOp).insert, (*rowOp).compareNothing, (*rowOp).change}
	if r.marksInserts() {
		tries[0] = (*rowOp).upsertMarked
		if _, ok := op.rowID(); ok {
			tries[0] = (*rowOp).upsertByResult
		}
	}
	for _, try := range tries {
		op.outcome = Unknown
		err := txn.Statement(ctx, r.table.txn, h, op, try)
		switch {
		case isRowDeleted(err):
			gone = err
		case err != nil || op.outcome != Unknown:
			return err
		}
	}
	return gone
}

// marksInserts reports whether a statement of one row can return a flag that marks an inserted row.
func (r *compareReporter) marksInserts() bool { return r.table.spec.Plain && r.table.spec.RowID != "" }

func (r *compareReporter) create(ctx context.Context, h dbconn.Handle, op *rowOp) error {
	return txn.Statement(ctx, r.table.txn, h, op, (*rowOp).createReturning)
}

// send sends each row in a statement of its own if only an insert tells whether a row is in the partial index.
func (r *compareReporter) send(w *writer, s batchStatement) error {
	if r.isRowAtATime() {
		return w.sendEach(s, w.createFirst)
	}
	return w.sendCompareFirst(s)
}

func (r *compareReporter) first(context.Context, dbconn.Handle) (statement.Variant, error) {
	if r.marksInserts() {
		v := r.table.oneRow(dialect.Write, true)
		v.Result = r.table.spec.RowIDKey && v.Return == statement.ReturnNothing
		return v, nil
	}
	return r.table.oneRow(dialect.Create, false), nil
}

func (*compareReporter) canMarkInserts(context.Context, dbconn.Handle) (bool, error) {
	return false, nil
}

// needsLock returns true, because a comparison before the write holds only under the write lock, which the caller's transaction
// may not have yet.
func (*compareReporter) needsLock() bool { return true }

func (r *compareReporter) isRowAtATime() bool { return r.table.spec.Target.Where != "" }

// insert inserts the row if no stored row has its key.
func (s *rowOp) insert(ctx context.Context, db dbconn.Handle) error {
	created, err := s.send(ctx, db, dialect.Create, false)
	if created {
		s.outcome = Inserted
	}
	return err
}

// upsertMarked sends the whole upsert, which returns a flag that marks an inserted row. If nothing is returned, the row is unchanged or
// was the last that the connection inserted.
func (s *rowOp) upsertMarked(ctx context.Context, db dbconn.Handle) error {
	inserted := false
	written, err := s.send(ctx, db, dialect.Write, true, &inserted)
	switch {
	case err == nil && inserted:
		s.outcome = Inserted
	case err == nil && written:
		s.outcome = Updated
	}
	return err
}

// rowID returns the row's rowid, if the rowid is the row's key and the Result of an Exec can tell the outcome.
func (s *rowOp) rowID() (id int64, ok bool) {
	if s.table.spec.RowIDKey && s.back == statement.ReturnNothing {
		id, ok = s.sent.keyed[0].Value(0).(int64)
	}
	return id, ok
}

// upsertByResult sends the whole upsert, whose Result tells the outcome. A row that was written is new if LastInsertId is its rowid. A row
// that was not written is as it was, unless LastInsertId is its rowid; then the connection inserted the row last. If LastInsertId is 0,
// the connection has inserted nothing, or the driver says so of each statement that has written nothing.
func (s *rowOp) upsertByResult(ctx context.Context, db dbconn.Handle) error {
	res, err := s.sendForResult(ctx, db)
	if err != nil {
		return err
	}
	written, err := res.RowsAffected()
	if err != nil {
		return err
	}
	last, err := res.LastInsertId()
	id, _ := s.rowID()
	switch {
	case written > 0 && last == id:
		s.outcome = Inserted
	case written > 0:
		s.outcome = Updated
	case last != 0 && last != id && !s.table.rows.versioned:
		s.outcome = Unchanged
	}
	return err
}

// change changes the stored row, if the rules change a column.
func (s *rowOp) change(ctx context.Context, db dbconn.Handle) error {
	if !s.table.stmts.Assigns() && !s.table.stmts.ChecksKey(s.table.catalog.Kept()) {
		return nil
	}
	changed, err := s.send(ctx, db, dialect.Change, false)
	if changed {
		s.outcome = Updated
	}
	return err
}

// compareNothing compares the row with the stored row, after neither the insert nor the change applied.
func (s *rowOp) compareNothing(ctx context.Context, db dbconn.Handle) error {
	f, err := s.compareOne(ctx, db)
	switch {
	case err != nil:
		return err
	case f == 0:
		return errRowDeleted
	case f.writes():
		return errRowKept
	}
	if s.outcome, err = f.outcome(Unknown); err != nil {
		return err
	}
	return s.readBack(ctx, db)
}

// createFirst inserts a row if the row conflicts with no stored row. If the row conflicts, createFirst asks what the statement
// will do and sends the statement, as sendCompareFirst does. It runs in a write transaction.
func (w *writer) createFirst(one batchStatement) error {
	create := one
	create.variant.Mode, create.variant.Return = dialect.Create, statement.ReturnKeys
	query, err := w.table.text(create.variant)
	if err != nil {
		return err
	}
	created := false
	err = w.session.query(create, query, func(*sql.Rows) error { created = true; return nil })
	switch {
	case err != nil:
		return err
	case created:
		w.record(one.rows[0], Inserted)
		return nil
	}
	return w.sendCompareFirst(one)
}

// sendCompareFirst asks what the statement will do to each row, and then sends the statement. It runs in a write transaction.
func (w *writer) sendCompareFirst(s batchStatement) error {
	compared, err := w.compare(s)
	if err != nil {
		return err
	}
	query, err := w.table.text(s.variant)
	if err != nil {
		return err
	}
	if err := w.session.run(s, query); err != nil {
		return err
	}
	kept, err := w.recompare(s, compared)
	if err != nil {
		return err
	}
	for at, i := range s.rows {
		o, err := compared[at].outcome(Inserted)
		if err != nil {
			return w.batch.sent.fail(int(i), w.table.spec.Target.Columns[0], w.batch.sent.otherKey(w.session.ctx, w.session.db, i, err))
		}
		if kept != nil && compared[at].writes() && kept[at].writes() {
			o = Unknown
		}
		w.record(i, o)
	}
	return nil
}

// recompare compares the rows again if the statement has written fewer rows than the comparison before it predicted, because a
// trigger can keep the statement from writing a row (hazard S21). Otherwise recompare returns nil.
func (w *writer) recompare(s batchStatement, compared []comparison) ([]comparison, error) {
	written := 0
	if _, err := w.table.txn.QueryRow(w.session.ctx, w.session.db, "SELECT changes()", nil, []any{&written}); err != nil {
		return nil, err
	}
	for _, f := range compared {
		if f.writes() {
			written--
		}
	}
	if written == 0 {
		return nil, nil
	}
	return w.compare(s)
}
