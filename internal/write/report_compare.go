package write

import (
	"context"
	"database/sql"
	"sync/atomic"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/statement"
	"github.com/goupsert/upsert/internal/txn"
)

// compareReporter is for a database whose statement tells nothing, as SQLite's. A comparison before the statement predicts what
// the statement will do, and the write lock keeps the prediction true.
type compareReporter struct {
	table *Table
	last  atomic.Int32 // the Outcome of the last row that put wrote
}

// put tries an insert, a change and a comparison, until one of them applies: the comparison finds that there is nothing
// to do. If none applies, another connection has changed or deleted the row between two of them, or a trigger keeps the row out.
//
// The insert comes first, whatever the last outcome. An upsert is an insert, which meets NOT NULL, CHECK, triggers, other unique
// keys and the predicate of a partial index before the conflict. If the change came first, the change would meet none of these
// (hazard S20). The insert also takes the write lock in the caller's transaction. If a read came first there, the later write
// could fail (hazard S11).
func (r *compareReporter) put(ctx context.Context, h dbconn.Handle, op *rowOp) (gone error) {
	tries := [...]txn.Op[*rowOp]{(*rowOp).insert, (*rowOp).change, (*rowOp).compareNothing}
	if last := Outcome(r.last.Load()); last == Unchanged || last == Stale { // neighbouring calls tend to have the same outcome
		tries[1], tries[2] = tries[2], tries[1]
	}
	for _, try := range tries {
		op.outcome = Unknown
		err := txn.Statement(ctx, r.table.txn, h, op, try)
		switch {
		case isRowDeleted(err):
			gone = err
		case err != nil || op.outcome != Unknown:
			r.remember(op.outcome, err)
			return err
		}
	}
	return gone
}

// remember keeps a row's outcome, from which the next call chooses its order of tries.
func (r *compareReporter) remember(o Outcome, err error) {
	if now := int32(o); err == nil && r.last.Load() != now {
		r.last.Store(now)
	}
}

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
