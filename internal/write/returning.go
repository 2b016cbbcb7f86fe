package write

import (
	"context"
	"fmt"
	"reflect"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/statement"
	"github.com/goupsert/upsert/internal/stmtcache"
	"github.com/goupsert/upsert/internal/txn"
)

// PutReturning is Put, and fills the row with the stored row. If there is an error, the row stays as it is.
func (t *Table) PutReturning(ctx context.Context, h dbconn.Handle, row reflect.Value) (Outcome, error) {
	return t.putBy(ctx, h, row, (*Table).putReturning)
}

func (t *Table) putReturning(ctx context.Context, h dbconn.Handle, row reflect.Value) (Outcome, error) {
	if err := checkOneTx(h); err != nil {
		return Unknown, err
	}
	op, err := t.newRowOp(ctx, h, row)
	if err == nil {
		op.readInto(t.rows.blanks(1).Index(0))
		err = t.retryDeleted(func() error { return txn.Transaction(ctx, t.txn, h, op, (*rowOp).putAndFind) })
	}
	if err != nil {
		return Unknown, op.sent.otherKey(ctx, h, 0, err)
	}
	t.Fill(row, op.row)
	return op.done(), nil
}

// PutReturning is Table.PutReturning with prepared statements.
func (p *Prepared) PutReturning(ctx context.Context, row reflect.Value) (Outcome, error) {
	return p.putBy(ctx, row, (*Table).putReturning)
}

// Fill copies what is stored to the caller's row. Fields that are no columns stay as they are.
func (t *Table) Fill(row, stored reflect.Value) {
	for _, c := range t.rows.columns() {
		c.Copy(row, stored)
	}
}

// blanks returns a slice of n empty rows.
func (r *rowType) blanks(n int) reflect.Value {
	rows := reflect.MakeSlice(reflect.SliceOf(r.mapping.Type), n, n)
	if r.mapping.IsMap() {
		for i := range n {
			rows.Index(i).Set(reflect.MakeMap(r.mapping.Type))
		}
	}
	return rows
}

// readInto makes the op read the whole stored row into another row than the sent row. If the conflict target is a partial index,
// the statement itself must return the row, because the row may be outside of the index, and another row of its key inside.
func (s *rowOp) readInto(row reflect.Value) {
	s.row, s.back = row, statement.ReturnNothing
	if s.table.spec.Target.Where != "" {
		s.back = statement.ReturnAll
	}
}

// putAndFind writes the row and reads the stored row. It runs in a transaction. The row is read after the statement, because the
// row that a statement returns lacks the changes of AFTER triggers.
func (s *rowOp) putAndFind(ctx context.Context, db dbconn.Handle) error {
	if err := s.table.reporter.put(ctx, db, s); err != nil || s.back == statement.ReturnAll {
		return err
	}
	r := rowReader{sent: &s.sent, ctx: ctx, db: db, query: s.table.txn.Query}
	missing, err := r.read([]int32{0}, func(int32) []reflect.Value { return []reflect.Value{s.row} })
	if err != nil || missing < 0 {
		return err
	}
	if s.outcome == Inserted || s.outcome == Updated {
		return &hiddenError{}
	}
	return errRowDeleted
}

// readsRowByRow reports whether each row must be sent in a statement of its own, which returns the row.
func (t *Table) readsRowByRow(o *Options) bool { return o.Stored != nil && t.spec.Target.Where != "" }

// sendReturning writes one row and keeps what is stored.
func (w *writer) sendReturning(one batchStatement) error {
	i := one.rows[0]
	op := w.table.emptyRowOp(w.batch.sent.rows.at(int(i)))
	if err := op.sent.checkRow(0); err != nil {
		return err
	}
	if err := op.encode(); err != nil {
		return err
	}
	op.readInto(w.result.stored.Index(int(i)))
	err := w.table.retryDeleted(func() error { return w.table.reporter.put(w.session.ctx, w.session.db, op) })
	switch {
	case err != nil:
		return err
	case !w.options.Outcomes:
		op.outcome = Unknown
	}
	w.record(i, op.outcome)
	return nil
}

// readStored reads what is stored under the keys of the batch, after all rows are written.
func (w *writer) readStored() error {
	if !w.result.stored.IsValid() || w.table.readsRowByRow(w.options) {
		return nil
	}
	if err := w.session.pipe.Wait(); err != nil {
		return err
	}
	keys, twins := w.batch.distinctKeys()
	r := rowReader{sent: &w.batch.sent, ctx: w.session.ctx, db: w.session.db, query: w.session.read}
	missing, err := r.read(keys, func(i int32) []reflect.Value {
		targets := []reflect.Value{w.result.stored.Index(int(i))}
		for _, twin := range twins[i] {
			targets = append(targets, w.result.stored.Index(int(twin)))
		}
		return targets
	})
	if err == nil && missing >= 0 {
		// Rows that the statement neither wrote nor locked can be deleted by others before they are read.
		again := w.table.traits.Typed && !w.table.maySkip() && (w.plan.filter || !w.table.stmts.Assigns())
		err = r.fail(missing, &hiddenError{again: again})
	}
	return err
}

// distinctKeys returns the first row of each key, in key order, and the other rows of such a row's key.
func (b *batch) distinctKeys() (keys []int32, twins map[int32][]int32) {
	passes := b.passes
	if b.inOrder {
		passes = b.sent.keyed.Passes(b.sent.rows.n)
	}
	if len(passes) == 1 {
		return passes[0], nil
	}
	twins = map[int32][]int32{}
	numbers := b.sent.keyed.Numbers(passes, b.sent.rows.n)
	for _, pass := range passes[1:] {
		for _, i := range pass {
			first := passes[0][numbers[i]]
			twins[first] = append(twins[first], i)
		}
	}
	return passes[0], twins
}

// ShareLast gives each row of a slice, which holds stored rows, the state of the last row of its key. The rows were read in several
// parts, so a row has the state after its own part only.
func (t *Table) ShareLast(rows reflect.Value) error {
	if t.spec.Target.Where != "" { // a row outside of the partial index is another row than its key's
		return nil
	}
	b, err := t.batch(RowsOf(rows, 0))
	if err != nil {
		return err
	}
	keys, twins := b.distinctKeys()
	for _, first := range keys {
		same := append([]int32{first}, twins[first]...)
		last := rows.Index(int(same[len(same)-1]))
		for _, i := range same[:len(same)-1] {
			for _, c := range t.rows.columns() {
				c.Clone(rows.Index(int(i)), last)
			}
		}
	}
	return nil
}

// deliver hands on what is stored, row by row. first is the index of the batch's first row.
func (r *batchResult) deliver(first int, o *Options) {
	if !r.stored.IsValid() {
		return
	}
	for i := range r.stored.Len() {
		o.Stored(first+i, r.stored.Index(i))
	}
}

// checkReturning refuses a handle on which rows cannot be read back in the transaction that writes them.
func (t *Table) checkReturning(h dbconn.Handle, o *Options) error {
	if o.Stored == nil {
		return nil
	}
	return checkOneTx(h)
}

// checkOneTx refuses a handle that neither begins a transaction nor looks like one: if the handle is a pool, another transaction
// could write between two of its statements.
func checkOneTx(h dbconn.Handle) error {
	if dbconn.CanBegin(h) || staysOnConn(h) {
		return nil
	}
	return &RowError{Row: -1, Input: true, Err: fmt.Errorf("a %T has no BeginTx, and not both Commit and Rollback, so Returning cannot tell whether the row is read in the transaction that writes it: "+
		"give the call a *sql.DB, *sql.Conn or *sql.Tx, or one of sqlx's, or give the wrapper these methods", stmtcache.Unwrap(h))}
}

// hiddenError says that a row was written, or left as it is, and is not visible under its key afterwards.
type hiddenError struct{ again bool }

func (e *hiddenError) Error() string {
	return "the row cannot be returned, because no row is visible under its key after the write: a trigger changes its key or deletes it, a policy hides it, " +
		"the column stores another value than was sent, or others delete it each time"
}

// Class returns Retryable if another transaction may have deleted the row.
func (e *hiddenError) Class() dialect.Class {
	if e.again {
		return dialect.Retryable
	}
	return dialect.Permanent
}
