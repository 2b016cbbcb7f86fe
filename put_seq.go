package upsert

import (
	"context"
	"errors"
	"iter"
	"reflect"

	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/write"
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
// rows again, and the next call knows the new schema. PutSeq takes the options of PutAll except EachOutcome, Returning and
// RefuseDuplicates, which need all rows. What is stored is told by [EachReturned].
func (t *Table[T]) PutSeq(ctx context.Context, db DB, rows iter.Seq2[T, error], opts ...PutOption) (Result, error) {
	ctx, w := t.table.watch(ctx, "PutSeq")
	r, err := t.putSeq(ctx, db, rows, opts)
	w.end(ctx, r, err)
	return r, err
}

func (t *Table[T]) putSeq(ctx context.Context, db dbconn.Handle, rows iter.Seq2[T, error], opts []PutOption) (Result, error) {
	cfg, err := t.table.putConfig(ctx, db, opts)
	if err == nil {
		err = t.returnStored(cfg, nil)
	}
	switch {
	case err != nil:
		return Result{}, err
	case cfg.each != nil:
		return Result{}, errors.New("upsert: EachOutcome is for PutAll: a sequence's rows are gone when they are committed")
	case cfg.returning:
		return Result{}, errors.New("upsert: Returning is for Put and PutAll: a sequence's rows are gone when they are committed: give the call EachReturned, whose function gets what is stored")
	case cfg.unique:
		return Result{}, errors.New("upsert: RefuseDuplicates is for PutAll: a sequence's keys are not kept")
	}
	if cfg.chunk > 0 {
		return t.seqChunks(ctx, db, rows, cfg)
	}
	c := &collector[T]{n: t.table.write.PartRows(write.Path(cfg.via)), free: make(chan []T, 2)}
	counts, err := t.table.write.PutParts(ctx, db, cfg.writeOptions(0), func(ctx context.Context, put func(write.Rows, func()) error) error {
		return c.collect(ctx, rows, func(part []T, first int) error {
			return put(write.RowsOf(reflect.ValueOf(part), first), func() { c.release(part) })
		})
	})
	return Result(counts), t.table.fail(err)
}

// seqChunks writes and commits each chunk of the sequence in its own transaction.
func (t *Table[T]) seqChunks(ctx context.Context, db dbconn.Handle, rows iter.Seq2[T, error], cfg *putConfig) (Result, error) {
	var total Result
	done := 0
	c := &collector[T]{n: cfg.chunk, free: make(chan []T, 1)}
	err := c.collect(ctx, rows, func(part []T, first int) error {
		r, err := t.table.putBatch(ctx, db, reflect.ValueOf(part), first, cfg)
		if err == nil {
			total.add(r)
			done += len(part)
			c.release(part)
		}
		return err
	})
	if err != nil {
		return total, &PartialError{Rows: int64(done), Result: total, Err: t.table.fail(err)}
	}
	return total, nil
}

// collector gathers the rows of a sequence into parts of n.
type collector[T any] struct {
	n    int
	free chan []T // buffers of parts that are done
}

// release takes back the buffer of a part that is done.
func (c *collector[T]) release(part []T) {
	clear(part)
	select {
	case c.free <- part[:0]:
	default:
	}
}

func (c *collector[T]) buffer() []T {
	select {
	case part := <-c.free:
		return part
	default:
		return nil
	}
}

// collect hands each part to put, with the index of the part's first row. The part belongs to put until it is released.
func (c *collector[T]) collect(ctx context.Context, rows iter.Seq2[T, error], put func(part []T, first int) error) error {
	part, first := c.buffer(), 0
	for row, err := range rows {
		if err != nil {
			return &write.RowError{Row: first + len(part), Err: err, Input: true}
		}
		if err := ctx.Err(); err != nil {
			return &write.RowError{Row: first + len(part), Err: err}
		}
		if part = append(part, row); len(part) == c.n {
			if err := put(part, first); err != nil {
				return err
			}
			first += len(part)
			part = c.buffer()
		}
	}
	if err := ctx.Err(); err != nil || len(part) == 0 {
		return err
	}
	return put(part, first)
}
