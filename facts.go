package upsert

import (
	"context"
	"slices"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/schema"
)

// ready asks the catalog if a statement needs the answer. On PostgreSQL the columns' types decide how values are bound and
// compared. On databases like PostgreSQL, the function for the rule Merge may be missing, and a statement that assigns nothing
// must compare the key if a collation can fold it. On MySQL and MariaDB a type may have an order of its own (hazard H27).
func (t *table) ready(ctx context.Context, db dbconn.Handle) error {
	if !t.ranks && !t.traits.Filter && (!t.traits.Typed || !t.merges && (t.assigns || !t.textKey)) {
		return nil
	}
	_, err := t.catalog.Look(ctx, db)
	return err
}

// guards reports whether a statement that assigns nothing must compare the stored key byte by byte.
func (t *table) guards(known *schema.Table) bool {
	if t.assigns || !t.textKey {
		return false
	}
	return !t.traits.Typed || known != nil && slices.ContainsFunc(t.target.Columns, func(k string) bool { return known.Columns[k].Folds })
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
