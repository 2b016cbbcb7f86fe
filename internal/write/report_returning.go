package write

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/statement"
	"github.com/goupsert/upsert/internal/stmtcache"
	"github.com/goupsert/upsert/internal/txn"
)

// returningReporter is for a database whose statement returns the rows that it wrote, as PostgreSQL's does.
type returningReporter struct {
	table     *Table
	marks     bool // a statement can return a flag that marks an inserted row
	plainOnly bool // only on a plain table, and not on a partitioned table or a view
}

// put sends a statement that returns the row if the statement wrote the row, with a flag that marks an inserted row.
func (r returningReporter) put(ctx context.Context, h dbconn.Handle, op *rowOp) (err error) {
	if op.marks, err = r.canMarkInserts(ctx, h); err != nil {
		return err
	}
	if op.resultTells, err = r.table.resultTells(ctx, h); err != nil {
		return err
	}
	err = txn.Statement(ctx, r.table.txn, h, op, (*rowOp).writeMarked)
	if err != nil || op.outcome != Unchanged || !r.table.mustRecheck() && op.back == statement.ReturnNothing {
		return err
	}
	if r.table.maySkip() { // do not send the statement again, because a trigger may have had an effect of its own
		return txn.Statement(ctx, r.table.txn, h, op, (*rowOp).resolveSkipped)
	}
	// The statement did not write the row, and its result alone does not tell why. The statement is safe to repeat, so it is sent
	// again in a transaction, in which the statement keeps the row locked for the reads that follow.
	if !dbconn.CanBegin(h) {
		return op.resolveSkipped(ctx, h)
	}
	return txn.Transaction(ctx, r.table.txn, h, op, (*rowOp).writeAndLook)
}

func (r returningReporter) create(ctx context.Context, h dbconn.Handle, op *rowOp) error {
	return txn.Statement(ctx, r.table.txn, h, op, (*rowOp).createReturning)
}

func (returningReporter) send(w *writer, s batchStatement) error {
	if w.isCounted(s) {
		return w.sendCounted(s)
	}
	return w.sendMarked(s)
}

func (r returningReporter) first(ctx context.Context, h dbconn.Handle) (statement.Variant, error) {
	marks, err := r.canMarkInserts(ctx, h)
	if err != nil {
		return statement.Variant{}, err
	}
	tells, err := r.table.resultTells(ctx, h)
	v := r.table.oneRow(dialect.Write, marks)
	v.Result = marks && tells
	return v, err
}

func (r returningReporter) canMarkInserts(ctx context.Context, h dbconn.Handle) (bool, error) {
	if !r.plainOnly {
		return r.marks, nil
	}
	known, err := r.table.catalog.Look(ctx, h)
	if err != nil {
		return false, err
	}
	return known.IsPlain, nil
}

func (returningReporter) needsLock() bool    { return false }
func (returningReporter) isRowAtATime() bool { return false }

func (s *rowOp) writeAndLook(ctx context.Context, db dbconn.Handle) error {
	if err := s.writeMarked(ctx, db); err != nil || s.outcome != Unchanged {
		return err
	}
	return s.resolveSkipped(ctx, db)
}

func (s *rowOp) writeMarked(ctx context.Context, db dbconn.Handle) error {
	if s.marks && s.resultTells {
		return s.writeByResult(ctx, db)
	}
	inserted := false
	var dest []any
	if s.marks {
		dest = append(dest, &inserted)
	}
	written, err := s.send(ctx, db, dialect.Write, s.marks, dest...)
	switch {
	case !written:
		s.outcome = Unchanged
	case !s.marks:
		s.outcome = Unknown
	case inserted:
		s.outcome = Inserted
	default:
		s.outcome = Updated
	}
	return err
}

// writeByResult sends a statement whose Result tells the outcome by the number of rows that the statement selected.
func (s *rowOp) writeByResult(ctx context.Context, db dbconn.Handle) error {
	res, err := s.sendForResult(ctx, db)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil {
		s.outcome, err = selectedOutcome(n)
	}
	return err
}

// selectedOutcome returns the outcome that a RowsAffected of writeByResult stands for.
func selectedOutcome(n int64) (Outcome, error) {
	switch n {
	case 0:
		return Unchanged, nil
	case 1:
		return Updated, nil
	case 2:
		return Inserted, nil
	}
	return Unknown, fmt.Errorf("the driver says that %d rows were selected, and the statement selects two at most", n)
}

func (s *rowOp) createReturning(ctx context.Context, db dbconn.Handle) error {
	s.outcome = Unknown
	created, err := s.create(ctx, db, false)
	if err != nil {
		return err
	}
	if created {
		s.outcome = Inserted
		return nil
	}
	// A second statement is needed, because the first statement's snapshot may be older than the row (hazard P4).
	if err := s.checkFound(s.find(ctx, db, s.table.rows.columns())); err != nil {
		return err
	}
	return s.checkFolded(ctx, db)
}

// checkFolded refuses a stored row whose key equals the sent key only under the collation. The database may store a key in a form
// of its own, for example a uuid, and such a key is not refused. The catalog tells by the column's type which keys have a
// collation. Without a catalog, keys that differ only in letter case are refused.
func (s *rowOp) checkFolded(ctx context.Context, db dbconn.Handle) error {
	for place, c := range s.table.rows.keys {
		sent, ok := textOf(s.sent.keyed[place].Value(0))
		if !ok {
			continue
		}
		v, err := s.table.rows.cols[c].Value(s.row)
		if err != nil {
			return err
		}
		stored, ok := textOf(v)
		if !ok || strings.TrimRight(stored, " ") == sent {
			continue
		}
		folded := strings.EqualFold(strings.TrimRight(stored, " "), strings.TrimRight(sent, " "))
		if s.table.traits.Typed {
			known, err := s.table.catalog.Look(ctx, db)
			if err != nil {
				return err
			}
			folded = known.Columns[s.table.spec.Writes[c].Name].Folds
		}
		if folded && stored != sent {
			return errFolded
		}
	}
	return nil
}

// textOf returns the text of a string or a []byte; ok is false for any other value.
func textOf(v any) (text string, ok bool) {
	if bytes, ok := v.([]byte); ok {
		return string(bytes), true
	}
	text, ok = v.(string)
	return text, ok
}

// resultTells reports whether a row's outcome may come in a statement's Result instead of a row. To read a row, database/sql
// starts a goroutine that watches the query's rows, which costs as much as a fifth of a round trip. Only known drivers are relied
// upon to count the rows of a SELECT. The server takes longer to plan a statement that tells the outcome so, so the driver must
// keep the statement.
func (t *Table) resultTells(ctx context.Context, db dbconn.Handle) (bool, error) {
	if len(t.rows.generated) > 0 || !t.traits.Typed || !dbconn.CanBegin(db) {
		return false, nil
	}
	if _, checked := db.(*stmtcache.Pool); checked {
		return true, nil
	}
	p, err := t.peers.Of(ctx, db)
	return p.KeepsTexts(), err
}

// sendMarked sends a statement that returns the rows it wrote, if possible with a flag that marks the inserted rows. A row that the
// statement did not return is unchanged, or may be stale if the table has a version.
func (w *writer) sendMarked(s batchStatement) error {
	s.variant.Report, s.variant.Return = w.marks, statement.ReturnKeys
	if s.variant.Report && (len(s.rows) == 1 || w.result.each == nil && !w.rechecks) {
		s.variant.Return = statement.ReturnNothing // the number of rows is enough
	}
	before, err := w.compareBefore(s)
	if err != nil {
		return err
	}
	query, err := w.table.text(s.variant)
	if err != nil {
		return err
	}
	m := w.matcher(s)
	written := 0
	err = w.session.query(s, query, func(rows *sql.Rows) error {
		var dest []any
		inserted, o := false, Unknown
		if s.variant.Report {
			dest = append(dest, &inserted)
		}
		i, err := m.scan(rows, dest...)
		if err != nil {
			return err
		}
		if s.variant.Report {
			o = Updated
			if inserted {
				o = Inserted
			}
		}
		written++
		w.record(i, o)
		return nil
	})
	if err != nil || written == len(s.rows) {
		return err
	}
	return w.recordSkipped(s, m, written, before)
}

// isCounted reports whether the call needs only the number of rows that the statement inserted and the number that it updated.
func (w *writer) isCounted(s batchStatement) bool {
	return w.table.traits.Batches.Filter && w.result.each == nil && !w.rechecks && (len(s.rows) > 1 || s.variant.Split)
}

// sendCounted sends a statement that returns how many rows it wrote and how many of them are new.
func (w *writer) sendCounted(s batchStatement) error {
	s.variant.Report, s.variant.Count = w.marks, true
	query, err := w.table.text(s.variant)
	if err != nil {
		return err
	}
	written, fresh := 0, 0
	err = w.session.query(s, query, func(rows *sql.Rows) error { return rows.Scan(&written, &fresh) })
	if err != nil {
		return err
	}
	w.session.counts.Add(Unchanged, len(s.rows)-written)
	if !w.marks {
		w.session.counts.Add(Unknown, written)
		return nil
	}
	w.session.counts.Add(Inserted, fresh)
	w.session.counts.Add(Updated, written-fresh)
	return nil
}

// compareBefore compares the rows with the stored rows before the statement, if the statement has a filter and its result alone does not
// tell every outcome. The filter does not lock the rows that it leaves out, so a comparison after the statement could see another
// transaction's changes.
func (w *writer) compareBefore(s batchStatement) ([]comparison, error) {
	if !w.rechecks || !s.variant.Filter {
		return nil, nil
	}
	return w.compare(s)
}

// recordSkipped finds the outcomes of the rows that a statement did not return.
func (w *writer) recordSkipped(s batchStatement, m *matcher, written int, before []comparison) error {
	if !w.rechecks && (m.seen == nil || w.result.each == nil) {
		w.session.counts.Add(Unchanged, len(s.rows)-written)
		if w.result.each != nil { // then the statement has one row only
			w.result.each[s.rows[0]] = Unchanged
		}
		return nil
	}
	if !w.rechecks {
		for at, i := range s.rows {
			if !m.seen[at] {
				w.record(i, Unchanged)
			}
		}
		return nil
	}
	compared, err := w.compareSkipped(s, m, before)
	if err != nil {
		return err
	}
	for at, i := range s.rows {
		if m.seen == nil || !m.seen[at] {
			o, err := compared[at].outcomeIfSkipped(w.table.rows.versioned)
			if err != nil {
				return w.batch.sent.fail(int(i), w.table.spec.Target.Columns[0], w.batch.sent.otherKey(w.session.ctx, w.session.db, i, err))
			}
			w.record(i, o)
		}
	}
	return nil
}

// compareSkipped classifies the rows that the statement did not write. It uses the comparison made before the statement, unless the
// comparison predicted a write for such a row: then another transaction changed the row in between, and compareSkipped compares the row
// again.
func (w *writer) compareSkipped(s batchStatement, m *matcher, before []comparison) ([]comparison, error) {
	holds := before != nil
	for at := range before {
		if skipped := m.seen == nil || !m.seen[at]; skipped && before[at].writes() {
			holds = false
		}
	}
	if holds {
		return before, nil
	}
	now, err := w.compare(s)
	for at := range before {
		switch {
		case !before[at].writes():
			now[at] = before[at]
		case now[at].writes() && !w.table.maySkip(): // the sent row was not newer when the statement met the stored row, and is newer again now
			now[at] = comparison(dialect.CompareStale + 1)
		}
	}
	return now, err
}

// resolveSkipped finds the outcome of a row that the statement did not write, and reads columns of the stored row back.
func (s *rowOp) resolveSkipped(ctx context.Context, db dbconn.Handle) error {
	if s.table.mustRecheck() {
		f, err := s.compareOne(ctx, db)
		if err != nil {
			return err
		}
		if s.outcome, err = f.outcomeIfSkipped(s.table.rows.versioned); err != nil {
			return err
		}
	}
	return s.readBack(ctx, db)
}
