package write

import (
	"cmp"
	"context"
	"errors"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/statement"
	"github.com/goupsert/upsert/internal/txn"
)

// failedStatement is the error of a statement of several rows. The database does not say which row made the statement fail.
type failedStatement struct {
	batch *batch
	rows  []int32
	err   error
}

func (f *failedStatement) Error() string { return f.err.Error() }

// Unwrap returns the driver's error.
func (f *failedStatement) Unwrap() error { return f.err }

// locate finds the row that made a statement fail. It sends the statement's rows again, fewer at a time, in a transaction that
// is rolled back. It does so only if the failed transaction was the library's and the error can be a row's fault. If no row fails
// alone, locate returns err unchanged.
func (t *Table) locate(ctx context.Context, db dbconn.Handle, err error) error {
	var f *failedStatement
	if !errors.As(err, &f) || !dbconn.CanBegin(db) || ctx.Err() != nil || !blamesRow(f.err) {
		return err
	}
	p := newLocator(f)
	_ = txn.Once(ctx, t.txn, db, p, (*locator).send)
	return p.result(ctx, err)
}

// locateStaged is locate for the last statement that has moved staged rows, in the transaction of the statement. The transaction must be
// the library's own and is rolled back afterwards. The staged rows outlive a rollback to the savepoint before the statement, so
// the client need not send the rows again.
func (w *writer) locateStaged(last statement.Variant, err error) error {
	var f *failedStatement
	if !errors.As(err, &f) || !w.session.ownsTx || w.session.stage.text.Part == "" || w.session.ctx.Err() != nil || !blamesRow(f.err) {
		return err
	}
	if _, lost := w.session.db.ExecContext(w.session.ctx, "ROLLBACK TO SAVEPOINT "+savepoint); lost != nil {
		return err
	}
	part := w.session.stage.described(w.table.spec.Writes)
	part.Nth++
	text, lost := w.table.spec.Dialect.Stage(part)
	if lost == nil {
		_, lost = w.session.db.ExecContext(w.session.ctx, text.Create)
	}
	if lost == nil && last.Split {
		_, lost = w.session.db.ExecContext(w.session.ctx, w.session.stage.text.Order)
	}
	if lost != nil {
		return err
	}
	p := newLocator(f)
	p.staged = &stagedPart{clear: text.Clear, fill: w.session.stage.text.Part, insert: last}
	p.staged.insert.Nth++
	_ = p.send(w.session.ctx, w.session.db)
	return p.result(w.session.ctx, err)
}

// stagedPart is a staging table for a part of the rows of another staging table.
type stagedPart struct {
	clear, fill string
	isFull      bool // rows of an earlier part may be there; a rollback takes away the rows of a part that failed
	insert      statement.Variant
}

// blamesRow reports whether a row can be at fault if a statement of several rows fails with err.
func blamesRow(err error) bool {
	c := dialect.Classify(err)
	return (c == dialect.Permanent || c == dialect.UniqueViolation) && dialect.BlamesRow(err)
}

// locator is a failed statement whose rows are sent again.
type locator struct {
	failed *failedStatement
	alone  batch
	staged *stagedPart // for the rows if they are still staged, or nil
	found  error
}

func newLocator(f *failedStatement) *locator {
	p := &locator{failed: f, alone: *f.batch}
	p.alone.bound = nil
	return p
}

// result returns the error that names the row, or err if no row was found.
func (p *locator) result(ctx context.Context, err error) error {
	if p.found == nil || ctx.Err() != nil {
		return err
	}
	return p.found
}

var errLocated = errors.New("probed")

// send always returns an error, so that the transaction is rolled back.
func (p *locator) send(ctx context.Context, db dbconn.Handle) error {
	return cmp.Or(p.bisect(ctx, db, p.failed.rows), errLocated)
}

// bisect looks for the first of the rows that fails, and expects that at least one does. It bisects the rows. It sends no good row
// more than once, and the number of statements is the number of binary digits of len(rows).
func (p *locator) bisect(ctx context.Context, db dbconn.Handle, rows []int32) error {
	first := 0 // the index of rows[0] in p.rows
	for len(rows) > 1 {
		half := len(rows) / 2
		good, err := p.try(ctx, db, rows[:half], first)
		switch {
		case err != nil:
			return err
		case good:
			rows, first = rows[half:], first+half
		default:
			rows = rows[:half]
		}
	}
	if err := p.exec(ctx, db, rows); err != nil {
		p.found = p.failed.batch.table.Explain(p.failed.batch.otherKey(ctx, db, rows[0], err), int(rows[0])+p.failed.batch.rows.first)
	}
	return errLocated
}

// locateArraysFrom is the number of rows from which on an array for each column is faster than a parameter for each value.
const locateArraysFrom = 20

// locateSavepoint is the savepoint to which failing rows are rolled back. Without a savepoint, PostgreSQL takes no statement after
// an error.
const locateSavepoint = "_upsert_probe"

// try writes the rows and reports whether they were written. Rows that were written stay, because later rows may need them.
func (p *locator) try(ctx context.Context, db dbconn.Handle, rows []int32, first int) (good bool, err error) {
	if _, err := db.ExecContext(ctx, "SAVEPOINT "+locateSavepoint); err != nil {
		return false, err
	}
	end := "RELEASE SAVEPOINT "
	if p.staged != nil && len(rows) >= locateArraysFrom {
		good = p.execStaged(ctx, db, first, len(rows)) == nil
	} else {
		good = p.exec(ctx, db, rows) == nil
	}
	if !good {
		end = "ROLLBACK TO SAVEPOINT "
	}
	_, err = db.ExecContext(ctx, end+locateSavepoint)
	return good, err
}

// bundler returns the fastest way to send so many rows, even of a batch that was copied. Sending ten thousand rows as values would
// take longer than everything else.
func (p *locator) bundler(rows int) (bundler, plan) {
	t := p.alone.table
	if known := t.catalog.Kept(); rows >= locateArraysFrom && t.traits.Filter && known != nil && t.refuseArrays(known) == nil {
		return arraysTransport{}, plan{path: Arrays, auto: true}
	}
	return valuesTransport{}, plan{path: Values}
}

func (p *locator) exec(ctx context.Context, db dbconn.Handle, rows []int32) error {
	for len(rows) > 0 {
		by, with := p.bundler(len(rows))
		s, taken, err := by.next(&p.alone, with, rows, nil)
		if err != nil {
			return err
		}
		query, err := p.failed.batch.table.stmts.Upsert(s.variant, p.failed.batch.table.catalog.Kept())
		if err != nil {
			return err
		}
		if _, err := p.failed.batch.table.txn.Exec(ctx, db, query, s.args); err != nil {
			return err
		}
		rows = rows[taken:]
	}
	return nil
}

// execStaged writes rows of the staging table, from the index first on.
func (p *locator) execStaged(ctx context.Context, db dbconn.Handle, first, rows int) error {
	if p.staged.isFull {
		if _, err := db.ExecContext(ctx, p.staged.clear); err != nil {
			return err
		}
	}
	if _, err := p.failed.batch.table.txn.Exec(ctx, db, p.staged.fill, []any{rows, first}); err != nil {
		return err
	}
	query, err := p.failed.batch.table.stmts.Upsert(p.staged.insert, p.failed.batch.table.catalog.Kept())
	if err == nil {
		_, err = p.failed.batch.table.txn.Exec(ctx, db, query, nil)
	}
	p.staged.isFull = p.staged.isFull || err == nil // a rollback puts back what was cleared
	return err
}
