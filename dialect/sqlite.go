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
func (sqlite) sealed()           {}

// sqliteParams is SQLITE_MAX_VARIABLE_NUMBER's default since 3.32 (sqlite.org/limits.html).
const sqliteParams = 32766

func (sqlite) Traits() Traits {
	return Traits{
		MaxParams: sqliteParams, MaxRows: 256, MaxBytes: 4 << 20,
		Reporting: ReportBeforehand, Returning: true, PrepareChunks: true, QueryBinds: true, Immediate: true, UTC: true,
	}
}

func (d sqlite) CheckIdent(name string) error { return checkIdent(d.Name(), name, 0, byteLen) }
func (sqlite) Quote(name string) string       { return quoteWith(`"`, name) }
func (d sqlite) QuoteTable(t Table) string    { return quoteTable(d, t) }

func (d sqlite) Upsert(u Upsert) (string, error) {
	if u.Target.Constraint != "" {
		return "", &UnsupportedError{Feature: "ON CONSTRAINT", Dialect: d.Name(), Hint: "leave OnConstraint out: the target is inferred from the key's columns"}
	}
	return d.syntax().upsert(u)
}

func (d sqlite) Compare(c Compare) (string, error) { return d.syntax().compare(c) }

// Catalog: a statement needs no types.
func (sqlite) Catalog(Table, Target) string { return "" }

// Stage: a value bound is a value copied.
func (d sqlite) Stage(Stage) (StageText, error) { return StageText{}, refuseStage(d) }

// Lock: a DELETE begins a write transaction before it looks for rows.
func (d sqlite) Lock(t Table) string { return "DELETE FROM " + d.QuoteTable(t) + " WHERE 0" }

func (d sqlite) Find(f Find) string { return d.syntax().find(f) }

func (d sqlite) syntax() *onConflict {
	o := &onConflict{
		Dialect: d,
		grammar: grammar{
			stored:   func(c string) string { return d.Quote(storedAlias) + "." + d.Quote(c) },
			excluded: func(c string) string { return "excluded." + d.Quote(c) },
			// COLLATE BINARY, or a NOCASE column would take 'a' for 'A' and never be corrected.
			distinct: func(a, b string, k Kind) string {
				if k == kindMerged {
					a, b = "json("+a+")", "json("+b+")"
				}
				return a + " IS NOT " + b + " COLLATE BINARY"
			},
			merge:    func(t, p string) string { return "json_patch(" + t + ", " + p + ")" },
			document: func(x string) string { return x },
			fail:     func(key string) string { return "json_extract('{}', '" + otherKeyMark + " ' || " + key + ")" },
			// In the format go-sqlite3 binds a time.Time in, so that stored and bound times compare as text.
			now: "strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')",
		},
		param: func(int, string) string { return "?" },
		again: func(n int) string { return "?" + strconv.Itoa(n) },
	}
	o.values = func(c Compare) (with, from string) {
		var b strings.Builder
		b.WriteString("WITH " + d.Quote(given(c).alias()) + " (" + o.Quote(given(c).place()) + ", " + quoteList(o.Dialect, names(c.Columns)) + ") AS (VALUES ")
		o.tuples(&b, c.Columns, c.Rows, func(int, Column) string { return "?" }, rowPlace)
		b.WriteString(") ")
		return b.String(), d.Quote(given(c).alias())
	}
	return o
}
