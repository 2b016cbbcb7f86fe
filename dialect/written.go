package dialect

import "strings"

// The functions in this file wrap an upsert into a statement that says which rows were written.

// counted wraps the statement into a statement that counts the written rows.
func (o *onConflict) counted(statement string, u Upsert) string {
	written, rows, fresh := o.d.Quote(aliasBeside("_w", u.Table.Name)), "COUNT(*)", "0"
	with := "WITH "
	if u.Split {
		before := "(SELECT COUNT(*) FROM " + o.d.Quote(aliasBeside(absentAlias, u.Table.Name)) + ")"
		with, rows, fresh = with+strings.TrimSuffix(o.split(u), " ")+", ", before+" + "+rows, before
	}
	back := " RETURNING 1"
	if u.Report && o.flag != nil {
		back = o.flagged(u)
		flagged := "COUNT(*) FILTER (WHERE " + written + "." + o.d.Quote("_new") + ")"
		if u.Split {
			flagged = fresh + " + " + flagged
		}
		fresh = flagged
	}
	return with + written + " AS (" + statement + back + ") SELECT " + rows + ", " + fresh + " FROM " + written
}

// flagged returns each written row's flag, as a column with a name.
func (o *onConflict) flagged(u Upsert) string {
	return " RETURNING " + o.with + o.flag(u.Target.Columns) + " AS " + o.d.Quote("_new")
}

// told wraps the statement into a statement that selects no row, one row or two rows, without columns.
func (o *onConflict) told(statement string, u Upsert) string {
	written, fresh := o.d.Quote(aliasBeside("_w", u.Table.Name)), o.d.Quote("_new")
	all := "SELECT FROM " + written
	return "WITH " + written + " AS (" + statement + o.flagged(u) + ") " +
		all + " UNION ALL " + all + " WHERE " + written + "." + fresh
}
