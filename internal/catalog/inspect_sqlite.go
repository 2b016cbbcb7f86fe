package catalog

import (
	"context"
	"database/sql"
	"regexp"
	"slices"
	"strings"

	"github.com/goupsert/upsert/internal/catalogsql"
	"github.com/goupsert/upsert/internal/schema"
)

// sqliteReader reads SQLite's pragmas, and the texts of CREATE for what the pragmas leave out.
type sqliteReader struct{ i *Inspector }

func (r *sqliteReader) relation(ctx context.Context, q catalogsql.Questions, l *schema.Live) error {
	return r.i.readRelation(ctx, q.Relation, l)
}

// columns reads the columns. If the primary key is the rowid, which is never NULL and counts by itself, the columns come with the
// index that SQLite does not list.
func (r *sqliteReader) columns(ctx context.Context, q catalogsql.Query, l *schema.Live) error {
	return r.i.each(ctx, q, func(rows *sql.Rows) error {
		var c schema.LiveColumn
		var hidden int
		var isRowID bool
		if err := rows.Scan(&c.Name, &c.Type, &c.NotNull, &c.Default, &hidden, &isRowID); err != nil {
			return err
		}
		if hidden > 1 {
			c.Computed = schema.Generated
		}
		if isRowID {
			c.NotNull, c.Default, c.Computed = true, true, schema.Identity
			l.Indexes = append(l.Indexes, schema.Index{
				Unique: true, Constraint: true, Valid: true, Visible: true, Immediate: true, Columns: []schema.IndexColumn{{Name: c.Name}},
			})
		}
		l.Columns = append(l.Columns, c)
		return nil
	})
}

var predicateOf = regexp.MustCompile(`(?is)\)\s*WHERE\s+(.*)$`)

func (r *sqliteReader) indexes(ctx context.Context, q catalogsql.Query, l *schema.Live) error {
	err := r.i.readIndexes(ctx, q, l)
	for n := range l.Indexes {
		x := &l.Indexes[n]
		if m := predicateOf.FindStringSubmatch(x.Predicate); m != nil {
			x.Predicate = m[1]
		}
	}
	return err
}

var (
	afterTrigger = regexp.MustCompile(`(?is)^CREATE\s+(?:TEMP\s+|TEMPORARY\s+)?TRIGGER\s+.*?\bAFTER\s+(INSERT|UPDATE|DELETE)\b`)
	otherTrigger = regexp.MustCompile(`(?is)^CREATE\s+(?:TEMP\s+|TEMPORARY\s+)?TRIGGER\s+.*?\b(INSERT|UPDATE|DELETE)\b`)
)

// triggers reads the moment of a trigger from its text. A trigger without a moment runs before the write.
func (r *sqliteReader) triggers(ctx context.Context, q catalogsql.Query, l *schema.Live) error {
	writes := regexp.MustCompile(`(?is)\b(?:UPDATE|INTO|DELETE\s+FROM)\s+(?:OR\s+\w+\s+)?["'` + "`" + `\[]?` + regexp.QuoteMeta(r.i.spec.Table.Name) + `\b`)
	return r.i.each(ctx, q, func(rows *sql.Rows) error {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return err
		}
		t := schema.Trigger{Name: name, PerRow: true, Before: true}
		m := afterTrigger.FindStringSubmatch(text)
		if m != nil {
			_, body, _ := strings.Cut(strings.ToUpper(text), "BEGIN")
			t.Before, t.Rewrites = false, writes.MatchString(body)
		} else if m = otherTrigger.FindStringSubmatch(text); m == nil {
			return nil
		}
		t.Insert, t.Update = strings.EqualFold(m[1], "INSERT"), strings.EqualFold(m[1], "UPDATE")
		if t.Insert || t.Update {
			l.Triggers = append(l.Triggers, t)
		}
		return nil
	})
}

// complete asks whether SQLite takes the target, and about the collations of the key's columns and of the indexes that have them.
func (r *sqliteReader) complete(ctx context.Context, l *schema.Live) (err error) {
	key := r.i.keyColumns(l)
	if key == nil || !l.IsTable() {
		return nil
	}
	if l.RefusesTarget, err = r.i.refusesTarget(ctx); err != nil {
		return err
	}
	for _, c := range key {
		if c.Folds, err = r.i.askFoldings(ctx, catalogsql.SQLiteColumnEqual(r.i.spec.Table, c.Name)); err != nil {
			return err
		}
	}
	for n := range l.Indexes {
		x := &l.Indexes[n]
		for k := range x.Columns {
			if err := r.compareCollation(ctx, &x.Columns[k], l, x.Has(r.i.spec.Target.Columns, true)); err != nil {
				return err
			}
		}
	}
	return nil
}

// compareCollation leaves an index's collation only if the collation takes other texts for one than the column's does.
func (r *sqliteReader) compareCollation(ctx context.Context, at *schema.IndexColumn, l *schema.Live, isKey bool) error {
	name := at.Collation
	at.Collation = ""
	c := l.Column(at.Name, true)
	if c == nil || !isKey || name == "" || name == "BINARY" && len(c.Folds) == 0 {
		return nil
	}
	folds, err := r.i.askFoldings(ctx, catalogsql.SQLiteEqual(name))
	if err != nil {
		return err
	}
	if slices.Equal(folds, c.Folds) {
		c.Collation = name
	} else {
		at.Collation = name
	}
	return nil
}
