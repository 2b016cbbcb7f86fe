package write

import (
	"context"
	"database/sql"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/statement"
)

// comparison is the result of Compare for a row, plus 1; it is 0 if the row is not there.
type comparison int8

// outcome returns the outcome that the comparison predicts. absent is the outcome for a row that is not there.
func (f comparison) outcome(absent Outcome) (Outcome, error) {
	switch f - 1 {
	case dialect.CompareSame:
		return Unchanged, nil
	case dialect.CompareStale:
		return Stale, nil
	case dialect.CompareChanged:
		return Updated, nil
	case dialect.CompareOtherKey:
		return Unknown, errFolded
	}
	return absent, nil
}

// outcomeIfSkipped returns the outcome of a row that a statement has not written. If the stored row differs from the sent row, the outcome
// is Unchanged all the same, because a BEFORE trigger may have changed the sent row into the stored row (hazard P21). If the
// table has a version, the outcome of such a row is Unknown.
func (f comparison) outcomeIfSkipped(versioned bool) (Outcome, error) {
	if f == 1+dialect.CompareChanged {
		if versioned {
			return Unknown, nil
		}
		return Unchanged, nil
	}
	return f.outcome(Unknown)
}

// writes reports whether the statement would write the row.
func (f comparison) writes() bool { return f == 0 || f-1 == dialect.CompareChanged }

// add records the comparison result for one stored row. A snapshot can contain two stored rows for a key, the current row and a
// row that others have deleted. Then the lower result counts, because the changes against the deleted row do not matter.
func (f *comparison) add(result int) {
	if t := comparison(result + 1); *f == 0 || t < *f {
		*f = t
	}
}

// compare runs the Compare that belongs to the statement, and returns the comparison of each of the statement's rows.
func (w *writer) compare(s batchStatement) ([]comparison, error) {
	query, err := w.table.compareText(w.session.ctx, w.session.db, s.variant)
	if err != nil {
		return nil, err
	}
	compared := make([]comparison, len(s.rows))
	s.more = false
	err = w.session.query(s, query, func(rows *sql.Rows) error {
		var at, f int
		if err := rows.Scan(&at, &f); err != nil {
			return err
		}
		compared[at].add(f)
		return nil
	})
	return compared, err
}

// compareText returns the Compare that belongs to a statement of the variant.
func (t *Table) compareText(ctx context.Context, db dbconn.Handle, v statement.Variant) (string, error) {
	if !t.traits.Typed {
		return t.stmts.Compare(v, nil)
	}
	known, err := t.catalog.Look(ctx, db)
	if err != nil {
		return "", err
	}
	return t.stmts.Compare(v, known)
}
