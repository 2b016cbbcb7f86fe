package dialect

import "strings"

// The aliases in a split statement, and the column that tells its rows apart.
const (
	metAlias    = "_m" // the rows to write
	absentAlias = "_a" // the insert of the rows whose key is not stored
	absentMark  = "_upsert_absent"
)

// split joins the source rows with the stored rows once, and inserts the rows whose key is not stored. The statement that
// follows writes the other rows. Both see one snapshot, so a row is in one of them or in none. The CTE is used twice, which
// keeps PostgreSQL from evaluating it twice.
func (o *onConflict) split(u Upsert) string {
	g := u.given()
	beside := o.beside(g)
	absent := o.expr.stored(u.Target.Columns[0]) + " IS NULL"
	var list []string
	for i, value := range o.givenList(u) {
		list = append(list, value+" AS "+o.d.Quote(u.Columns[i].Name))
	}
	var b strings.Builder
	b.WriteString(o.d.Quote(aliasBeside(metAlias, u.Table.Name)) + " AS (SELECT " + strings.Join(list, ", ") + ", " + absent + " AS " + o.d.Quote(columnBeside(absentMark, u.Columns)) +
		" FROM " + o.from(g) + " LEFT JOIN " + only(u.Only) + o.d.QuoteTable(u.Table) + " AS " + o.d.Quote(storedAlias) + " ON " + strings.Join(beside.joined(u.Target.Columns), " AND ") +
		" WHERE " + absent)
	if same := beside.unchanged(u); len(same) > 0 {
		b.WriteString(" OR NOT (" + strings.Join(same, " AND ") + ")")
	}
	b.WriteString("), " + o.d.Quote(aliasBeside(absentAlias, u.Table.Name)) + " AS (")
	o.into(&b, u)
	o.met(&b, u, "")
	if u.Count {
		b.WriteString(" RETURNING 1")
	}
	b.WriteString(") ")
	return b.String()
}

// met selects the rows whose key is not stored, or, if not is "NOT ", the rows whose key is stored.
func (o *onConflict) met(b *strings.Builder, u Upsert, not string) {
	from := o.d.Quote(aliasBeside(metAlias, u.Table.Name))
	b.WriteString("SELECT " + quoteList(o.d, names(u.Columns)) + " FROM " + from + " WHERE " + not + from + "." + o.d.Quote(columnBeside(absentMark, u.Columns)))
}
