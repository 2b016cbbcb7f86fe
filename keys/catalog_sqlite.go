package keys

import (
	"regexp"
	"strings"

	"github.com/goupsert/upsert"
)

// sqliteCatalog is the catalog of SQLite.
type sqliteCatalog struct{}

func sqliteLiteral(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// sqliteArgs returns the arguments of a pragma. Without a schema the pragma finds the same table as a statement.
func sqliteArgs(t table, of string) string {
	if t.ident.Schema == "" {
		return "(" + of + ")"
	}
	return "(" + of + ", " + sqliteLiteral(t.ident.Schema) + ")"
}

// relation looks for a temporary table as well: without a schema, a statement would use the temporary table. If there is no
// temporary table, a table without a schema is in main.
func (sqliteCatalog) relation(t table) string {
	where := " WHERE type IN ('table', 'view') AND name = " + sqliteLiteral(t.ident.Name) + " COLLATE NOCASE"
	temp := "SELECT type, 'temp', '' FROM sqlite_temp_master" + where
	switch schema := t.ident.Schema; {
	case strings.EqualFold(schema, "temp"):
		return temp
	case schema == "":
		return "SELECT type, '', COALESCE(sql, '') FROM main.sqlite_master" + where + " UNION ALL " + temp
	default:
		return "SELECT type, '', COALESCE(sql, '') FROM " + t.dialect.Quote(schema) + ".sqlite_master" + where
	}
}

// columns treats hidden columns of the types 2 and 3 as computed: only this pragma calls the computed columns of a table
// hidden.
func (sqliteCatalog) columns(t table) string {
	return `SELECT lower(name), type, '', "notnull" = 0, dflt_value IS NOT NULL OR hidden > 1, hidden > 1 FROM pragma_table_xinfo` + sqliteArgs(t, sqliteLiteral(t.ident.Name))
}

func (sqliteCatalog) indexes(t table) string {
	return `SELECT l.name, l."unique", l.origin = 'pk', l.partial = 0, x.seqno + 1, COALESCE(lower(x.name), '')
FROM pragma_index_list` + sqliteArgs(t, sqliteLiteral(t.ident.Name)) + ` AS l, pragma_index_xinfo` + sqliteArgs(t, "l.name") + ` AS x WHERE x."key" ORDER BY l.name, x.seqno`
}

var onConflict = regexp.MustCompile(`(?i)\bON\s+CONFLICT\b`)

func (sqliteCatalog) relationProblems(found foundRelation) (problems []upsert.Problem) {
	if found.storage == "temp" {
		return []upsert.Problem{temporary}
	}
	if onConflict.MatchString(found.details) {
		problems = append(problems, upsert.Problem{Check: CheckInsert, Mend: anew,
			Why: "a constraint of it has an ON CONFLICT clause, under which a claim could replace another"})
	}
	return problems
}

// fits looks at the column's affinity. Drivers turn a column declared as DATETIME into a time.Time, and SQLite turns its value
// into a number if the value looks like one.
func (sqliteCatalog) fits(want kind, found foundColumn) fit {
	affinity := sqliteAffinity(strings.ToUpper(found.typeName))
	switch want {
	case digest, token, blob:
		if affinity == "BLOB" {
			return fitting
		}
	case small, medium, large:
		if affinity == "INTEGER" {
			return fitting
		}
	case label, word, instant:
		if affinity == "TEXT" {
			return fitting
		}
	}
	return wrongType
}

// sqliteAffinity follows sqlite.org/datatype3.html, section 3.1.
func sqliteAffinity(typ string) string {
	for _, rule := range [][2]string{{"INT", "INTEGER"}, {"CHAR", "TEXT"}, {"CLOB", "TEXT"}, {"TEXT", "TEXT"}, {"BLOB", "BLOB"}} {
		if strings.Contains(typ, rule[0]) {
			return rule[1]
		}
	}
	if typ == "" {
		return "BLOB"
	}
	return "NUMERIC"
}

// temporary is used for PostgreSQL as well.
var temporary = upsert.Problem{Check: CheckTable, Why: "it is a temporary table, which no other connection sees", Mend: "drop it"}

// anew is the only advice for SQLite, which changes no column in place.
const anew = "create the table anew with the SQL of keys.Schema, and copy the rows"

func (sqliteCatalog) add(t table, c column, definition string) string {
	if !c.null {
		return anew // a NOT NULL column can only be added with a default
	}
	return "ALTER TABLE " + t.quoted() + " ADD COLUMN " + c.name + " " + definition
}

func (sqliteCatalog) retype(table, column, string) string { return anew }
func (sqliteCatalog) renull(table, column, string) string { return anew }
