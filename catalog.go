package upsert

import (
	"context"

	"github.com/goupsert/upsert/dialect"
)

// catalog is what a server was asked about a table.
type catalog struct {
	types  map[string]string
	plain  bool
	merges bool // the function of the rule Merge is installed
}

// look asks the catalog once, and keeps the answer where it lets the table be used.
func (t *table) look(ctx context.Context, db DB) (*catalog, error) {
	if c := t.catalog.Load(); c != nil {
		return c, nil
	}
	c, err := t.askCatalog(ctx, db)
	if err != nil {
		return nil, t.fail(err, -1)
	}
	if t.merges && !c.merges {
		return nil, &dialect.UnsupportedError{
			Feature: "JSON Merge Patch of its own, and no function " + dialect.MergeFunctionName + "(jsonb, jsonb) is installed", Dialect: t.dialect.Name(),
			Hint: "run dialect.PostgresMergeFunction once, in a migration",
		}
	}
	if len(c.types) > 0 {
		t.catalog.Store(c)
	}
	return c, nil
}

func (t *table) askCatalog(ctx context.Context, db DB) (*catalog, error) {
	rows, err := db.QueryContext(ctx, t.traits.Catalog, t.dialect.QuoteTable(t.ident))
	if err != nil {
		return nil, err
	}
	c := &catalog{types: map[string]string{}}
	err = each(rows, func() error {
		var name, typ string
		err := rows.Scan(&name, &typ, &c.plain, &c.merges)
		c.types[name] = typ
		return err
	})
	return c, err
}

// ready asks the catalog where what follows depends on it: the rule Merge may lack its function.
func (t *table) ready(ctx context.Context, db DB) error {
	if !t.merges || t.traits.Catalog == "" {
		return nil
	}
	_, err := t.look(ctx, db)
	return err
}

// flags reports whether a statement can be asked for a flag on this table.
func (t *table) flags(ctx context.Context, db DB) (bool, error) {
	switch t.traits.Reporting {
	case dialect.ReportFlag:
		return true, nil
	case dialect.ReportFlagPlain:
		c, err := t.look(ctx, db)
		if err != nil {
			return false, err
		}
		return c.plain, nil
	}
	return false, nil
}
