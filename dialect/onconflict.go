package dialect

import (
	"slices"
	"strings"
)

// storedAlias is the target table's alias. With it a stored column can always be told from the excluded row's (hazard P14).
const storedAlias = "_t"

// onConflict writes the statements of the databases that have INSERT … ON CONFLICT (target).
type onConflict struct {
	d          Dialect
	expr       grammar
	stored     string                          // the name of the stored row
	param      func(n int, cast string) string // the n-th parameter, for the first time
	paramAgain func(n int) string              // the n-th parameter once more
	// marker returns an expression in RETURNING that is true for an insert; nil if the database has no such expression.
	marker        func(stored string, target []string) string
	returningWith string // the beginning of RETURNING
	// onlyIf returns a further condition of DO UPDATE; nil if there is none.
	onlyIf func(stored func(column string) string) string
	// columnOf writes a column of the table in RETURNING and SELECT; nil if the name alone will do.
	columnOf func(t Table, column string) string
	// paramTable writes the table of parameters that Compare joins, and the text that this table needs before the SELECT.
	paramTable func(c Compare) (with, from string)
}

func (o *onConflict) upsert(u Upsert) (string, error) {
	if err := refuseSource(o.d, u.Source, u.Filter || u.Split || u.Count); err != nil {
		return "", err
	}
	if u.Target.Where != "" && (u.Filter || u.Split) {
		return "", &UnsupportedError{Feature: "filter before an upsert by a partial unique index", Dialect: o.d.Name()}
	}
	if u.Removes {
		deleting := *o
		deleting.expr.patch = func(c string) string { return o.paramAgain(paramNumber(u.Columns, c)) }
		o = &deleting
	}
	if u.Mode == Change {
		return o.update(u), nil
	}
	if u.isPlain() {
		o = o.withoutAlias(u.Table)
	}
	var b strings.Builder
	o.writeInto(&b, u)
	switch {
	case u.Split:
		o.writePartition(&b, u, "NOT ")
	case u.Source == FromParams && !u.Filter:
		b.WriteString("VALUES ")
		o.expr.writeTuples(&b, u.Columns, u.Rows, func(n int, c Column) string { return o.expr.insertedValue(c, o.param(n, "")) }, noLeadingValue)
	default:
		o.writeSelect(&b, u)
	}
	b.WriteString(" ON CONFLICT ")
	o.writeTarget(&b, u.Target)
	o.writeAction(&b, u)
	switch {
	case u.Count:
		return o.count(b.String(), u), nil
	case u.Split:
		return "WITH " + o.partition(u) + b.String(), nil
	case u.Report && u.Result && o.marker != nil:
		return o.reportInResult(b.String(), u), nil
	}
	o.writeReturning(&b, u)
	return b.String(), nil
}

func (o *onConflict) writeInto(b *strings.Builder, u Upsert) {
	b.WriteString("INSERT INTO " + o.d.QuoteTable(u.Table))
	if o.stored == storedAlias {
		b.WriteString(" AS " + o.d.Quote(storedAlias))
	}
	b.WriteString(" (" + quoteList(o.d, columnNames(u.Columns)) + ") ")
}

// withoutAlias returns the syntax of a statement in which the stored row has the table's name. A table keeps its alias (hazard P14)
// if it has the name of the excluded row, or a name that can be one of the other aliases.
func (o *onConflict) withoutAlias(t Table) *onConflict {
	if strings.EqualFold(t.Name, "excluded") || strings.HasPrefix(t.Name, "_") {
		return o
	}
	plain := *o
	plain.stored = t.Name
	plain.expr.stored = func(c string) string { return o.d.Quote(t.Name) + "." + o.d.Quote(c) }
	plain.expr.excluded = func(c string) string { return "EXCLUDED." + o.d.Quote(c) }
	return &plain
}

func (o *onConflict) writeTarget(b *strings.Builder, t Target) {
	if t.Constraint != "" {
		b.WriteString("ON CONSTRAINT " + o.d.Quote(t.Constraint))
		return
	}
	b.WriteString("(" + quoteList(o.d, t.Columns) + ")")
	if t.Where != "" {
		b.WriteString(" WHERE " + t.Where)
	}
}

func (o *onConflict) writeAction(b *strings.Builder, u Upsert) {
	set, _ := assignedColumns(u.Columns, u.Target.Columns)
	differ := o.expr.keyBytesDiffer(u.Columns, u.Target.Columns)
	noOp := o.noOpColumn(u)
	if u.Mode == Create || onlyTouches(set) && (differ == "" || noOp == "" || !u.Guard) {
		b.WriteString(" DO NOTHING")
		return
	}
	b.WriteString(" DO UPDATE")
	o.writeSet(b, u)
}

// update writes an UPDATE of the stored row by the parameters, which are numbered as in an insert.
func (o *onConflict) update(u Upsert) string {
	updating := *o
	updating.expr.excluded = func(name string) string {
		if i := slices.IndexFunc(u.Columns, func(c Column) bool { return c.Name == name }); u.Columns[i].Now {
			return o.expr.clock(u.Columns[i])
		}
		return o.paramAgain(paramNumber(u.Columns, name))
	}
	var b strings.Builder
	b.WriteString("UPDATE " + o.d.QuoteTable(u.Table) + " AS " + o.d.Quote(storedAlias))
	updating.writeSet(&b, u)
	b.WriteString(" AND " + strings.Join(append(updating.keyConditions(u.Target.Columns), u.Target.covered()...), " AND "))
	o.writeReturning(&b, u)
	return b.String()
}

// writeSet writes the assignments and the condition under which they are made, for mode Change in parentheses.
func (o *onConflict) writeSet(b *strings.Builder, u Upsert) {
	set, version := assignedColumns(u.Columns, u.Target.Columns)
	differ := o.expr.keyBytesDiffer(u.Columns, u.Target.Columns)
	b.WriteString(" SET ")
	// An unchanged row is not written: no new row version, no trigger (hazard P13).
	cond := o.expr.changes(set)
	switch {
	case version != nil:
		cond = o.expr.newer(*version)
	case onlyTouches(set): // the update is there for its condition, which no row meets
		cond = "FALSE"
		noOp := o.noOpColumn(u)
		b.WriteString(o.d.Quote(noOp) + " = " + o.expr.stored(noOp))
		set = nil
	}
	for i, c := range set {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(o.d.Quote(c.Name) + " = " + o.expr.value(c))
	}
	// Two keys that are equal only under a collation are two rows on another database: neither may overwrite the other.
	if differ != "" {
		key := o.expr.excluded(u.Target.Columns[0])
		cond = "CASE WHEN " + differ + " THEN " + o.expr.fail(key) + " ELSE " + cond + " END"
	}
	if u.Mode == Change || o.onlyIf != nil { // more conditions follow
		cond = "(" + cond + ")"
	}
	b.WriteString(" WHERE " + cond)
	if o.onlyIf != nil {
		b.WriteString(" AND " + o.onlyIf(o.expr.stored))
	}
}

// noOpColumn returns a column that an update can assign to itself, or "". On PostgreSQL the column is not part of the key,
// because updating the key would lock out the inserts of rows that refer to this row (hazard P11).
func (o *onConflict) noOpColumn(u Upsert) string {
	for _, c := range u.Columns {
		if c.Rule != Key && !slices.Contains(u.Target.Columns, c.Name) {
			return c.Name
		}
	}
	if o.d.Traits().Immediate {
		return u.Target.Columns[0]
	}
	return ""
}

func (o *onConflict) writeReturning(b *strings.Builder, u Upsert) {
	report := u.Report && o.marker != nil
	if !report && len(u.Return) == 0 {
		return
	}
	b.WriteString(" RETURNING ")
	if report {
		b.WriteString(o.returningWith + o.marker(o.stored, u.Target.Columns))
		if len(u.Return) > 0 {
			b.WriteString(", ")
		}
	}
	b.WriteString(o.columns(u.Table, u.Return))
}

// columns returns a list of the table's columns.
func (o *onConflict) columns(t Table, columns []string) string {
	if o.columnOf == nil {
		return quoteList(o.d, columns)
	}
	var list []string
	for _, c := range columns {
		list = append(list, o.columnOf(t, c))
	}
	return strings.Join(list, ", ")
}
