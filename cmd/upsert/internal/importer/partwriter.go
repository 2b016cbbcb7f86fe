package importer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"

	"github.com/goupsert/upsert"
)

// partRows is how many rows are written under one savepoint. If one of them is refused, those beside it are sent again.
const partRows = 1000

// partWriter writes the rows that can be written. A row which the database refuses takes no other with it, because each part of
// the rows is written under a savepoint, and once more by halves until the row is alone.
type partWriter struct {
	table   *upsert.Table[map[string]any]
	opts    []upsert.PutOption
	src     *source
	rejects *rejects
	chunk   int
	inOrder bool
	seen    func(int64)

	result upsert.Result
	// refused are the rows of the current part that are not written yet, with the reasons.
	refused []refusal
	read    int64
}

// sentRow is a row on its way, with what a reject needs.
type sentRow struct {
	values map[string]any
	line   int
	record string
}

type refusal struct {
	row sentRow
	err error
}

// write commits all rows at once, or each chunk.
func (w *partWriter) write(ctx context.Context, db *sql.DB) (upsert.Result, error) {
	var done upsert.Result
	for more := true; more; {
		var err error
		if more, err = w.transaction(ctx, db); err != nil {
			if rows := done.Rows(); rows > 0 {
				err = &upsert.PartialError{Rows: rows, Result: done, Err: err}
			}
			return done, err
		}
		done = w.result
	}
	return done, nil
}

// transaction writes a chunk, or the whole file, and returns whether there may be more.
func (w *partWriter) transaction(ctx context.Context, db *sql.DB) (more bool, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Rollback() }()
	for left := w.chunk; w.chunk == 0 || left > 0; {
		n := partRows
		if w.chunk > 0 {
			n = min(n, left)
		}
		rows, bad, err := w.nextPart(n)
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		more, left = err == nil, left-n
		if err := w.part(ctx, tx, rows, bad); err != nil {
			return false, err
		}
		if !more {
			break
		}
	}
	if err := w.rejects.sync(); err != nil {
		return false, err
	}
	return more, tx.Commit()
}

// nextPart reads n rows. Those that cannot be sent are among the rejects.
func (w *partWriter) nextPart(n int) (rows []sentRow, bad []reject, err error) {
	for range n {
		values, line, err := w.src.next()
		if fault := rowFault(err); fault != nil {
			bad = append(bad, reject{fault.line, fault.column, fault.msg, w.src.rd.record()})
		} else if err != nil {
			return rows, bad, err
		} else {
			rows = append(rows, sentRow{values, line, w.src.rd.record()})
		}
	}
	return rows, bad, nil
}

// part writes the rows of a part and tells of those that were refused.
func (w *partWriter) part(ctx context.Context, tx *sql.Tx, rows []sentRow, bad []reject) error {
	w.refused = nil
	if err := w.put(ctx, tx, rows); err != nil {
		return err
	}
	if err := w.putAgain(ctx, tx, rows); err != nil {
		return err
	}
	for _, r := range w.refused {
		column, reason := reasonOf(r.err)
		bad = append(bad, reject{r.row.line, column, reason, r.row.record})
	}
	w.rejects.add(bad)
	w.read += int64(len(rows) + len(bad) - len(w.refused))
	w.seen(w.read)
	return ctx.Err()
}

// put writes rows. If a row is refused, put writes the halves of the rows.
func (w *partWriter) put(ctx context.Context, tx *sql.Tx, rows []sentRow) error {
	if len(rows) == 0 {
		return nil
	}
	r, err := w.try(ctx, tx, rows)
	switch {
	case err == nil:
		w.count(r)
		return nil
	case ctx.Err() != nil || !blamesRow(err):
		return w.place(rows, err)
	case len(rows) == 1:
		w.refused = append(w.refused, refusal{rows[0], err})
		return nil
	}
	half := len(rows) / 2
	if err := w.put(ctx, tx, rows[:half]); err != nil {
		return err
	}
	return w.put(ctx, tx, rows[half:])
}

// putAgain writes what was refused only because a row that it needs came later in the part, a parent or one that gives a unique
// value up. A row whose key a later row has stays out: it would undo the later one.
func (w *partWriter) putAgain(ctx context.Context, tx *sql.Tx, rows []sentRow) error {
	if w.inOrder || len(w.refused) == 0 || len(w.refused) == len(rows) {
		return nil
	}
	last := map[uint64]int{}
	for _, r := range rows {
		last[w.src.repeats.hash(w.src.cols, r.values)] = r.line
	}
	for before := -1; before != len(w.refused); {
		before = len(w.refused)
		again := w.refused
		w.refused = nil
		for _, r := range again {
			if last[w.src.repeats.hash(w.src.cols, r.row.values)] != r.row.line {
				w.refused = append(w.refused, r)
			} else if err := w.put(ctx, tx, []sentRow{r.row}); err != nil {
				return err
			}
		}
	}
	return nil
}

const savepoint = "upsert_import"

// try writes all of the rows or none.
func (w *partWriter) try(ctx context.Context, tx *sql.Tx, rows []sentRow) (upsert.Result, error) {
	if _, err := tx.ExecContext(ctx, "SAVEPOINT "+savepoint); err != nil {
		return upsert.Result{}, err
	}
	values := make([]map[string]any, len(rows))
	for i, r := range rows {
		values[i] = r.values
	}
	r, err := w.table.PutAll(ctx, tx, values, w.opts...)
	if err != nil {
		// A transaction that the database has ended has no savepoint. The first error is the one to tell of.
		if _, back := tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT "+savepoint); back != nil {
			return r, fmt.Errorf("%w (and then: %v)", &fatalError{err}, back) //nolint:errorlint // the first is the one to classify
		}
	}
	if _, end := tx.ExecContext(ctx, "RELEASE SAVEPOINT "+savepoint); end != nil {
		return r, end
	}
	return r, err
}

// fatalError is no fault of a row, whatever it wraps: the transaction is lost.
type fatalError struct{ err error }

func (e *fatalError) Error() string { return e.err.Error() }
func (e *fatalError) Unwrap() error { return e.err }

// count adds the outcomes of rows that are written.
func (w *partWriter) count(r upsert.Result) {
	w.result.Inserted += r.Inserted
	w.result.Updated += r.Updated
	w.result.Unchanged += r.Unchanged
	w.result.Stale += r.Stale
	w.result.Unknown += r.Unknown
}

// place puts the file and the line before an error about one of the rows.
func (w *partWriter) place(rows []sentRow, err error) error {
	var row *upsert.RowError
	if errors.As(err, &row) && row.Row >= 0 && row.Row < len(rows) {
		return fmt.Errorf("%s:%d:1: %w", w.src.file, rows[row.Row].line, err)
	}
	return err
}
