package dialect

import (
	"slices"
	"strconv"
	"strings"
)

// storedAlias is the target table's alias. With it a stored column can always be told from the excluded row's (hazard P14).
const storedAlias = "_t"

// onConflict writes the statements of the databases that have INSERT … ON CONFLICT (target).
type onConflict struct {
	Dialect
	grammar
	param func(n int, cast string) string // the n-th parameter, for the first time
	again func(n int) string              // the n-th parameter once more
	flag  func(target []string) string    // an expression in RETURNING that is true for an insert; nil if the database has none
	with  string                          // the beginning of RETURNING
	// returned writes a column of the table in RETURNING and SELECT; nil if the name alone will do.
	returned func(t Table, column string) string
	// values writes the table of parameters that Compare joins, and the text that this table needs before the SELECT.
	values func(c Compare) (with, from string)
}

func (o *onConflict) upsert(u Upsert) (string, error) {
	if err := refuseSource(o.Dialect, u.Source, u.Filter || u.Split || u.Count); err != nil {
		return "", err
	}
	if u.Target.Where != "" && (u.Filter || u.Split) {
		return "", &UnsupportedError{Feature: "filter before an upsert by a partial unique index", Dialect: o.Name()}
	}
	if u.Removes {
		removing := *o
		removing.patch = func(c string) string { return o.again(place(u.Columns, c)) }
		o = &removing
	}
	var b strings.Builder
	if u.Mode == Change {
		return o.change(u), nil
	}
	o.into(&b, u)
	switch {
	case u.Split:
		o.met(&b, u, "NOT ")
	case u.Source == FromParams && !u.Filter:
		b.WriteString("VALUES ")
		o.tuples(&b, u.Columns, u.Rows, func(n int, c Column) string { return o.inserted(c, o.param(n, "")) }, noLead)
	default:
		o.selected(&b, u)
	}
	b.WriteString(" ON CONFLICT ")
	o.target(&b, u.Target)
	o.action(&b, u)
	switch {
	case u.Count:
		return o.counted(b.String(), u), nil
	case u.Split:
		return "WITH " + o.split(u) + b.String(), nil
	case u.Report && u.Result && o.flag != nil:
		return o.told(b.String(), u), nil
	}
	o.returning(&b, u)
	return b.String(), nil
}

func (o *onConflict) into(b *strings.Builder, u Upsert) {
	b.WriteString("INSERT INTO " + o.QuoteTable(u.Table) + " AS " + o.Quote(storedAlias) + " (" + quoteList(o.Dialect, names(u.Columns)) + ") ")
}

// selected writes the rows as a SELECT. If the statement filters, the SELECT leaves out the rows that would change nothing.
func (o *onConflict) selected(b *strings.Builder, u Upsert) {
	g := u.given()
	b.WriteString("SELECT " + strings.Join(o.givenList(u), ", ") + " FROM " + o.from(g))
	if u.Filter {
		beside := o.beside(g)
		// OFFSET 0 keeps the planner from a join: each row is looked up by its key, even if the statistics say that the table
		// is empty.
		b.WriteString(" WHERE NOT EXISTS (SELECT FROM " + only(u.Only) + o.QuoteTable(u.Table) + " AS " + o.Quote(storedAlias) +
			" WHERE " + strings.Join(append(beside.joined(u.Target.Columns), beside.unchanged(u)...), " AND ") + " OFFSET 0)")
	}
	o.ordered(b, u)
}

// ordered makes the database insert the rows in the order in which they must be locked (hazard P24). A join need not keep this
// order.
func (o *onConflict) ordered(b *strings.Builder, u Upsert) {
	switch g := u.given(); {
	case u.Source == FromStage:
		b.WriteString(" ORDER BY " + o.Quote(g.alias()) + ".ctid")
	case u.Source == FromArrays || u.Rows > 1:
		b.WriteString(" ORDER BY " + o.Quote(g.alias()) + "." + o.Quote(g.place()))
	}
}

func (u Upsert) given() given {
	return given{Table: u.Table, Columns: u.Columns, Rows: u.Rows, Source: u.Source, Types: u.Types, Nth: u.Nth}
}

// givenList returns the values of the columns that are inserted.
func (o *onConflict) givenList(u Upsert) []string {
	var list []string
	for _, c := range u.Columns {
		list = append(list, o.inserted(c, o.givenValue(u.given(), c)))
	}
	return list
}

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
	absent := o.stored(u.Target.Columns[0]) + " IS NULL"
	var list []string
	for i, value := range o.givenList(u) {
		list = append(list, value+" AS "+o.Quote(u.Columns[i].Name))
	}
	var b strings.Builder
	b.WriteString(o.Quote(aliasBeside(metAlias, u.Table.Name)) + " AS (SELECT " + strings.Join(list, ", ") + ", " + absent + " AS " + o.Quote(columnBeside(absentMark, u.Columns)) +
		" FROM " + o.from(g) + " LEFT JOIN " + only(u.Only) + o.QuoteTable(u.Table) + " AS " + o.Quote(storedAlias) + " ON " + strings.Join(beside.joined(u.Target.Columns), " AND ") +
		" WHERE " + absent)
	if same := beside.unchanged(u); len(same) > 0 {
		b.WriteString(" OR NOT (" + strings.Join(same, " AND ") + ")")
	}
	b.WriteString("), " + o.Quote(aliasBeside(absentAlias, u.Table.Name)) + " AS (")
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
	from := o.Quote(aliasBeside(metAlias, u.Table.Name))
	b.WriteString("SELECT " + quoteList(o.Dialect, names(u.Columns)) + " FROM " + from + " WHERE " + not + from + "." + o.Quote(columnBeside(absentMark, u.Columns)))
}

// unchanged returns conditions that together are true for a stored row that a source row with its key would not change.
// Together they are never NULL. If the keys are equal only under a collation, the conditions are false, so that the insert
// meets the stored row and fails.
func (o *onConflict) unchanged(u Upsert) []string {
	var parts []string
	if folded := o.folded(u.Columns, u.Target.Columns); folded != "" {
		parts = append(parts, "NOT ("+folded+")")
	}
	switch set, version := assigned(u.Columns, u.Target.Columns); {
	case u.Mode == Create || onlyTouches(set):
	case version != nil:
		parts = append(parts, "("+o.newer(*version)+") IS NOT TRUE")
	default:
		parts = append(parts, "NOT ("+o.changes(set)+")")
	}
	return parts
}

// counted wraps the statement into a statement that counts the written rows.
func (o *onConflict) counted(statement string, u Upsert) string {
	written, rows, fresh := o.Quote(aliasBeside("_w", u.Table.Name)), "COUNT(*)", "0"
	with := "WITH "
	if u.Split {
		before := "(SELECT COUNT(*) FROM " + o.Quote(aliasBeside(absentAlias, u.Table.Name)) + ")"
		with, rows, fresh = with+strings.TrimSuffix(o.split(u), " ")+", ", before+" + "+rows, before
	}
	back := " RETURNING 1"
	if u.Report && o.flag != nil {
		back = o.flagged(u)
		flagged := "COUNT(*) FILTER (WHERE " + written + "." + o.Quote("_new") + ")"
		if u.Split {
			flagged = fresh + " + " + flagged
		}
		fresh = flagged
	}
	return with + written + " AS (" + statement + back + ") SELECT " + rows + ", " + fresh + " FROM " + written
}

// flagged returns each written row's flag, as a column with a name.
func (o *onConflict) flagged(u Upsert) string {
	return " RETURNING " + o.with + o.flag(u.Target.Columns) + " AS " + o.Quote("_new")
}

// told wraps the statement into a statement that selects no row, one row or two rows, without columns.
func (o *onConflict) told(statement string, u Upsert) string {
	written, fresh := o.Quote(aliasBeside("_w", u.Table.Name)), o.Quote("_new")
	all := "SELECT FROM " + written
	return "WITH " + written + " AS (" + statement + o.flagged(u) + ") " +
		all + " UNION ALL " + all + " WHERE " + written + "." + fresh
}

func only(is bool) string {
	if is {
		return "ONLY "
	}
	return ""
}

func (o *onConflict) target(b *strings.Builder, t Target) {
	if t.Constraint != "" {
		b.WriteString("ON CONSTRAINT " + o.Quote(t.Constraint))
		return
	}
	b.WriteString("(" + quoteList(o.Dialect, t.Columns) + ")")
	if t.Where != "" {
		b.WriteString(" WHERE " + t.Where)
	}
}

func (o *onConflict) action(b *strings.Builder, u Upsert) {
	set, _ := assigned(u.Columns, u.Target.Columns)
	folded := o.folded(u.Columns, u.Target.Columns)
	idle := o.idle(u)
	if u.Mode == Create || onlyTouches(set) && (folded == "" || idle == "" || !u.Guard) {
		b.WriteString(" DO NOTHING")
		return
	}
	b.WriteString(" DO UPDATE")
	o.set(b, u)
}

// change writes an UPDATE of the stored row by the parameters, which are numbered as in an insert.
func (o *onConflict) change(u Upsert) string {
	given := *o
	given.excluded = func(name string) string {
		if i := slices.IndexFunc(u.Columns, func(c Column) bool { return c.Name == name }); u.Columns[i].Now {
			return o.clock(u.Columns[i])
		}
		return o.again(place(u.Columns, name))
	}
	var b strings.Builder
	b.WriteString("UPDATE " + o.QuoteTable(u.Table) + " AS " + o.Quote(storedAlias))
	given.set(&b, u)
	b.WriteString(" AND " + strings.Join(append(given.joined(u.Target.Columns), u.Target.covered()...), " AND "))
	o.returning(&b, u)
	return b.String()
}

// set writes the assignments and the condition under which they are made, for mode Change in parentheses.
func (o *onConflict) set(b *strings.Builder, u Upsert) {
	set, version := assigned(u.Columns, u.Target.Columns)
	folded := o.folded(u.Columns, u.Target.Columns)
	b.WriteString(" SET ")
	// An unchanged row is not written: no new row version, no trigger (hazard P13).
	cond := o.changes(set)
	switch {
	case version != nil:
		cond = o.newer(*version)
	case onlyTouches(set): // the update is there for its condition, which no row meets
		cond = "FALSE"
		idle := o.idle(u)
		b.WriteString(o.Quote(idle) + " = " + o.stored(idle))
		set = nil
	}
	for i, c := range set {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(o.Quote(c.Name) + " = " + o.value(c))
	}
	// Two keys that are equal only under a collation are two rows on another database: neither may overwrite the other.
	if folded != "" {
		key := o.excluded(u.Target.Columns[0])
		cond = "CASE WHEN " + folded + " THEN " + o.fail(key) + " ELSE " + cond + " END"
	}
	if u.Mode == Change { // more conditions follow
		cond = "(" + cond + ")"
	}
	b.WriteString(" WHERE " + cond)
}

// idle returns a column that an update can assign to itself, or "". On PostgreSQL the column is not part of the key, because
// updating the key would lock out the inserts of rows that refer to this row (hazard P11).
func (o *onConflict) idle(u Upsert) string {
	for _, c := range u.Columns {
		if c.Rule != Key && !slices.Contains(u.Target.Columns, c.Name) {
			return c.Name
		}
	}
	if o.Traits().Immediate {
		return u.Target.Columns[0]
	}
	return ""
}

func (o *onConflict) returning(b *strings.Builder, u Upsert) {
	report := u.Report && o.flag != nil
	if !report && len(u.Return) == 0 {
		return
	}
	b.WriteString(" RETURNING ")
	if report {
		b.WriteString(o.with + o.flag(u.Target.Columns))
		if len(u.Return) > 0 {
			b.WriteString(", ")
		}
	}
	b.WriteString(o.columns(u.Table, u.Return))
}

// columns returns a list of the table's columns.
func (o *onConflict) columns(t Table, columns []string) string {
	if o.returned == nil {
		return quoteList(o.Dialect, columns)
	}
	var list []string
	for _, c := range columns {
		list = append(list, o.returned(t, c))
	}
	return strings.Join(list, ", ")
}

func rowPlace(row int) string { return strconv.Itoa(row) + ", " }
