package dialect

import (
	"slices"
	"strconv"
	"strings"
)

// storedAlias is the target table's alias, so that a column of it can always be told from the excluded row's (hazard P14).
const storedAlias = "_t"

// onConflict writes the statements of the databases that have INSERT … ON CONFLICT (target).
type onConflict struct {
	Dialect
	grammar
	param func(n int, cast string) string // the n-th parameter, for the first time
	again func(n int) string              // the n-th parameter once more
	flag  func(target []string) string    // what RETURNING tells an insert by; nil where nothing does
	with  string                          // what opens RETURNING
	// values writes the table of parameters that Compare joins with, and what must stand before the SELECT for it.
	values func(c Compare) (with, from string)
}

func (o *onConflict) upsert(u Upsert) (string, error) {
	if err := refuseSource(o.Dialect, u.Source, u.Filter || u.Split || u.Count); err != nil {
		return "", err
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
	if u.Source == FromParams && !u.Filter {
		b.WriteString("VALUES ")
		o.tuples(&b, u.Columns, u.Rows, func(n int, c Column) string { return o.inserted(c, o.param(n, "")) }, noLead)
	} else {
		o.selected(&b, u, u.which())
	}
	b.WriteString(" ON CONFLICT ")
	o.target(&b, u.Target)
	o.action(&b, u)
	switch {
	case u.Count:
		return o.counted(b.String(), u), nil
	case u.Split:
		return "WITH " + o.absent(u) + b.String(), nil
	}
	o.returning(&b, u)
	return b.String(), nil
}

func (o *onConflict) into(b *strings.Builder, u Upsert) {
	b.WriteString("INSERT INTO " + o.QuoteTable(u.Table) + " AS " + o.Quote(storedAlias) + " (" + quoteList(o.Dialect, names(u.Columns)) + ") ")
}

// which rows of the source are taken.
type which int

const (
	all       which = iota
	notSame         // not those that would change nothing
	different       // those that are there and would change
	absent          // those whose key is not there
)

func (u *Upsert) which() which {
	switch {
	case u.Split:
		return different
	case u.Filter:
		return notSame
	}
	return all
}

// absent is the part of a split statement that has no word on conflicts. Both parts see one snapshot, so that each row is in
// one of them or in none.
func (o *onConflict) absent(u Upsert) string {
	var b strings.Builder
	b.WriteString(o.Quote(aliasBeside("_a", u.Table.Name)) + " AS (")
	o.into(&b, u)
	o.selected(&b, u, absent)
	if u.Count {
		b.WriteString(" RETURNING 1")
	}
	b.WriteString(") ")
	return b.String()
}

// selected writes the rows as a SELECT, in the order in which they are to be locked (hazard P24), which a join need not keep.
func (o *onConflict) selected(b *strings.Builder, u Upsert, rows which) {
	g := given{Table: u.Table, Columns: u.Columns, Rows: u.Rows, Source: u.Source, Types: u.Types}
	var list []string
	for _, c := range u.Columns {
		list = append(list, o.inserted(c, o.givenValue(g, c)))
	}
	b.WriteString("SELECT " + strings.Join(list, ", ") + " FROM " + o.from(g))
	beside := o.beside(g)
	stored := "EXISTS (SELECT FROM " + only(u.Only) + o.QuoteTable(u.Table) + " AS " + o.Quote(storedAlias) + " WHERE " + beside.joined(u.Target.Columns)
	switch same := beside.unchanged(u); rows {
	case notSame:
		b.WriteString(" WHERE NOT " + stored + same.and("") + ")")
	case different:
		b.WriteString(" WHERE " + stored + same.and("NOT ") + ")")
	case absent:
		b.WriteString(" WHERE NOT " + stored + ")")
	}
	switch {
	case u.Source == FromStage:
		b.WriteString(" ORDER BY " + o.Quote(g.alias()) + ".ctid")
	case u.Source == FromArrays || u.Rows > 1:
		b.WriteString(" ORDER BY " + o.Quote(g.alias()) + "." + o.Quote(g.place()))
	}
}

func only(is bool) string {
	if is {
		return "ONLY "
	}
	return ""
}

// condition is an expression that is never NULL; "" is true.
type condition string

func (c condition) and(not string) string {
	switch {
	case c != "":
		return " AND " + not + "(" + string(c) + ")"
	case not != "":
		return " AND FALSE"
	}
	return ""
}

// unchanged is true of a stored row that a given one with its key would not change. What is stored under a key that only a
// collation takes for the given one is not it, so that the insert meets it and fails.
func (o *onConflict) unchanged(u Upsert) condition {
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
	return condition(strings.Join(parts, " AND "))
}

// counted wraps the statement into one that counts what it writes.
func (o *onConflict) counted(statement string, u Upsert) string {
	written, rows, fresh := o.Quote(aliasBeside("_w", u.Table.Name)), "COUNT(*)", "0"
	with := "WITH "
	if u.Split {
		before := "(SELECT COUNT(*) FROM " + o.Quote(aliasBeside("_a", u.Table.Name)) + ")"
		with, rows, fresh = with+strings.TrimSuffix(o.absent(u), " ")+", ", before+" + "+rows, before
	}
	back := " RETURNING 1"
	if u.Report && o.flag != nil {
		back = " RETURNING " + o.with + o.flag(u.Target.Columns) + " AS " + o.Quote("_new")
		flagged := "COUNT(*) FILTER (WHERE " + written + "." + o.Quote("_new") + ")"
		if u.Split {
			flagged = fresh + " + " + flagged
		}
		fresh = flagged
	}
	return with + written + " AS (" + statement + back + ") SELECT " + rows + ", " + fresh + " FROM " + written
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

// change is an UPDATE of the stored row by the parameters, numbered as an insert's.
func (o *onConflict) change(u Upsert) string {
	given := *o
	given.excluded = func(name string) string {
		if i := slices.IndexFunc(u.Columns, func(c Column) bool { return c.Name == name }); u.Columns[i].Now {
			return o.now
		}
		return o.again(place(u.Columns, name))
	}
	var b strings.Builder
	b.WriteString("UPDATE " + o.QuoteTable(u.Table) + " AS " + o.Quote(storedAlias))
	given.set(&b, u)
	b.WriteString(" AND " + given.joined(u.Target.Columns))
	if u.Target.Where != "" {
		b.WriteString(" AND (" + u.Target.Where + ")")
	}
	o.returning(&b, u)
	return b.String()
}

// set writes the assignments and, in parentheses, the condition under which they are made.
func (o *onConflict) set(b *strings.Builder, u Upsert) {
	set, version := assigned(u.Columns, u.Target.Columns)
	folded := o.folded(u.Columns, u.Target.Columns)
	b.WriteString(" SET ")
	// A row that is the same is not written: no new row version, no trigger (hazard P13).
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
	// Two keys that only a collation takes for one are two rows on another database: neither may be written over.
	if folded != "" {
		key := o.excluded(u.Target.Columns[0])
		cond = "CASE WHEN " + folded + " THEN " + o.fail(key) + " ELSE " + cond + " END"
	}
	if u.Mode == Change { // more conditions follow
		cond = "(" + cond + ")"
	}
	b.WriteString(" WHERE " + cond)
}

// idle is a column that an update can assign to itself, or "". On PostgreSQL it is none of the key's, which would lock out
// the inserts of rows that refer to this one (hazard P11).
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
	b.WriteString(quoteList(o.Dialect, u.Return))
}

func (o *onConflict) compare(c Compare) (string, error) {
	if err := refuseSource(o.Dialect, c.Source, false); err != nil {
		return "", err
	}
	set, version := assigned(c.Columns, c.Target.Columns)
	g := given(c)
	var b strings.Builder
	with, from, place := "", "", o.Quote(g.alias())+"."+o.Quote(g.place())
	beside := o.beside(g)
	if c.Source == FromParams { // with the columns of the database's clock among the parameters
		with, from = o.values(c)
		beside.excluded = func(col string) string { return o.Quote(g.alias()) + "." + o.Quote(col) }
	} else {
		from = o.from(g)
	}
	if c.Source == FromArrays {
		place += " - 1"
	}
	b.WriteString(with + "SELECT " + place + ", " + beside.fate(c, set, version) +
		" FROM " + from + " JOIN " + only(c.Only) + o.QuoteTable(c.Table) + " AS " + o.Quote(storedAlias) + " ON ")
	b.WriteString(beside.joined(c.Target.Columns))
	return b.String(), nil
}

// joined is true of a given row and the one that is stored under its key.
func (o *onConflict) joined(target []string) string {
	var parts []string
	for _, k := range target {
		parts = append(parts, o.stored(k)+" = "+o.excluded(k))
	}
	return strings.Join(parts, " AND ")
}

// fate is one of the Compare numbers.
func (g *grammar) fate(c Compare, set []Column, version *Column) string {
	text := "CASE"
	if folded := g.folded(c.Columns, c.Target.Columns); folded != "" {
		text += " WHEN " + folded + " THEN 3"
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
	return findText(o.Dialect, f, func(n int) string { return o.param(n, f.Types[f.Key[n-1]]) })
}

func findText(d Dialect, f Find, param func(n int) string) string {
	var b strings.Builder
	b.WriteString("SELECT " + quoteList(d, f.Return) + " FROM " + d.QuoteTable(f.Table) + " WHERE ")
	for i, k := range f.Key {
		if i > 0 {
			b.WriteString(" AND ")
		}
		b.WriteString(d.Quote(k) + " = " + param(i+1))
	}
	if f.Lock {
		b.WriteString(d.Traits().LockingRead)
	}
	return b.String()
}

func rowPlace(row int) string { return strconv.Itoa(row) + ", " }
