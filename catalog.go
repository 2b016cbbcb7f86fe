package upsert

import (
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/stmtcache"
)

// catalog is what a server was asked about a table.
type catalog struct {
	types   map[string]string // by column, without modifiers
	exact   map[string]string // with them
	held    map[string]held
	writes  []dialect.Column // the table's, with what is known of them
	natives []native         // by column that is written; nil if the database's drivers agree
	// mark ends a statement whose text does not name its parameters' types. pgx keeps a prepared statement by its text, with
	// the types that its parameters had at first, so a text must be another one when these have changed (hazard P39).
	mark   string
	plain  bool
	skips  bool // a row may be neither written nor seen: by a trigger, a policy or a view
	stages bool // temporary tables are allowed
	merges bool // the function of the rule Merge is installed
}

// held is what a column holds.
type held struct {
	name  string // the type's, with its schema where that must be named
	base  string // the type's name, or that of the one its domain is over at last
	exact string // the same with its modifiers, as SQL writes it
	whole bool   // its values cannot be the elements of an array's text
	folds bool   // texts that are not the same can be equal
	auto  bool   // 0 is the next number
	// arbitrates: it is a column of the constraint that OnConstraint names.
	arbitrates bool
}

// hexes is which of its values are written in hexadecimal.
func (h held) hexes() hexes { return hexes{bytes: h.base == "bytea", text: h.base == "bytea"} }

// native is what is native to a written column.
func (c *catalog) native(col int) native {
	if c == nil || c.natives == nil {
		return nativeAll
	}
	return c.natives[col]
}

// look asks the catalog once, and keeps the answer where it lets the table be used. It asks again when the answer may be
// of a schema that has changed since.
func (t *table) look(ctx context.Context, db DB) (*catalog, error) {
	known := t.catalog.Load()
	if known != nil && !t.stale.Load() {
		return known, nil
	}
	c, err := t.askCatalog(ctx, db)
	if err != nil {
		return nil, t.fail(err, -1)
	}
	if t.traits.Typed && t.merges && !c.merges {
		return nil, &dialect.UnsupportedError{
			Feature: "JSON Merge Patch of its own, and no function " + dialect.MergeFunctionName + "(jsonb, jsonb) is installed", Dialect: t.dialect.Name(),
			Hint: "run dialect.PostgresMergeFunction once, in a migration",
		}
	}
	if len(c.types) == 0 {
		return c, nil
	}
	if err := t.checkConstraint(c); err != nil {
		return nil, err
	}
	t.stale.Store(false)
	if known != nil && reflect.DeepEqual(known, c) {
		return known, nil
	}
	t.catalog.Store(c)
	t.texts.forget()
	return c, nil
}

// checkConstraint refuses a constraint of other columns than the key's: a conflict with it would change the row of another
// key. One that is not there the statement refuses.
func (t *table) checkConstraint(c *catalog) error {
	var columns []string
	for name, h := range c.held {
		if h.arbitrates {
			columns = append(columns, name)
		}
	}
	slices.Sort(columns)
	if len(columns) == 0 || slices.Equal(columns, slices.Sorted(slices.Values(t.target.Columns))) {
		return nil
	}
	return &SchemaError{Table: t.name, Problems: []Problem{{
		Check: CheckConstraintColumns, Severity: Fault, Column: strings.Join(t.target.Columns, ", "), Index: t.target.Constraint,
		Why: "the constraint " + t.target.Constraint + " of OnConstraint has the columns (" + strings.Join(columns, ", ") + ") and not the key's (" +
			strings.Join(t.target.Columns, ", ") + "), so a conflict would change the row of another key",
		Mend: "name a constraint of exactly the key's columns, or leave OnConstraint out",
	}}}
}

// outdated reports whether err came of a schema that has changed since the catalog was asked, which is known again then.
// In a transaction of the caller's, which err has ended, the next call asks.
func (t *table) outdated(ctx context.Context, db DB, err error) bool {
	known := t.catalog.Load()
	if known == nil || !ofSchema(err) || dialect.IsOtherKey(err) {
		return false
	}
	t.stale.Store(true)
	if !dbconn.CanBegin(db) || ctx.Err() != nil {
		return false
	}
	c, err := t.look(ctx, db)
	return err == nil && c != known
}

func (t *table) askCatalog(ctx context.Context, db DB) (*catalog, error) {
	rows, err := stmtcache.Unwrap(db).QueryContext(ctx, t.dialect.Catalog(t.ident, t.target))
	if err != nil {
		return nil, err
	}
	c := &catalog{types: map[string]string{}, exact: map[string]string{}, held: map[string]held{}}
	if !t.traits.Typed {
		return c, t.readColumns(rows, c)
	}
	err = each(rows, func() error {
		var name, typ, exact string
		var h held
		err := rows.Scan(&h.arbitrates, &c.skips, &name, &typ, &exact, &h.base, &h.exact, &h.whole, &h.folds, &c.plain, &c.stages, &c.merges)
		h.name = typ
		c.types[name], c.exact[name], c.held[name] = typ, exact, h
		return err
	})
	for _, col := range t.writes {
		col.Base = c.held[col.Name].base
		c.writes, c.natives = append(c.writes, col), append(c.natives, nativeOf(c.held[col.Name]))
	}
	c.mark = markOf(c.exact)
	return c, err
}

// readColumns reads what SHOW COLUMNS returns, by the names that the columns have here.
func (t *table) readColumns(rows *sql.Rows, c *catalog) error {
	c.writes = slices.Clone(t.writes)
	return eachNamed(rows, func(value func(string) string) {
		base, _, _ := strings.Cut(strings.ToLower(value("Type")), "(")
		for i, w := range t.writes {
			if strings.EqualFold(w.Name, value("Field")) {
				if base == "enum" || base == "set" {
					c.writes[i].Kind = dialect.KindOrdinal
				}
				c.types[w.Name] = value("Type")
				c.held[w.Name] = held{base: base, auto: strings.Contains(strings.ToLower(value("Extra")), "auto_increment")}
			}
		}
	})
}

// markOf is a comment that another set of types would not have.
func markOf(types map[string]string) string {
	h := fnv.New32a()
	for _, name := range slices.Sorted(maps.Keys(types)) {
		_, _ = h.Write([]byte(name + " " + types[name] + "\n")) // it never fails
	}
	return fmt.Sprintf(" /* types %08x */", h.Sum32())
}

// ofSchema reports whether an error may come of a column that is gone or of another type than was thought, or of a plain table that
// has become one without the system column that tells an insert (0A000). A value that does not fit a parameter's type is
// pgx's own error.
func ofSchema(err error) bool {
	state := dialect.SQLState(err)
	return strings.HasPrefix(state, "42") || strings.HasPrefix(state, "22") || state == "0A000" || strings.Contains(err.Error(), "failed to encode args[")
}

// ready asks the catalog if the columns' types decide how values are bound and compared, as on PostgreSQL. On what is like it the
// rule Merge may lack its function, and a statement that assigns nothing must look at the key if a collation can fold it. On MySQL
// and MariaDB a type may have an order of its own (hazard H27).
func (t *table) ready(ctx context.Context, db DB) error {
	if !t.ranks && !t.traits.Filter && (!t.traits.Typed || !t.merges && (t.assigns || !t.textKey)) {
		return nil
	}
	_, err := t.look(ctx, db)
	return err
}

// guards reports whether a statement that assigns nothing must look at the stored key.
func (t *table) guards(known *catalog) bool {
	if t.assigns || !t.textKey {
		return false
	}
	return !t.traits.Typed || known != nil && slices.ContainsFunc(t.target.Columns, func(k string) bool { return known.held[k].folds })
}

// skips reports whether a row that a statement has not written may be none that it has seen (hazard P42).
func (t *table) skips() bool {
	c := t.catalog.Load()
	return c != nil && c.skips
}

// looks reports whether a statement's result alone does not tell what a row is that the statement has not written.
func (t *table) looks() bool { return t.versioned || t.skips() }

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
