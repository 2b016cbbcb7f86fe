package upsert

import (
	"cmp"
	"context"
	"errors"
	"iter"

	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/txn"
)

// PutSeq writes the rows of a sequence as [Table.PutAll] writes the rows of a slice. PutSeq holds at most three parts of the
// sequence in memory, of at most 10,000 rows each, or one part of n rows with ChunkTx(n). On a *sql.DB, PutSeq reads the next
// part while the server works on the last part. In the caller's transaction and on a *sql.Conn, PutSeq sends nothing between two
// rows, so the sequence may use the transaction too. If the sequence yields a map, the sequence must not use this map again for
// another row.
//
// PutSeq stops if the sequence yields an error, which PutSeq returns with the row's index, and if the context ends. Without
// ChunkTx nothing is kept then. A sequence can be read only once. So without ChunkTx, PutSeq returns a deadlock error instead of
// retrying; with ChunkTx, PutSeq retries each chunk. If the schema has changed, PutSeq returns the error and does not send the
// rows again, and the next call knows the new schema. PutSeq takes the options of PutAll except EachOutcome and RefuseDuplicates,
// which need all rows.
func (t *Table[T]) PutSeq(ctx context.Context, db DB, rows iter.Seq2[T, error], opts ...PutOption) (Result, error) {
	ctx, w := t.table.watch(ctx, "PutSeq")
	r, err := t.putSeq(ctx, db, rows, opts)
	w.ended(ctx, r, err)
	return r, err
}

func (t *Table[T]) putSeq(ctx context.Context, db dbconn.Handle, rows iter.Seq2[T, error], opts []PutOption) (Result, error) {
	cfg, err := t.table.putConfig(ctx, db, opts)
	switch {
	case err != nil:
		return Result{}, err
	case cfg.each != nil:
		return Result{}, errors.New("upsert: EachOutcome is for PutAll: a sequence's rows are gone when they are committed")
	case cfg.unique:
		return Result{}, errors.New("upsert: RefuseDuplicates is for PutAll: a sequence's keys are not kept")
	}
	if err := t.table.checks.Check(ctx, db); err != nil {
		return Result{}, t.table.fail(err, -1)
	}
	switch {
	case cfg.chunk > 0:
		return t.seqChunks(ctx, db, rows, cfg)
	case !dbconn.CanBegin(db):
		total, err := t.seqOn(ctx, db, rows, cfg)
		return total, t.table.fail(err, -1)
	}
	q := &sequence[T]{table: t, rows: rows, cfg: cfg}
	for r := t.table.txn.Retry(false); ; {
		err = txn.Once(ctx, t.table.txn, db, q, (*sequence[T]).send)
		if q.started { // a sequence is read only once
			r.Stop()
		}
		var again bool
		if again, err = r.Next(ctx, err); !again {
			break
		}
	}
	if err != nil {
		t.table.catalog.IsOutdated(ctx, db, err) // for the next call: the sequence is read only once
		return Result{}, t.table.fail(t.table.locate(ctx, db, err), -1)
	}
	return q.total, nil
}

// sequence is a sequence whose rows are being sent on one handle.
type sequence[T any] struct {
	table   *Table[T]
	rows    iter.Seq2[T, error]
	cfg     *putConfig
	started bool
	total   Result
}

func (q *sequence[T]) send(ctx context.Context, db dbconn.Handle) (err error) {
	q.started = true
	q.total, err = q.table.seqOn(ctx, db, q.rows, q.cfg)
	return err
}

// seqChunks writes and commits each chunk of the sequence in its own transaction.
func (t *Table[T]) seqChunks(ctx context.Context, db dbconn.Handle, rows iter.Seq2[T, error], cfg *putConfig) (Result, error) {
	var total Result
	done := 0
	c := &collector[T]{table: t.table, n: cfg.chunk, free: make(chan []T, 1)}
	err := c.collect(ctx, rows, func(part []T, first int) error {
		src := source(part)
		src.first = first
		r, err := t.table.putBatch(ctx, db, src, cfg.after(first))
		if err == nil {
			total.add(r)
			done += len(part)
			c.recycle(part)
		}
		return err
	})
	if err != nil {
		return total, &PartialError{Rows: int64(done), Result: total, Err: err}
	}
	return total, nil
}

// seqOn writes the sequence on one handle, in one transaction.
func (t *Table[T]) seqOn(ctx context.Context, db dbconn.Handle, rows iter.Seq2[T, error], cfg *putConfig) (Result, error) {
	if cfg.outcomes && t.table.reporter.needsLock() {
		if _, err := t.table.txn.Exec(ctx, db, t.table.dialect.Lock(t.table.spec.Table), nil); err != nil {
			return Result{}, t.table.fail(err, -1)
		}
	}
	r := t.table.newSession(ctx, db, true, cfg)
	defer r.abort()
	c := &collector[T]{table: t.table, n: t.table.seqRows(cfg), free: make(chan []T, 2)}
	err := c.collect(ctx, rows, func(part []T, first int) error {
		src := source(part)
		src.first = first
		if err := t.table.seqPart(r, src, cfg); err != nil {
			return err
		}
		return r.pipe.Submit(func() (int, error) { c.recycle(part); return 0, nil })
	})
	err = cmp.Or(err, r.finish())
	return r.result, err
}

func (t *table) seqPart(r *session, part rowSource, cfg *putConfig) error {
	b, err := t.batch(part)
	if err != nil {
		return err
	}
	if cfg.inOrder {
		b.keepOrder()
	}
	// A question to the server must not meet a statement of the part before, so wait for that statement.
	if b.known = r.known; cfg.via == Copy && r.stage == nil {
		if err := r.pipe.Wait(); err != nil {
			return err
		}
	}
	rt, err := b.choosePlan(r.ctx, r.db, cfg)
	if err != nil {
		return t.fail(err, -1)
	}
	t.watchOf(r.ctx).goes(rt.path)
	r.known = b.known
	_, err = b.write(r, rt, cfg)
	return err
}

// seqRows returns how many rows of a sequence make a part.
func (t *table) seqRows(cfg *putConfig) int {
	if t.traits.Filter || cfg.via == Copy {
		return seqRows
	}
	return t.stmts.RowsMax()
}
