package upsert

import (
	"context"
	"errors"

	"github.com/goupsert/upsert/dialect"
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

// pinpoint finds the row that made a statement fail, by sending its rows one by one in a transaction that is rolled back.
// It does so only where the failed transaction was the library's, and only for errors that a row can be to blame for. It
// returns err as it is where no row fails alone.
func (t *table) pinpoint(ctx context.Context, db DB, err error) error {
	var f *failedStatement
	if !errors.As(err, &f) || !canBegin(db) || ctx.Err() != nil {
		return err
	}
	if c := dialect.Classify(f.err); c != dialect.Permanent && c != dialect.UniqueViolation || !dialect.BlamesRow(f.err) {
		return err
	}
	p := &probe{failedStatement: f}
	_ = once(ctx, t, db, p, (*probe).send)
	if p.found == nil {
		return err
	}
	return p.found
}

// probe is a failed statement's rows on their way once more.
type probe struct {
	*failedStatement
	found error
}

var errProbed = errors.New("probed")

// send always fails, so that nothing of it is kept.
func (p *probe) send(ctx context.Context, db DB) error {
	alone := *p.batch
	alone.bound = nil
	for _, i := range p.rows {
		s, _, err := alone.nextValues([]int32{i}, nil)
		if err != nil {
			return err
		}
		query, err := p.text(s.shape)
		if err != nil {
			return err
		}
		if _, err := db.ExecContext(ctx, query, s.args...); err != nil {
			p.found = p.table.fail(err, int(i)+p.batch.rows.first)
			break
		}
	}
	return errProbed
}
