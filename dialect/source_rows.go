package dialect

import (
	"slices"
	"strconv"
	"strings"
)

// sourceRows stands for the rows of a statement as a table joined with the target table.
type sourceRows Compare

// sourceAlias is the alias of this table.
const sourceAlias = "_e"

func (g sourceRows) alias() string { return distinctAlias(sourceAlias, g.Table.Name) }

// position returns the name of the column with a row's position. None of the table's columns has this name.
func (g sourceRows) position() string {
	if g.Rows.Source == FromStage {
		return stagePosition
	}
	return distinctColumn("_at", g.Columns)
}

// fromZero returns an expression for a row's position, from 0. The position of an array's element begins at 1.
func (g sourceRows) fromZero(d Dialect) string {
	position := d.Quote(g.alias()) + "." + d.Quote(g.position())
	if g.Rows.Source == FromArrays {
		position += " - 1"
	}
	return position
}

// distinctColumn returns a name that none of the columns has.
func distinctColumn(name string, columns []Column) string {
	for slices.ContainsFunc(columns, func(col Column) bool { return strings.EqualFold(col.Name, name) }) {
		name += "_"
	}
	return name
}

// sentColumns returns the columns whose values the caller sends.
func sentColumns(columns []Column) []Column {
	return slices.DeleteFunc(slices.Clone(columns), func(c Column) bool { return c.Now })
}

// RefuseSource returns an [*UnsupportedError] if the database cannot take rows from this source, or nil. For builders of
// dialects.
func RefuseSource(d Dialect, from Source) error { return refuseSource(d, from, false) }

func refuseSource(d Dialect, from Source, selected bool) error {
	t := d.Traits()
	switch {
	case from == FromArrays && !t.Batches.Arrays:
		return &UnsupportedError{Feature: "arrays as the source of an upsert", Dialect: d.Name(), Hint: "use Via(Values)"}
	case from == FromStage && t.Batches.Copying == CopyNone:
		return refuseStage(d)
	case selected && !t.Batches.Filter:
		return &UnsupportedError{Feature: "filter before an upsert", Dialect: d.Name()}
	}
	return nil
}

func refuseStage(d Dialect) error {
	return &UnsupportedError{Feature: "way to copy rows into a staging table", Dialect: d.Name(), Hint: "use Via(Values)"}
}

// fromItem returns the rows as an item of a FROM list.
func (o *onConflict) fromItem(g sourceRows) string {
	cols := sentColumns(g.Columns)
	alias, list := o.d.Quote(g.alias()), quoteList(o.d, columnNames(cols))
	switch g.Rows.Source {
	case FromStage:
		return o.stageTable(g.Table, g.Rows.Nth) + " AS " + alias
	case FromArrays:
		var params []string
		for i, c := range cols {
			params = append(params, o.param(i+1, g.Stored.Types[c.Name]+"[]"))
		}
		// With several arrays unnest is part of the grammar: no schema can replace it, and it takes no schema's name.
		unnest := "unnest("
		if len(params) == 1 {
			unnest = "pg_catalog.unnest("
		}
		return unnest + strings.Join(params, ", ") + ") WITH ORDINALITY AS " + alias + " (" + list + ", " + o.d.Quote(g.position()) + ")"
	}
	var b strings.Builder
	b.WriteString("(VALUES ")
	o.expr.writeTuples(&b, cols, g.Rows.N, func(n int, c Column) string { return o.param(n, g.Stored.Types[c.Name]) }, rowPosition)
	b.WriteString(") AS " + alias + " (" + o.d.Quote(g.position()) + ", " + list + ")")
	return b.String()
}

// sourceValue returns the value of a source row's column.
func (o *onConflict) sourceValue(g sourceRows, c Column) string {
	switch {
	case c.Rule == Merge: // the column may be json, and the function takes jsonb
		return o.expr.document(o.d.Quote(g.alias()) + "." + o.d.Quote(c.Name))
	case !c.Now:
		return o.d.Quote(g.alias()) + "." + o.d.Quote(c.Name)
	case g.Stored.Types[c.Name] != "":
		return "CAST(" + o.expr.clock(c) + " AS " + g.Stored.Types[c.Name] + ")"
	}
	return o.expr.clock(c)
}

// withSource returns the syntax of an expression about a source row and a stored row.
func (o *onConflict) withSource(g sourceRows) *onConflict {
	b := *o
	b.expr.excluded = func(name string) string {
		i := slices.IndexFunc(g.Columns, func(c Column) bool { return c.Name == name })
		return o.sourceValue(g, g.Columns[i])
	}
	return &b
}

func (o *onConflict) stageTable(t Table, nth int) string {
	return o.d.QuoteTable(Table{Schema: "pg_temp", Name: stageName(t, nth)})
}

func (u Upsert) sourceRows() sourceRows {
	return sourceRows{Table: u.Table, Columns: u.Columns, Rows: u.Rows, Stored: u.Stored}
}

// sourceValues returns the values of the columns that are inserted.
func (o *onConflict) sourceValues(u Upsert) []string {
	var list []string
	for _, c := range u.Columns {
		list = append(list, o.expr.insertedValue(c, o.sourceValue(u.sourceRows(), c)))
	}
	return list
}

// writeSelect writes the rows as a SELECT. If the statement filters, the SELECT leaves out the rows that would change nothing.
func (o *onConflict) writeSelect(b *strings.Builder, u Upsert) {
	g := u.sourceRows()
	b.WriteString("SELECT " + strings.Join(o.sourceValues(u), ", ") + " FROM " + o.fromItem(g))
	if u.Filter {
		joined := o.withSource(g)
		// OFFSET 0 keeps the planner from a join: each row is looked up by its key, even if the statistics say that the table
		// is empty.
		b.WriteString(" WHERE NOT EXISTS (SELECT FROM " + onlyKeyword(u.Stored.Only) + o.d.QuoteTable(u.Table) + " AS " + o.d.Quote(storedAlias) +
			" WHERE " + strings.Join(append(joined.keyConditions(u.Target.Columns), joined.unchangedConditions(u)...), " AND ") + " OFFSET 0)")
	}
	o.writeOrder(b, u)
}

// writeOrder makes the database insert the rows in the order in which they must be locked (hazard P24). A join need not keep
// this order.
func (o *onConflict) writeOrder(b *strings.Builder, u Upsert) {
	switch g := u.sourceRows(); {
	case u.Rows.Source == FromStage:
		b.WriteString(" ORDER BY " + o.d.Quote(g.alias()) + ".ctid")
	case u.Rows.Source != FromParams || u.Rows.N > 1:
		b.WriteString(" ORDER BY " + o.d.Quote(g.alias()) + "." + o.d.Quote(g.position()))
	}
}

// unchangedConditions returns conditions that together are true for a stored row that a source row with its key would not
// change. Together they are never NULL. If the keys are equal only under a collation, the conditions are false, so that the
// insert meets the stored row and fails.
func (o *onConflict) unchangedConditions(u Upsert) []string {
	var parts []string
	if differ := o.expr.keyBytesDiffer(u.Columns, u.Target.Columns); differ != "" {
		parts = append(parts, "NOT ("+differ+")")
	}
	switch set, version := assignedColumns(u.Columns, u.Target.Columns); {
	case u.Mode == Create || onlyTouches(set):
	case version != nil:
		parts = append(parts, "("+o.expr.newer(*version)+") IS NOT TRUE")
	default:
		parts = append(parts, "NOT ("+o.expr.changes(set)+")")
	}
	return parts
}

func rowPosition(row int) string { return strconv.Itoa(row) + ", " }
