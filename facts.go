package upsert

import (
	"context"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
)

// ready asks the catalog if a statement needs the answer.
func (t *table) ready(ctx context.Context, db dbconn.Handle) error {
	if !t.stmts.NeedsFacts() {
		return nil
	}
	_, err := t.catalog.Look(ctx, db)
	return err
}

// skips reports whether a statement may leave a row unwritten without having seen a stored row (hazard P42).
func (t *table) skips() bool {
	c := t.catalog.Kept()
	return c != nil && c.MaySkip
}

// looks reports whether a statement's result alone does not tell the outcome of a row that the statement has not written.
func (t *table) looks() bool { return t.versioned || t.skips() }

// flags reports whether a statement on this table can return a flag that marks inserted rows.
func (t *table) flags(ctx context.Context, db dbconn.Handle) (bool, error) {
	switch t.traits.Reporting {
	case dialect.ReportFlag:
		return true, nil
	case dialect.ReportFlagPlain:
		c, err := t.catalog.Look(ctx, db)
		if err != nil {
			return false, err
		}
		return c.IsPlain, nil
	}
	return false, nil
}
