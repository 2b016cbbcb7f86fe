package upsert

import (
	"context"
	"slices"
	"strings"

	"github.com/goupsert/upsert/dialect"
)

// catalog is what a server was asked about a table.
type catalog struct {
	types  map[string]string // by column, without modifiers
	exact  map[string]string // with them
	held   map[string]held
	plain  bool
	stages bool // temporary tables are allowed
	merges bool // the function of the rule Merge is installed
}

// held is what a column holds.
type held struct {
	base  string // the type's name, or that of the one its domain is over
	whole bool   // its values cannot be the elements of an array's text
	folds bool   // texts that are not the same can be equal
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
	rows, err := db.QueryContext(ctx, t.dialect.Catalog(t.ident))
	if err != nil {
		return nil, err
	}
	c := &catalog{types: map[string]string{}, exact: map[string]string{}, held: map[string]held{}}
	err = each(rows, func() error {
		var name, typ, exact string
		var h held
		err := rows.Scan(&name, &typ, &exact, &h.base, &h.whole, &h.folds, &c.plain, &c.stages, &c.merges)
		c.types[name], c.exact[name], c.held[name] = typ, exact, h
		return err
	})
	return c, err
}

// forget has the catalog asked again, after an error that may come of a schema that has changed since. It returns whether
// known was in use.
func (t *table) forget(known *catalog, err error) bool {
	state := dialect.SQLState(err)
	stale := known != nil && (strings.HasPrefix(state, "42") || strings.HasPrefix(state, "22"))
	if stale && t.catalog.CompareAndSwap(known, nil) {
		t.texts.forget()
	}
	return stale
}

// ready asks the catalog where the statements depend on it: the rule Merge may lack its function, and a statement that
// assigns nothing must look at the key only where a collation can fold it.
func (t *table) ready(ctx context.Context, db DB) error {
	if !t.traits.Typed || !t.merges && (t.assigns || !t.textKey) {
		return nil
	}
	_, err := t.look(ctx, db)
	return err
}

// guards reports whether a statement that assigns nothing must look at the stored key.
func (t *table) guards() bool {
	if t.assigns || !t.textKey {
		return false
	}
	c := t.catalog.Load()
	return !t.traits.Typed || c != nil && slices.ContainsFunc(t.target.Columns, func(k string) bool { return c.held[k].folds })
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
