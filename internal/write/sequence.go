package write

import (
	"cmp"
	"context"
	"reflect"

	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/txn"
)

// Feed hands the parts of a sequence to put, one after the other. put calls done when the part's rows are no longer needed.
type Feed func(ctx context.Context, put func(part Rows, done func()) error) error

// PutParts writes the parts of a sequence in one transaction. feed is called once at most, because a sequence can be read only
// once.
func (t *Table) PutParts(ctx context.Context, h dbconn.Handle, o Options, feed Feed) (Counts, error) {
	if err := t.checkReturning(h, &o); err != nil {
		return Counts{}, err
	}
	if err := t.checks.Check(ctx, h); err != nil {
		return Counts{}, err
	}
	op := &sequenceOp{table: t, options: &o, feed: feed}
	if !dbconn.CanBegin(h) {
		err := op.send(ctx, h)
		if err == nil {
			op.deliver()
		}
		return op.counts, err
	}
	var err error
	for retry := t.txn.Retry(false); ; {
		err = txn.Once(ctx, t.txn, h, op, (*sequenceOp).send)
		if op.started {
			retry.Stop()
		}
		var again bool
		if again, err = retry.Next(ctx, err); !again {
			break
		}
	}
	if err != nil {
		t.catalog.IsOutdated(ctx, h, err) // for the next call
		return Counts{}, t.locate(ctx, h, err)
	}
	op.deliver()
	return op.counts, nil
}

// sequenceOp is a sequence whose rows are being sent on one handle.
type sequenceOp struct {
	table   *Table
	options *Options
	feed    Feed
	started bool
	counts  Counts
	parts   []sequencePart // what is stored, until the rows are committed
}

// sequencePart is what is stored under the keys of a part of a sequence.
type sequencePart struct {
	first  int // the index of the part's first row
	result batchResult
}

// deliver hands on what is stored.
func (op *sequenceOp) deliver() {
	for _, part := range op.parts {
		part.result.deliver(part.first, op.options)
	}
}

func (op *sequenceOp) send(ctx context.Context, h dbconn.Handle) error {
	op.started = true
	if err := op.table.lock(ctx, h, op.options); err != nil {
		return err
	}
	s := op.table.newSession(ctx, h, true, op.options)
	defer s.abort()
	err := op.feed(ctx, func(part Rows, done func()) error {
		if err := op.sendPart(s, part); err != nil {
			return err
		}
		return s.pipe.Submit(func() (int, error) { done(); return 0, nil })
	})
	err = cmp.Or(err, s.finish())
	op.counts = s.counts
	if err == nil && len(op.parts) > 1 {
		err = op.shareLast()
	}
	return err
}

// shareLast gives the rows of one key in different parts the last state.
func (op *sequenceOp) shareLast() error {
	all := op.table.rows.blanks(0)
	for _, part := range op.parts {
		all = reflect.AppendSlice(all, part.result.stored)
	}
	if err := op.table.ShareLast(all); err != nil {
		return err
	}
	for i := range op.parts {
		stored := &op.parts[i].result.stored
		n := stored.Len()
		*stored, all = all.Slice(0, n), all.Slice(n, all.Len())
	}
	return nil
}

func (op *sequenceOp) sendPart(s *session, part Rows) error {
	b, err := op.table.batch(part)
	if err != nil {
		return err
	}
	if op.options.InOrder {
		b.keepOrder()
	}
	// A question to the server must not meet a statement of the part before, so wait for that statement.
	if b.known = s.known; op.options.Via == Copy && s.stage == nil {
		if err := s.pipe.Wait(); err != nil {
			return err
		}
	}
	p, err := b.choosePlan(s.ctx, s.db, op.options)
	if err != nil {
		return op.table.Explain(err, -1)
	}
	op.table.reportPath(s.ctx, p.path)
	s.known = b.known
	result, err := b.write(s, p, op.options)
	if op.options.Stored != nil {
		op.parts = append(op.parts, sequencePart{part.first, result})
	}
	return err
}

// PartRows returns how many rows of a sequence make a part.
func (t *Table) PartRows(via Path) int {
	if t.traits.Filter || via == Copy {
		return seqRows
	}
	return t.stmts.RowsMax()
}
