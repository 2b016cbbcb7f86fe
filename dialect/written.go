package dialect

import "strings"

// The functions in this file wrap an upsert into a statement that says which rows were written.

// count wraps the statement into a statement that counts the written rows.
func (o *onConflict) count(statement string, u Upsert) string {
	written, rows, fresh := o.d.Quote(distinctAlias("_w", u.Table.Name)), "COUNT(*)", "0"
	with := "WITH "
	if u.Split {
		before := "(SELECT COUNT(*) FROM " + o.d.Quote(distinctAlias(missingAlias, u.Table.Name)) + ")"
		with, rows, fresh = with+strings.TrimSuffix(o.partition(u), " ")+", ", before+" + "+rows, before
	}
	back := " RETURNING 1"
	if u.Answer.Report && o.marker != nil {
		back = o.returningMarker(u)
		marked := "COUNT(*) FILTER (WHERE " + written + "." + o.d.Quote("_new") + ")"
		if u.Split {
			marked = fresh + " + " + marked
		}
		fresh = marked
	}
	return with + written + " AS (" + statement + back + ") SELECT " + rows + ", " + fresh + " FROM " + written
}

// returningMarker returns each written row's insert marker, as a column with a name.
func (o *onConflict) returningMarker(u Upsert) string {
	return " RETURNING " + o.returningWith + o.marker(o.stored, u.Target.Columns) + " AS " + o.d.Quote("_new")
}

// reportInResult wraps the statement into a statement that selects no row, one row or two rows, without columns.
func (o *onConflict) reportInResult(statement string, u Upsert) string {
	written, fresh := o.d.Quote(distinctAlias("_w", u.Table.Name)), o.d.Quote("_new")
	all := "SELECT FROM " + written
	return "WITH " + written + " AS (" + statement + o.returningMarker(u) + ") " +
		all + " UNION ALL " + all + " WHERE " + written + "." + fresh
}
