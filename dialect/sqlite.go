package dialect

import (
	"strconv"
	"strings"
)

// SQLite is SQLite from 3.35 on (RETURNING, and DO UPDATE beside other clauses).
var SQLite Dialect = sqlite{}

type sqlite struct{ version string }

func (sqlite) Name() string      { return "sqlite" }
func (d sqlite) Version() string { return d.version }
func (sqlite) family() string    { return "sqlite" }

// sqliteParams is the default of SQLITE_MAX_VARIABLE_NUMBER since 3.32 (sqlite.org/limits.html).
const sqliteParams = 32766

func (sqlite) Traits() Traits {
	return Traits{
		MaxParams: sqliteParams, MaxRows: 256, MaxBytes: 4 << 20,
		Reporting: ReportBeforehand, Returning: true, PrepareChunks: true, QueryBinds: true, Immediate: true, UTC: true, NullNaN: true, FoldsNames: true,
	}
}

func (d sqlite) CheckIdent(name string) error { return checkIdent(d.Name(), name, 0, byteLen) }
func (sqlite) Quote(name string) string       { return quoteWith(`"`, name) }
func (d sqlite) QuoteTable(t Table) string    { return quoteTable(d, t) }

func (d sqlite) Upsert(u Upsert) (string, error) {
	if u.Target.Constraint != "" {
		return "", &UnsupportedError{Feature: "ON CONSTRAINT", Dialect: d.Name(), Hint: "leave OnConstraint out: the target is inferred from the key's columns"}
	}
	o := d.syntax().rounding(u.Wide)
	if u.RowID != "" && u.Report && u.isPlain() {
		o.markByRowID(u)
	}
	return o.upsert(u)
}

func (d sqlite) Compare(c Compare) (string, error) { return d.syntax().rounding(c.Wide).compare(c) }

// IsExact: SQLite compares texts by the column's collation, and everything else by value.
func (sqlite) IsExact(c Column, folds bool) bool { return !folds && c.Rule != Merge }

// markByRowID makes the statement tell an inserted row from an updated one. An insert sets last_insert_rowid() to the row's rowid, and an
// update leaves it as it is. So an update is kept from a row that the connection inserted last, because the two would look alike. Then the
// statement writes nothing, as for an unchanged row. With Result the flag is in the Result: LastInsertId is last_insert_rowid().
func (o *onConflict) markByRowID(u Upsert) {
	o.onlyIf = func(stored func(string) string) string { return stored(u.RowID) + " <> last_insert_rowid()" }
	if u.Result {
		return
	}
	o.marker = func(string, []string) string { return o.columnOf(u.Table, u.RowID) + " = last_insert_rowid()" }
}

// rounding makes a REAL column's value equal to an integer that the column would round to this value. A parameter does not
// have the column's type, as an inserted value has (hazard S19).
func (o *onConflict) rounding(wide bool) *onConflict {
	if exact := o.expr.distinct; wide {
		o.expr.distinct = func(a, b string, k Kind) string {
			if k != KindNumber && k != KindAny && k != KindExact {
				return exact(a, b, k)
			}
			return "(" + exact(a, b, k) + " AND NOT (typeof(" + a + ") = 'real' AND " + a + " IS CAST(" + b + " AS REAL)))"
		}
	}
	return o
}

// Catalog returns "" because a statement needs no types.
func (sqlite) Catalog(Table, Target) string { return "" }

// Stage is refused: binding a value copies it already, so a staging table would gain nothing.
func (d sqlite) Stage(Stage) (StageText, error) { return StageText{}, refuseStage(d) }

// Lock returns a DELETE without rows: a DELETE begins a write transaction before it looks for rows.
func (d sqlite) Lock(t Table) string { return "DELETE FROM " + d.QuoteTable(t) + " WHERE 0" }

func (d sqlite) Find(f Find) string { return d.syntax().find(f) }

func (d sqlite) FindAll(f FindAll) (text string, times int) { return d.syntax().findAll(f), 1 }

// UniqueIndex: SQLite refuses a statement whose target has no unique index.
func (sqlite) UniqueIndex(Table, []string) IndexText { return IndexText{} }

// sqliteOperator makes a sum of two integers fail if the sum is not an integer: SQLite would make the sum a REAL (hazard S17).
// The abs of the least integer is the part that fails. It depends on the row, because SQLite could otherwise evaluate it
// before looking at a row.
func sqliteOperator(a, op, b string) string {
	result := a + op + b
	if op != " + " {
		return result
	}
	is := func(x, typ string) string { return "typeof(" + x + ") = '" + typ + "'" }
	return "CASE WHEN " + is(result, "real") + " AND " + is(a, "integer") + " AND " + is(b, "integer") +
		" THEN abs((-9223372036854775807 - 1) * (" + a + " IS NOT NULL)) ELSE " + result + " END"
}

func (d sqlite) syntax() *onConflict {
	o := &onConflict{
		d: d, stored: storedAlias,
		expr: grammar{
			stored:   func(c string) string { return d.Quote(storedAlias) + "." + d.Quote(c) },
			excluded: func(c string) string { return "excluded." + d.Quote(c) },
			// Without COLLATE BINARY, a NOCASE column would treat 'a' as 'A' and never be corrected.
			distinct: func(a, b string, k Kind) string {
				if k == kindMerged {
					a, b = "json("+a+")", "json("+b+")"
				}
				if k == KindExact {
					return a + " IS NOT " + b
				}
				return a + " IS NOT " + b + " COLLATE BINARY"
			},
			merge:    func(t, p string) string { return "json_patch(" + t + ", " + p + ")" },
			document: func(x string) string { return x },
			fail:     func(key string) string { return "json_extract('{}', '" + otherKeyMark + " ' || " + key + ")" },
			operator: sqliteOperator,
			// This is the format in which go-sqlite3 binds a time.Time, so that stored and bound times compare as text.
			now: "strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')",
		},
		columnOf:   func(t Table, c string) string { return d.Quote(t.Name) + "." + d.Quote(c) },
		param:      func(int, string) string { return "?" },
		paramAgain: func(n int) string { return "?" + strconv.Itoa(n) },
	}
	o.paramTable = func(c Compare) (with, from string) {
		var b strings.Builder
		b.WriteString("WITH " + d.Quote(sourceRows(c).alias()) + " (" + o.d.Quote(sourceRows(c).position()) + ", " + quoteList(o.d, columnNames(c.Columns)) + ") AS (VALUES ")
		o.expr.writeTuples(&b, c.Columns, c.Rows, func(int, Column) string { return "?" }, rowPosition)
		b.WriteString(") ")
		return b.String(), d.Quote(sourceRows(c).alias())
	}
	return o
}
