package dialect

import "strings"

// The statements in this file look for stored rows by their keys: compare reports what a write would do to the rows, find
// reads one row, and findAll reads several.

func (o *onConflict) compare(c Compare) (string, error) {
	if err := refuseSource(o.d, c.Rows.Source, false); err != nil {
		return "", err
	}
	set, version := assignedColumns(c.Columns, c.Target.Columns)
	g := sourceRows(c)
	var b strings.Builder
	with, from := "", ""
	joined := o.withSource(g)
	if c.Rows.Source == FromParams { // with the columns of the database's clock among the parameters
		with, from = o.paramTable(c)
		joined.expr.excluded = func(col string) string { return o.d.Quote(g.alias()) + "." + o.d.Quote(col) }
	} else {
		from = o.fromItem(g)
	}
	b.WriteString(with + "SELECT " + g.fromZero(o.d) + ", " + joined.expr.comparison(c, set, version) + " FROM " + from + joined.storedRows(c))
	return b.String(), nil
}

// storedRows joins the stored rows with the source rows that stand before them in the FROM list.
func (o *onConflict) storedRows(c Compare) string {
	stored, alias, match := onlyKeyword(c.Stored.Only)+o.d.QuoteTable(c.Table), " AS "+o.d.Quote(storedAlias), o.keyConditions(c.Target.Columns)
	covered := c.Target.covered()
	switch {
	case o.d.Traits().Typed:
		// OFFSET 0 hides from the planner that the key is unique, because a snapshot may contain, beside the current row, a
		// row with the same key that others have deleted since.
		return ", LATERAL (SELECT * FROM " + stored + alias + " WHERE " + strings.Join(append(match, covered...), " AND ") + " OFFSET 0)" + alias
	case len(covered) > 0: // a subquery, in which the predicate's columns are the table's and not the parameters'
		return " JOIN (SELECT * FROM " + stored + " WHERE " + covered[0] + ")" + alias + " ON " + strings.Join(match, " AND ")
	}
	return " JOIN " + stored + alias + " ON " + strings.Join(match, " AND ")
}

// covered returns a condition that is true for a stored row in the arbiter, if the arbiter is a partial index.
func (t Target) covered() []string {
	if t.Where == "" {
		return nil
	}
	return []string{"(" + t.Where + ")"}
}

// keyConditions returns conditions that are true for a source row and the row that is stored under its key.
func (o *onConflict) keyConditions(target []string) []string {
	var parts []string
	for _, k := range target {
		parts = append(parts, o.expr.stored(k)+" = "+o.expr.excluded(k))
	}
	return parts
}

// comparison returns an expression for one of the Compare numbers.
func (g *grammar) comparison(c Compare, set []Column, version *Column) string {
	text := "CASE"
	if differ := g.keyBytesDiffer(c.Columns, c.Target.Columns); differ != "" {
		text += " WHEN " + differ + " THEN 3"
	}
	switch {
	case version != nil:
		return text + " WHEN " + g.newer(*version) + " THEN 2 WHEN " + g.same(*version, set) + " THEN 0 ELSE 1 END"
	case !onlyTouches(set):
		return text + " WHEN " + g.changes(set) + " THEN 2 ELSE 0 END"
	case text != "CASE":
		return text + " ELSE 0 END"
	}
	return "0"
}

func (o *onConflict) find(f Find) string {
	return findText(o.d, f, o.columns(f.Table, f.Return), func(n int) string { return o.param(n, f.Stored.Types[f.Target.Columns[n-1]]) })
}

func findText(d Dialect, f Find, list string, param func(n int) string) string {
	var b strings.Builder
	b.WriteString("SELECT " + list + " FROM " + onlyKeyword(f.Stored.Only) + d.QuoteTable(f.Table) + " WHERE ")
	var parts []string
	for i, k := range f.Target.Columns {
		parts = append(parts, d.Quote(k)+" = "+param(i+1))
	}
	b.WriteString(strings.Join(append(parts, f.Target.covered()...), " AND "))
	if f.Lock {
		b.WriteString(d.Traits().LockingRead)
	}
	return b.String()
}

func (o *onConflict) findAll(f FindAll) string {
	c := Compare{Table: f.Table, Target: f.Target, Rows: Rows{N: f.Keys}, Stored: f.Stored}
	for _, k := range f.Target.Columns {
		c.Columns = append(c.Columns, Column{Name: k, Rule: Key})
	}
	alias := o.d.Quote(sourceRows(c).alias())
	joined := *o
	joined.expr.excluded = func(col string) string { return alias + "." + o.d.Quote(col) }
	list := []string{alias + "." + o.d.Quote(sourceRows(c).position())}
	for _, col := range f.Return {
		list = append(list, o.expr.stored(col))
	}
	with, from := o.paramTable(c)
	return with + "SELECT " + strings.Join(list, ", ") + " FROM " + from + joined.storedRows(c)
}

func onlyKeyword(is bool) string {
	if is {
		return "ONLY "
	}
	return ""
}
