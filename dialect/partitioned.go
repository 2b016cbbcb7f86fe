package dialect

import "strings"

// The aliases in a partitioned upsert, and the column that says whether a row is missing in the table.
const (
	partitionAlias = "_m" // the rows to write
	missingAlias   = "_a" // the insert of the rows whose key is not stored
	missingMark    = "_upsert_absent"
)

// partition joins the source rows with the stored rows once, and inserts the rows whose key is not stored. The statement that
// follows writes the other rows. Both see one snapshot, so a row is in one of them or in none. The CTE is used twice, which
// keeps PostgreSQL from evaluating it twice.
func (o *onConflict) partition(u Upsert) string {
	g := u.sourceRows()
	joined := o.withSource(g)
	missing := o.expr.stored(u.Target.Columns[0]) + " IS NULL"
	var list []string
	for i, value := range o.sourceValues(u) {
		list = append(list, value+" AS "+o.d.Quote(u.Columns[i].Name))
	}
	var b strings.Builder
	b.WriteString(o.d.Quote(distinctAlias(partitionAlias, u.Table.Name)) + " AS (SELECT " + strings.Join(list, ", ") + ", " + missing + " AS " + o.d.Quote(distinctColumn(missingMark, u.Columns)) +
		" FROM " + o.fromItem(g) + " LEFT JOIN " + onlyKeyword(u.Stored.Only) + o.d.QuoteTable(u.Table) + " AS " + o.d.Quote(storedAlias) + " ON " + strings.Join(joined.keyConditions(u.Target.Columns), " AND ") +
		" WHERE " + missing)
	if same := joined.unchangedConditions(u); len(same) > 0 {
		b.WriteString(" OR NOT (" + strings.Join(same, " AND ") + ")")
	}
	b.WriteString("), " + o.d.Quote(distinctAlias(missingAlias, u.Table.Name)) + " AS (")
	o.writeInto(&b, u)
	o.writePartition(&b, u, "")
	if u.Answer.Count {
		b.WriteString(" RETURNING 1")
	}
	b.WriteString(") ")
	return b.String()
}

// writePartition selects the rows whose key is not stored, or, if not is "NOT ", the rows whose key is stored.
func (o *onConflict) writePartition(b *strings.Builder, u Upsert, not string) {
	from := o.d.Quote(distinctAlias(partitionAlias, u.Table.Name))
	b.WriteString("SELECT " + quoteList(o.d, columnNames(u.Columns)) + " FROM " + from + " WHERE " + not + from + "." + o.d.Quote(distinctColumn(missingMark, u.Columns)))
}
