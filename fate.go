package upsert

import (
	"context"
	"database/sql"

	"github.com/goupsert/upsert/dialect"
)

// fate is what Compare tells of a row; 0 where the row is not there.
type fate int8

func (f fate) outcome(absent Outcome) (Outcome, error) {
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

// skipped is the outcome of a row that a statement has not written. One that is there and differs from what was sent is
// unchanged all the same, because a BEFORE trigger may have changed what was sent into the stored row (hazard P21); but with a
// version nothing is known of it.
func (f fate) skipped(versioned bool) (Outcome, error) {
	if f == 1+dialect.CompareChanged {
		if versioned {
			return Unknown, nil
		}
		return Unchanged, nil
	}
	return f.outcome(Unknown)
}

// writes reports whether the row would be written.
func (f fate) writes() bool { return f == 0 || f-1 == dialect.CompareChanged }

// meet takes in what Compare tells. A snapshot may hold, beside the row that was met, one that others have deleted since:
// then it is not that one's changes that count.
func (f *fate) meet(told int) {
	if t := fate(told + 1); *f == 0 || t < *f {
		*f = t
	}
}

// compare runs the statement's Compare.
func (w *writer) compare(s statement) ([]fate, error) {
	query, err := w.compareText(w.ctx, w.db, s.shape)
	if err != nil {
		return nil, err
	}
	fates := make([]fate, len(s.rows))
	s.more = false
	err = w.query(s, query, func(rows *sql.Rows) error {
		var at, f int
		if err := rows.Scan(&at, &f); err != nil {
			return err
		}
		fates[at].meet(f)
		return nil
	})
	return fates, err
}

const compareMode dialect.Mode = -1

func (t *table) compareText(ctx context.Context, db DB, of shape) (string, error) {
	s := shape{mode: compareMode, rows: of.rows, omit: of.omit, wide: of.wide, source: of.source, nth: of.nth}
	return t.texts.of(s, func() (string, error) {
		c := dialect.Compare{Table: t.ident, Target: t.target, Rows: s.rows, Source: s.source, Wide: s.wide, Nth: s.nth}
		var known *catalog
		if t.traits.Typed {
			var err error
			if known, err = t.look(ctx, db); err != nil {
				return "", err
			}
			c.Types, c.Only = known.exact, known.plain
		}
		c.Columns = t.columnsOf(known, s.omit)
		return t.dialect.Compare(c)
	})
}
