package upsert

import (
	"cmp"
	"context"
	"errors"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
)

// failedStatement is the error of a statement of several rows, of which the database does not say which it was.
type failedStatement struct {
	*batch
	rows []int32
	err  error
}

func (f *failedStatement) Error() string { return f.err.Error() }

// Unwrap returns the driver's error.
func (f *failedStatement) Unwrap() error { return f.err }

// pinpoint finds the row that made a statement fail, by sending its rows once more, fewer at a time, in a transaction that is
// rolled back. It does so only where the failed transaction was the library's, and only for errors that a row can be to blame
// for. It returns err as it is where no row fails alone.
func (t *table) pinpoint(ctx context.Context, db DB, err error) error {
	var f *failedStatement
	if !errors.As(err, &f) || !dbconn.CanBegin(db) || ctx.Err() != nil {
		return err
	}
	if c := dialect.Classify(f.err); c != dialect.Permanent && c != dialect.UniqueViolation || !dialect.BlamesRow(f.err) {
		return err
	}
	p := &probe{failedStatement: f, alone: *f.batch}
	p.alone.bound = nil
	_ = once(ctx, t, db, p, (*probe).send)
	if p.found == nil || ctx.Err() != nil {
		return err
	}
	return p.found
}

// probe is a failed statement's rows on their way once more.
type probe struct {
	*failedStatement
	alone batch
	found error
}

var errProbed = errors.New("probed")

// send always fails, so that nothing of it is kept.
func (p *probe) send(ctx context.Context, db DB) error {
	return cmp.Or(p.halve(ctx, db, p.rows), errProbed)
}

// halve looks for the first row that fails among some of which one does. It sends no row that is good more than once, in statements
// whose number is that of the rows' binary digits.
func (p *probe) halve(ctx context.Context, db DB, rows []int32) error {
	for len(rows) > 1 {
		half := len(rows) / 2
		good, err := p.try(ctx, db, rows[:half])
		switch {
		case err != nil:
			return err
		case good:
			rows = rows[half:]
		default:
			rows = rows[:half]
		}
	}
	if err := p.exec(ctx, db, rows); err != nil {
		p.found = p.table.fail(p.otherKey(ctx, db, rows[0], err), int(rows[0])+p.batch.rows.first)
	}
	return errProbed
}

// probeArraysFrom is the number of rows from which on an array a column is quicker than a parameter a value.
const probeArraysFrom = 20

// probeSavepoint is what rows that fail are rolled back to: PostgreSQL takes no statement after an error without.
const probeSavepoint = "_upsert_probe"

// try reports whether the rows are written. Rows that are stay, because those after them may need them.
func (p *probe) try(ctx context.Context, db DB, rows []int32) (good bool, err error) {
	if _, err := db.ExecContext(ctx, "SAVEPOINT "+probeSavepoint); err != nil {
		return false, err
	}
	end := "RELEASE SAVEPOINT "
	if good = p.exec(ctx, db, rows) == nil; !good {
		end = "ROLLBACK TO SAVEPOINT "
	}
	_, err = db.ExecContext(ctx, end+probeSavepoint)
	return good, err
}

// route is by arrays if the batch could go so, as one that was copied can: to send ten thousand rows as values takes longer than all else.
func (p *probe) route(rows int) route {
	if known := p.catalog.Load(); rows >= probeArraysFrom && p.traits.Filter && known != nil && p.misfit(known) == nil {
		return route{path: Arrays, auto: true}
	}
	return route{path: Values}
}

func (p *probe) exec(ctx context.Context, db DB, rows []int32) error {
	for len(rows) > 0 {
		s, taken, err := p.alone.next(p.route(len(rows)), rows, nil)
		if err != nil {
			return err
		}
		query, err := p.text(s.shape)
		if err != nil {
			return err
		}
		if _, err := p.table.exec(ctx, db, query, s.args); err != nil {
			return err
		}
		rows = rows[taken:]
	}
	return nil
}
