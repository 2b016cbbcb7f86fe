package write

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/rowtext"
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
	f := searchable(ctx, err)
	if f == nil || !dbconn.CanBegin(db) {
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
	f := searchable(w.session.ctx, err)
	if f == nil {
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
	p.staged.insert.Rows.Nth++
	_ = p.send(w.session.ctx, w.session.db)
	return p.result(w.session.ctx, err)
}

// stagedPart is a staging table for a part of the rows of another staging table.
type stagedPart struct {
	clear, fill string
	isFull      bool // rows of an earlier part may be there; a rollback takes away the rows of a part that failed
	insert      statement.Variant
}

// searchable returns the failed statement that an error is about, if a row can be at fault and the call goes on, or nil.
func searchable(ctx context.Context, err error) *failedStatement {
	var f *failedStatement
	if !errors.As(err, &f) || ctx.Err() != nil || !dialect.BlamesRow(f.err) {
		return nil
	}
	if c := dialect.Classify(f.err); c != dialect.Permanent && c != dialect.UniqueViolation {
		return nil
	}
	return f
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

var errLocated = errors.New("the rows have been searched")

// send always returns an error, so that the transaction is rolled back.
func (p *locator) send(ctx context.Context, db dbconn.Handle) error {
	for _, row := range p.shown() {
		good, err := p.try(ctx, db, []int32{row}, 0)
		if err != nil {
			return err
		}
		if !good {
			return p.blame(ctx, db, row)
		}
	}
	return p.bisect(ctx, db, p.failed.rows)
}

// maxShown is the largest number of rows that are sent alone because the database's error shows their keys.
const maxShown = 4

// shown returns the rows of the statement whose keys are among the values that the database's error shows. PostgreSQL shows the
// row that violates a CHECK or NOT NULL constraint: "Failing row contains (7, x, null)". Another row can have a key that is one of
// the values too, so the rows that shown returns need not fail.
func (p *locator) shown() (rows []int32) {
	detail := dialect.ErrorDetail(p.failed.err)
	from, to := strings.Index(detail, "("), strings.LastIndex(detail, ")")
	if from < 0 || to < from {
		return nil
	}
	values := strings.Split(detail[from+1:to], ", ")
	text := rowtext.New(rowtext.Plain)
	for _, row := range p.failed.rows {
		has := true
		for place := range p.alone.sent.keyed {
			text.Reset()
			p.alone.sent.keyed[place].Encode(row, text)
			has = has && text.Err == nil && slices.Contains(values, string(text.Buf))
		}
		if !has {
			continue
		}
		if rows = append(rows, row); len(rows) > maxShown {
			return nil
		}
	}
	return rows
}

// blame sends a row alone and keeps the error. blame always returns an error.
func (p *locator) blame(ctx context.Context, db dbconn.Handle, row int32) error {
	if err := p.exec(ctx, db, []int32{row}); err != nil {
		p.found = p.alone.table.Explain(p.failed.batch.sent.otherKey(ctx, db, row, err), int(row)+p.failed.batch.sent.rows.first)
	}
	return errLocated
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
	return p.blame(ctx, db, rows[0])
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
	if known := t.catalog.Kept(); rows >= locateArraysFrom && t.traits.Batches.Filter && known != nil && t.refuseArrays(known) == nil {
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
		query, err := p.alone.table.text(s.variant)
		if err != nil {
			return err
		}
		if _, err := p.alone.table.txn.Exec(ctx, db, query, s.args); err != nil {
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
	if _, err := p.alone.table.txn.Exec(ctx, db, p.staged.fill, []any{rows, first}); err != nil {
		return err
	}
	query, err := p.alone.table.text(p.staged.insert)
	if err == nil {
		_, err = p.alone.table.txn.Exec(ctx, db, query, nil)
	}
	p.staged.isFull = p.staged.isFull || err == nil // a rollback puts back what was cleared
	return err
}
