package write

import (
	"context"

	"github.com/goupsert/upsert/internal/dbconn"
)

// ready asks the catalog if a statement needs the answer.
func (t *Table) ready(ctx context.Context, db dbconn.Handle) error {
	if !t.stmts.NeedsFacts() {
		return nil
	}
	_, err := t.catalog.Look(ctx, db)
	return err
}

// maySkip reports whether a statement may leave a row unwritten without having seen a stored row (hazard P42).
func (t *Table) maySkip() bool {
	c := t.catalog.Kept()
	return c != nil && c.MaySkip
}

// rechecks reports whether a statement's result alone does not tell the outcome of a row that the statement has not written.
func (t *Table) rechecks() bool { return t.rows.versioned || t.maySkip() }
