package write

import (
	"cmp"
	"context"

	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/txn"
)

// PutBatch writes rows in one transaction, and returns their outcomes. The Counts are zero if nothing was written.
func (t *Table) PutBatch(ctx context.Context, h dbconn.Handle, rows Rows, o Options) (Counts, error) {
	op := &batchOp{options: &o}
	err := t.tryBatch(ctx, h, rows, op)
	if err != nil && op.isSent && t.catalog.IsOutdated(ctx, h, err) {
		*op = batchOp{options: &o}
		err = t.tryBatch(ctx, h, rows, op)
	}
	if err != nil {
		return Counts{}, t.locate(ctx, h, err)
	}
	for i, now := range op.result.each {
		o.Each(i, now)
	}
	op.result.deliver(0, &o)
	return op.counts, nil
}

// batchOp is a batch that is being sent on one handle.
type batchOp struct {
	batch   *batch
	options *Options
	plan    plan
	isSent  bool // the server may have met the rows
	counts  Counts
	result  batchResult
}

// tryBatch checks and sends rows.
func (t *Table) tryBatch(ctx context.Context, h dbconn.Handle, rows Rows, op *batchOp) (err error) {
	if op.batch, err = t.batch(rows); err != nil {
		return err
	}
	if op.options.Unique {
		if i, ok := op.batch.findDuplicate(); ok {
			return op.batch.sent.fail(i, t.spec.Target.Columns[0], ErrDuplicateKey)
		}
	}
	if op.options.InOrder {
		op.batch.keepOrder()
	}
	if err := t.checkReturning(h, op.options); err != nil {
		return err
	}
	if err := t.checks.Check(ctx, h); err != nil {
		return err
	}
	if op.plan, err = op.batch.choosePlan(ctx, h, op.options); err != nil {
		return err
	}
	t.reportPath(ctx, op.plan.path)
	only, err := op.batch.bindOnly(op.plan, op.options)
	if err != nil {
		return err
	}
	op.isSent = true
	if only {
		return txn.Statement(ctx, t.txn, h, op, (*batchOp).send)
	}
	return txn.Transaction(ctx, t.txn, h, op, (*batchOp).send)
}

func (op *batchOp) send(ctx context.Context, h dbconn.Handle) error {
	t := op.batch.table
	if err := t.lock(ctx, h, op.options); err != nil {
		return err
	}
	s := t.newSession(ctx, h, op.batch.sent.rows.n > t.stmts.RowsMax(), op.options)
	defer s.abort()
	result, err := op.batch.write(s, op.plan, op.options)
	err = cmp.Or(err, s.finish())
	op.result, op.counts = result, s.counts
	return err
}

// lock takes the write lock if the outcomes of a batch need the lock.
func (t *Table) lock(ctx context.Context, h dbconn.Handle, o *Options) error {
	if !o.Outcomes || !t.reporter.needsLock() {
		return nil
	}
	_, err := t.txn.Exec(ctx, h, t.spec.Dialect.Lock(t.spec.Table), nil)
	return err
}
