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
	"github.com/goupsert/upsert/internal/txn"
)

// catalog is what a server answered about a table.
type catalog struct {
	types   map[string]string // each column's type, without modifiers
	exact   map[string]string // each column's type, with modifiers
	held    map[string]held
	writes  []dialect.Column // the table's writes, completed by the catalog
	natives []native         // for each written column; nil if the database's drivers encode alike
	// mark is a comment at the end of a statement whose text does not name its parameters' types. pgx caches a prepared statement
	// by its text, with the parameter types of the first use. So the text must change if the types have changed (hazard P39).
	mark   string
	plain  bool
	skips  bool // a trigger, a policy or a view may keep a row from being written and from being seen
	stages bool // temporary tables are allowed
	merges bool // the function of the rule Merge is installed
}

// held is what the catalog says about a column.
type held struct {
	name  string // the type's name, with its schema if needed
	base  string // the type's name; for a domain, the name of the type below all domains
	exact string // base with its modifiers, as SQL writes it
	whole bool   // values cannot be elements of an array's text
	folds bool   // two different texts can be equal under the collation
	auto  bool   // AUTO_INCREMENT: 0 stands for the next number
	// arbitrates means that the column belongs to the constraint that OnConstraint names.
	arbitrates bool
}

// hexes says which values of the column are written in hexadecimal.
func (h held) hexes() hexes { return hexes{bytes: h.base == "bytea", text: h.base == "bytea"} }

// native returns which Go values are native to a written column.
func (c *catalog) native(col int) native {
	if c == nil || c.natives == nil {
		return nativeAll
	}
	return c.natives[col]
}

// look asks the catalog once, and keeps the answer if the table can be used. look asks again if the schema may have changed since
// the last answer.
func (t *table) look(ctx context.Context, db dbconn.Handle) (*catalog, error) {
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

// checkConstraint refuses a constraint whose columns are not the key's columns, because a conflict with such a constraint would
// change the row of another key. If the constraint does not exist, the statement returns the error.
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

// outdated reports whether the schema has changed since the catalog was asked and err may come from this change. If so, the new
// catalog is known afterwards. In the caller's transaction, which err has ended, outdated returns false, and the next call asks.
func (t *table) outdated(ctx context.Context, db dbconn.Handle, err error) bool {
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

func (t *table) askCatalog(ctx context.Context, db dbconn.Handle) (*catalog, error) {
	rows, err := stmtcache.Unwrap(db).QueryContext(ctx, t.dialect.Catalog(t.ident, t.target))
	if err != nil {
		return nil, err
	}
	c := &catalog{types: map[string]string{}, exact: map[string]string{}, held: map[string]held{}}
	if !t.traits.Typed {
		return c, t.readColumns(rows, c)
	}
	err = txn.Each(rows, func() error {
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

// readColumns reads the answer of SHOW COLUMNS, and keeps it by the names that the columns have in the mapping.
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

// markOf returns a comment that changes if the types change.
func markOf(types map[string]string) string {
	h := fnv.New32a()
	for _, name := range slices.Sorted(maps.Keys(types)) {
		_, _ = h.Write([]byte(name + " " + types[name] + "\n")) // Write never fails
	}
	return fmt.Sprintf(" /* types %08x */", h.Sum32())
}

// ofSchema reports whether the cause of an error may be a column that is gone or has another type than the catalog said, or a
// plain table that has become a table without the system column that marks an insert (0A000). If a value does not fit a
// parameter's type, pgx returns an error of its own, which counts too.
func ofSchema(err error) bool {
	state := dialect.SQLState(err)
	return strings.HasPrefix(state, "42") || strings.HasPrefix(state, "22") || state == "0A000" || strings.Contains(err.Error(), "failed to encode args[")
}

// ready asks the catalog if a statement needs the answer. On PostgreSQL the columns' types decide how values are bound and
// compared. On databases like PostgreSQL, the function for the rule Merge may be missing, and a statement that assigns nothing
// must compare the key if a collation can fold it. On MySQL and MariaDB a type may have an order of its own (hazard H27).
func (t *table) ready(ctx context.Context, db dbconn.Handle) error {
	if !t.ranks && !t.traits.Filter && (!t.traits.Typed || !t.merges && (t.assigns || !t.textKey)) {
		return nil
	}
	_, err := t.look(ctx, db)
	return err
}

// guards reports whether a statement that assigns nothing must compare the stored key byte by byte.
func (t *table) guards(known *catalog) bool {
	if t.assigns || !t.textKey {
		return false
	}
	return !t.traits.Typed || known != nil && slices.ContainsFunc(t.target.Columns, func(k string) bool { return known.held[k].folds })
}

// skips reports whether a statement may leave a row unwritten without having seen a stored row (hazard P42).
func (t *table) skips() bool {
	c := t.catalog.Load()
	return c != nil && c.skips
}

// looks reports whether a statement's result alone does not tell the outcome of a row that the statement has not written.
func (t *table) looks() bool { return t.versioned || t.skips() }

// flags reports whether a statement on this table can return a flag that marks inserted rows.
func (t *table) flags(ctx context.Context, db dbconn.Handle) (bool, error) {
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
