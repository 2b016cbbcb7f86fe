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
	if u.Removes {
		removing := *o
		removing.patch = func(c string) string { return o.again(place(u.Columns, c)) }
		o = &removing
	}
	var b strings.Builder
	b.WriteString("INSERT INTO " + o.QuoteTable(u.Table) + " AS " + o.Quote(storedAlias) + " (" + quoteList(o.Dialect, names(u.Columns)) + ") VALUES ")
	o.tuples(&b, u.Columns, u.Rows, func(n int, c Column) string { return o.inserted(c, o.param(n, "")) }, noLead)
	b.WriteString(" ON CONFLICT ")
	o.target(&b, u.Target)
	o.action(&b, u)
	o.returning(&b, u)
	return b.String(), nil
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
	set, version := assigned(u.Columns, u.Target.Columns)
	folded := o.folded(u.Columns, u.Target.Columns)
	idle := o.idle(u)
	if u.Mode == Create || onlyTouches(set) && (folded == "" || idle == "" || !u.Guard) {
		b.WriteString(" DO NOTHING")
		return
	}
	b.WriteString(" DO UPDATE SET ")
	// A row that is the same is not written: no new row version, no trigger (hazard P13).
	cond := o.changes(set)
	switch {
	case version != nil:
		cond = o.newer(*version)
	case onlyTouches(set): // the update is there for its condition, which no row meets
		cond = "FALSE"
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
	set, version := assigned(c.Columns, c.Target.Columns)
	given := *o
	given.excluded = func(col string) string { return o.Quote(c.alias()) + "." + o.Quote(col) }
	var b strings.Builder
	with, from := o.values(c)
	b.WriteString(with + "SELECT " + o.Quote(c.alias()) + "." + o.Quote(c.place()) + ", " + given.fate(c, set, version) +
		" FROM " + from + " JOIN " + o.QuoteTable(c.Table) + " AS " + o.Quote(storedAlias) + " ON ")
	for i, k := range c.Target.Columns {
		if i > 0 {
			b.WriteString(" AND ")
		}
		b.WriteString(given.stored(k) + " = " + given.excluded(k))
	}
	return b.String(), nil
}

// given lists the columns of Compare's table of parameters.
func (o *onConflict) given(c Compare) string {
	return o.Quote(c.place()) + ", " + quoteList(o.Dialect, names(c.Columns))
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

// givenAlias is the table of parameters.
const givenAlias = "_e"

// alias is the name of the table of parameters.
func (c *Compare) alias() string { return aliasBeside(givenAlias, c.Table.Name) }

// place is the name of its column with a row's place in it: none of the table's.
func (c *Compare) place() string {
	name := "_at"
	for slices.ContainsFunc(c.Columns, func(col Column) bool { return strings.EqualFold(col.Name, name) }) {
		name += "_"
	}
	return name
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
