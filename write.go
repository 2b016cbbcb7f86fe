package upsert

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/statement"
)

// writer sends a batch's statements on one handle.
type writer struct {
	batch  *batch
	runner *runner
	cfg    *putConfig
	route  route
	each   []Outcome // the outcome of each row, for EachOutcome; otherwise nil
	flag   bool      // a statement can return a flag that marks an inserted row
	// rechecks means that if a statement has not written a row, the statement's result alone does not tell the row's outcome.
	rechecks bool
}

// write sends the batch. The outcomes in each are known when the runner has finished.
func (b *batch) write(r *runner, rt route, cfg *putConfig) (each []Outcome, err error) {
	w := &writer{batch: b, runner: r, cfg: cfg}
	if cfg.each != nil {
		w.each = make([]Outcome, b.rows.n)
	}
	if err := b.table.ready(r.ctx, r.db); err != nil {
		return nil, err
	}
	if err := b.checkZero(r.ctx, r.db, r.pipe.Wait); err != nil {
		return nil, err
	}
	w.rechecks = b.table.looks()
	if cfg.outcomes {
		if w.flag, err = b.table.flags(r.ctx, r.db); err != nil {
			return nil, err
		}
	}
	w.route = rt
	if w.route, err = w.settle(rt); err != nil {
		return nil, err
	}
	for _, pass := range b.passes {
		for left := pass; len(left) > 0; {
			n, err := w.step(left)
			if err != nil {
				return nil, err
			}
			left = left[n:]
		}
	}
	return w.each, nil
}

// step sends the next of the rows that are left, and returns how many rows it sent.
func (w *writer) step(left []int32) (taken int, err error) {
	if w.route.path == Copy {
		return w.stepCopy(left)
	}
	s, taken, err := w.batch.next(w.route, left, w.runner.buffer())
	if err != nil {
		return 0, err
	}
	s.more = taken == w.batch.table.stmts.RowsMax() && len(left) >= 2*taken
	return taken, w.runner.pipe.Submit(func() (int, error) {
		err := w.send(s)
		if err == nil {
			w.runner.recycle(s.args)
		}
		return taken, w.failStatement(s, err)
	})
}

// failStatement wraps the error of a statement. If the statement has one row, the error names the row. If the statement has
// several rows, the error is a *failedStatement, which pinpoint can look into.
func (w *writer) failStatement(s batchStatement, err error) error {
	var lacks *dialect.UnsupportedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &lacks):
		return w.batch.table.fail(err, -1)
	case len(s.rows) == 1:
		return w.batch.table.fail(w.batch.otherKey(w.runner.ctx, w.runner.db, s.rows[0], err), int(s.rows[0])+w.batch.rows.first)
	}
	return &failedStatement{w.batch, s.rows, err}
}

func (w *writer) send(s batchStatement) error {
	switch {
	case !w.cfg.outcomes:
		return w.blind(s)
	case w.batch.table.oneByOne(w.cfg):
		return w.sendOneByOne(s)
	case w.batch.table.traits.Reporting == dialect.ReportBeforehand:
		return w.foretold(s)
	case w.batch.table.traits.Reporting == dialect.ReportCode:
		return w.coded(s)
	case !w.batch.table.traits.Returning:
		return w.blind(s)
	case w.counts(s):
		return w.counted(s)
	}
	return w.flagged(s)
}

// blind sends a statement without asking for outcomes.
func (w *writer) blind(s batchStatement) error {
	query, err := w.batch.table.stmts.Upsert(s.variant, w.batch.table.catalog.Kept())
	if err != nil {
		return err
	}
	if err := w.runner.run(s, query); err != nil {
		return err
	}
	w.runner.result.count(Unknown, len(s.rows))
	return nil
}

// happened records the outcome of a row.
func (w *writer) happened(i int32, o Outcome) {
	w.runner.result.count(o, 1)
	if w.each != nil {
		w.each[i] = o
	}
}

// sendOneByOne sends each row of a statement in a statement of its own.
func (w *writer) sendOneByOne(s batchStatement) error {
	send := w.sendLastID
	if w.batch.table.traits.Reporting == dialect.ReportBeforehand {
		send = w.createFirst
	}
	params := len(s.args) / len(s.rows)
	for at := range s.rows {
		one := batchStatement{variant: s.variant, args: s.args[at*params : (at+1)*params], rows: s.rows[at : at+1]}
		one.variant.Rows = 1
		if err := send(one); err != nil {
			return w.failStatement(one, err)
		}
	}
	return nil
}

// createFirst inserts a row if the row conflicts with no stored row. If the row conflicts, createFirst asks what the statement
// will do and sends the statement, as foretold does. It runs in a write transaction.
func (w *writer) createFirst(one batchStatement) error {
	create := one
	create.variant.Mode, create.variant.Return = dialect.Create, statement.ReturnKeys
	query, err := w.batch.table.stmts.Upsert(create.variant, w.batch.table.catalog.Kept())
	if err != nil {
		return err
	}
	created := false
	err = w.runner.query(create, query, func(*sql.Rows) error { created = true; return nil })
	switch {
	case err != nil:
		return err
	case created:
		w.happened(one.rows[0], Inserted)
		return nil
	}
	return w.foretold(one)
}

// foretold asks what the statement will do to each row, and then sends the statement. It runs in a write transaction.
func (w *writer) foretold(s batchStatement) error {
	fates, err := w.compare(s)
	if err != nil {
		return err
	}
	query, err := w.batch.table.stmts.Upsert(s.variant, w.batch.table.catalog.Kept())
	if err != nil {
		return err
	}
	if err := w.runner.run(s, query); err != nil {
		return err
	}
	kept, err := w.keptOut(s, fates)
	if err != nil {
		return err
	}
	for at, i := range s.rows {
		o, err := fates[at].outcome(Inserted)
		if err != nil {
			return w.batch.fail(int(i), w.batch.table.spec.Target.Columns[0], w.batch.otherKey(w.runner.ctx, w.runner.db, i, err))
		}
		if kept != nil && fates[at].writes() && kept[at].writes() {
			o = Unknown
		}
		w.happened(i, o)
	}
	return nil
}

// keptOut compares the rows again if the statement has written fewer rows than the comparison before it predicted, because a
// trigger can keep the statement from writing a row (hazard S21). Otherwise keptOut returns nil.
func (w *writer) keptOut(s batchStatement, fates []fate) ([]fate, error) {
	written := 0
	if _, err := w.batch.table.txn.QueryRow(w.runner.ctx, w.runner.db, "SELECT changes()", nil, []any{&written}); err != nil {
		return nil, err
	}
	for _, f := range fates {
		if f.writes() {
			written--
		}
	}
	if written == 0 {
		return nil, nil
	}
	return w.compare(s)
}

// coded sends a statement that returns an outcome code for every row.
func (w *writer) coded(s batchStatement) error {
	s.variant.Report = true
	if w.each != nil && len(s.rows) > 1 {
		s.variant.Return = statement.ReturnKeys
	}
	query, err := w.batch.table.stmts.Upsert(s.variant, w.batch.table.catalog.Kept())
	if err != nil {
		return err
	}
	m := w.matcher(s)
	return w.runner.query(s, query, func(rows *sql.Rows) error {
		var code int64
		i, err := m.scan(rows, &code)
		if err != nil {
			return err
		}
		o, err := codeOutcome(code)
		if err == nil {
			w.happened(i, o)
		}
		return err
	})
}

// codeOutcome returns the outcome that a code of the database stands for.
func codeOutcome(code int64) (Outcome, error) {
	switch code {
	case dialect.CodeInserted:
		return Inserted, nil
	case dialect.CodeUpdated:
		return Updated, nil
	case dialect.CodeUnchanged:
		return Unchanged, nil
	case dialect.CodeStale:
		return Stale, nil
	}
	return Unknown, fmt.Errorf("the database reports %d for a row, which is no code of the statement's", code)
}

// flagged sends a statement that returns the rows it wrote, if possible with a flag that marks the inserted rows. A row that the
// statement did not return is unchanged, or may be stale if the table has a version.
func (w *writer) flagged(s batchStatement) error {
	s.variant.Report, s.variant.Return = w.flag, statement.ReturnKeys
	if s.variant.Report && (len(s.rows) == 1 || w.each == nil && !w.rechecks) {
		s.variant.Return = statement.ReturnNothing // the number of rows is enough
	}
	before, err := w.before(s)
	if err != nil {
		return err
	}
	query, err := w.batch.table.stmts.Upsert(s.variant, w.batch.table.catalog.Kept())
	if err != nil {
		return err
	}
	m := w.matcher(s)
	written := 0
	err = w.runner.query(s, query, func(rows *sql.Rows) error {
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
		w.happened(i, o)
		return nil
	})
	if err != nil || written == len(s.rows) {
		return err
	}
	return w.skipped(s, m, written, before)
}

// counts reports whether the call needs only the number of rows that the statement inserted and the number that it updated.
func (w *writer) counts(s batchStatement) bool {
	return w.batch.table.traits.Filter && w.each == nil && !w.rechecks && (len(s.rows) > 1 || s.variant.Split)
}

// counted sends a statement that returns how many rows it wrote and how many of them are new.
func (w *writer) counted(s batchStatement) error {
	s.variant.Report, s.variant.Count = w.flag, true
	query, err := w.batch.table.stmts.Upsert(s.variant, w.batch.table.catalog.Kept())
	if err != nil {
		return err
	}
	written, fresh := 0, 0
	err = w.runner.query(s, query, func(rows *sql.Rows) error { return rows.Scan(&written, &fresh) })
	if err != nil {
		return err
	}
	w.runner.result.count(Unchanged, len(s.rows)-written)
	if !w.flag {
		w.runner.result.count(Unknown, written)
		return nil
	}
	w.runner.result.count(Inserted, fresh)
	w.runner.result.count(Updated, written-fresh)
	return nil
}

// before compares the rows with the stored rows before the statement, if the statement has a filter and its result alone does not
// tell every outcome. The filter does not lock the rows that it leaves out, so a comparison after the statement could see another
// transaction's changes.
func (w *writer) before(s batchStatement) ([]fate, error) {
	if !w.rechecks || !s.variant.Filter {
		return nil, nil
	}
	return w.compare(s)
}

// skipped finds the outcomes of the rows that a statement did not return.
func (w *writer) skipped(s batchStatement, m *matcher, written int, before []fate) error {
	if !w.rechecks && (m.seen == nil || w.each == nil) {
		w.runner.result.count(Unchanged, len(s.rows)-written)
		if w.each != nil { // then the statement has one row only
			w.each[s.rows[0]] = Unchanged
		}
		return nil
	}
	if !w.rechecks {
		for at, i := range s.rows {
			if !m.seen[at] {
				w.happened(i, Unchanged)
			}
		}
		return nil
	}
	fates, err := w.after(s, m, before)
	if err != nil {
		return err
	}
	for at, i := range s.rows {
		if m.seen == nil || !m.seen[at] {
			o, err := fates[at].skipped(w.batch.table.versioned)
			if err != nil {
				return w.batch.fail(int(i), w.batch.table.spec.Target.Columns[0], w.batch.otherKey(w.runner.ctx, w.runner.db, i, err))
			}
			w.happened(i, o)
		}
	}
	return nil
}

// after classifies the rows that the statement did not write. It uses the comparison made before the statement, unless the
// comparison predicted a write for such a row: then another transaction changed the row in between, and after compares the row
// again.
func (w *writer) after(s batchStatement, m *matcher, before []fate) ([]fate, error) {
	told := before != nil
	for at := range before {
		if skipped := m.seen == nil || !m.seen[at]; skipped && before[at].writes() {
			told = false
		}
	}
	if told {
		return before, nil
	}
	now, err := w.compare(s)
	for at := range before {
		switch {
		case !before[at].writes():
			now[at] = before[at]
		case now[at].writes() && !w.batch.table.skips(): // the sent row was not newer when the statement met the stored row, and is newer again now
			now[at] = fate(dialect.CompareStale + 1)
		}
	}
	return now, err
}
