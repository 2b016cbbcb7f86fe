package write

import (
	"errors"
	"reflect"

	"github.com/goupsert/upsert/dialect"
)

// writer sends a batch's statements on one handle.
type writer struct {
	table     *Table
	batch     *batch
	session   *session
	options   *Options
	plan      plan
	transport transport
	result    batchResult
	marks     bool // a statement can return a flag that marks an inserted row
	// rechecks means that if a statement has not written a row, the statement's result alone does not tell the row's outcome.
	rechecks bool
}

// batchResult is what a call learns of the rows of a batch.
type batchResult struct {
	each   []Outcome     // the outcome of each row, for EachOutcome; otherwise nil
	stored reflect.Value // a slice of what is stored under the key of each row, for Returning; otherwise the zero Value
}

// write sends the batch. The outcomes in the result are known when the session has finished.
func (b *batch) write(r *session, rt plan, o *Options) (batchResult, error) {
	w := &writer{table: b.table, batch: b, session: r, options: o}
	if o.Each != nil {
		w.result.each = make([]Outcome, b.sent.rows.n)
	}
	if o.Stored != nil {
		w.result.stored = b.table.rows.blanks(b.sent.rows.n)
	}
	if err := w.prepare(rt); err != nil {
		return batchResult{}, err
	}
	for _, pass := range b.passes {
		for left := pass; len(left) > 0; {
			n, err := w.transport.send(w, left)
			if err != nil {
				return batchResult{}, err
			}
			left = left[n:]
		}
	}
	return w.result, w.readStored()
}

// prepare finds out what the statements of the batch depend on.
func (w *writer) prepare(rt plan) (err error) {
	r := w.session
	if err := w.table.loadFacts(r.ctx, r.db); err != nil {
		return err
	}
	if err := w.batch.sent.checkZero(r.ctx, r.db, r.pipe.Wait); err != nil {
		return err
	}
	w.rechecks = w.table.mustRecheck()
	if w.options.Outcomes {
		if w.marks, err = w.table.reporter.canMarkInserts(r.ctx, r.db); err != nil {
			return err
		}
	}
	if w.plan, err = w.fallBack(rt); err != nil {
		return err
	}
	w.transport = transportOf(w.plan.path)
	return nil
}

// failStatement wraps the error of a statement. If the statement has one row, the error names the row. If the statement has
// several rows, the error is a *failedStatement, which locate can look into.
func (w *writer) failStatement(s batchStatement, err error) error {
	var lacks *dialect.UnsupportedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &lacks):
		return w.table.Explain(err, -1)
	case len(s.rows) == 1:
		return w.table.Explain(w.batch.sent.otherKey(w.session.ctx, w.session.db, s.rows[0], err), int(s.rows[0])+w.batch.sent.rows.first)
	}
	return &failedStatement{w.batch, s.rows, err}
}

// send sends a statement and records the rows' outcomes.
func (w *writer) send(s batchStatement) error {
	if w.table.readsRowByRow(w.options) {
		return w.sendEach(s, w.sendReturning)
	}
	if !w.options.Outcomes {
		return w.sendPlain(s)
	}
	return w.table.reporter.send(w, s)
}

// record records the outcome of a row.
func (w *writer) record(i int32, o Outcome) {
	w.session.counts.Add(o, 1)
	if w.result.each != nil {
		w.result.each[i] = o
	}
}

// sendEach sends each row of a statement in a statement of its own, with send.
func (w *writer) sendEach(s batchStatement, send func(batchStatement) error) error {
	params := len(s.args) / len(s.rows)
	for at := range s.rows {
		one := batchStatement{variant: s.variant, args: s.args[at*params : (at+1)*params], rows: s.rows[at : at+1]}
		one.variant.Rows.N = 1
		if err := send(one); err != nil {
			return w.failStatement(one, err)
		}
	}
	return nil
}
