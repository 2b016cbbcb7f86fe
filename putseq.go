package upsert

import (
	"context"
	"errors"
	"iter"
)

// PutSeq writes the rows of a sequence as [Table.PutAll] writes those of a slice, holding one chunk of them in memory: as
// many as a statement takes, or n with ChunkTx(n). A row that the sequence yields must stay as it is until the next
// chunk: a map must not be used again for the next row.
//
// It stops on the sequence's error, which it returns with the row's index, and when the context ends; without ChunkTx
// nothing stays then. A sequence can be read only once, so without ChunkTx a deadlock is not retried but returned; with
// it each chunk is. It takes the options of PutAll but EachOutcome and RefuseDuplicates, which need all rows.
func (t *Table[T]) PutSeq(ctx context.Context, db DB, rows iter.Seq2[T, error], opts ...PutOption) (Result, error) {
	cfg, err := t.putConfig(db, opts)
	switch {
	case err != nil:
		return Result{}, err
	case cfg.each != nil:
		return Result{}, errors.New("upsert: EachOutcome is for PutAll: a sequence's rows are gone when they are committed")
	case cfg.unique:
		return Result{}, errors.New("upsert: RefuseDuplicates is for PutAll: a sequence's keys are not kept")
	case cfg.chunk > 0:
		return t.seqChunks(ctx, db, rows, cfg)
	case !canBegin(db):
		total, err := t.seqOn(ctx, db, rows, cfg)
		return total, t.fail(err, -1)
	}
	q := &sequence[T]{table: t, rows: rows, cfg: cfg}
	for r := (retry{table: t.table}); ; {
		err = once(ctx, t.table, db, q, (*sequence[T]).send)
		r.caller = q.started // it is read only once
		var again bool
		if again, err = r.again(ctx, err); !again {
			break
		}
	}
	if err != nil {
		return Result{}, t.fail(t.pinpoint(ctx, db, err), -1)
	}
	return q.total, nil
}

// sequence is a sequence on its way to one handle.
type sequence[T any] struct {
	table   *Table[T]
	rows    iter.Seq2[T, error]
	cfg     *putConfig
	started bool
	total   Result
}

func (q *sequence[T]) send(ctx context.Context, db DB) (err error) {
	q.started = true
	q.total, err = q.table.seqOn(ctx, db, q.rows, q.cfg)
	return err
}

// seqChunks commits every chunk.
func (t *Table[T]) seqChunks(ctx context.Context, db DB, rows iter.Seq2[T, error], cfg *putConfig) (Result, error) {
	var total Result
	done := 0
	err := collect(ctx, t.table, rows, cfg.chunk, func(part rowSource) error {
		r, err := t.putBatch(ctx, db, part, cfg.after(part.first))
		if err == nil {
			total.add(r)
			done += part.n
		}
		return err
	})
	if err != nil {
		return total, &PartialError{Rows: int64(done), Result: total, Err: err}
	}
	return total, nil
}

// seqOn writes the sequence on one handle.
func (t *Table[T]) seqOn(ctx context.Context, db DB, rows iter.Seq2[T, error], cfg *putConfig) (total Result, err error) {
	r := t.runner(ctx, db)
	defer r.close()
	if t.locksFirst(cfg) {
		if _, err := db.ExecContext(ctx, t.dialect.Lock(t.ident)); err != nil {
			return total, t.fail(err, -1)
		}
	}
	err = collect(ctx, t.table, rows, t.rowsMax, func(part rowSource) error {
		b, err := t.batch(part)
		if err != nil {
			return err
		}
		w, err := b.write(ctx, r, cfg.after(part.first))
		if err != nil {
			return err
		}
		total.add(w.result)
		return nil
	})
	return total, err
}

// collect gathers the sequence's rows into chunks of n and hands each to put.
func collect[T any](ctx context.Context, t *table, rows iter.Seq2[T, error], n int, put func(rowSource) error) error {
	var chunk []T
	first := 0
	flush := func() error {
		part := source(chunk)
		part.first = first
		first += len(chunk)
		if err := put(part); err != nil {
			return err
		}
		clear(chunk)
		chunk = chunk[:0]
		return nil
	}
	for row, err := range rows {
		if err != nil {
			return &RowError{Table: t.name, Row: first + len(chunk), Err: err, input: true}
		}
		if err := ctx.Err(); err != nil {
			return &RowError{Table: t.name, Row: first + len(chunk), Err: err}
		}
		if chunk = append(chunk, row); len(chunk) == n {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := ctx.Err(); err != nil || len(chunk) == 0 {
		return err
	}
	return flush()
}
