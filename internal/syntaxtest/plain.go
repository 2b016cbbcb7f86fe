package syntaxtest

import (
	"slices"

	"github.com/goupsert/upsert/dialect"
)

// plain writes a statement for a stored table whose catalog shows that nothing need be guarded against.
func plain(u dialect.Upsert) func(dialect.Dialect) (string, error) {
	u.Table, u.Target, u.Stored.Plain, u.Rows.N = items, dialect.Target{Columns: id}, true, max(1, u.Rows.N)
	return func(d dialect.Dialect) (string, error) {
		if !slices.Contains([]string{"sqlite", "postgres", "mysql", "mariadb"}, d.Name()) {
			return "", &dialect.UnsupportedError{Feature: "catalog that is known well enough to check a table", Dialect: d.Name()}
		}
		return d.Upsert(u)
	}
}

// plainCases are the statements of Table.Plain.
func plainCases() []Case {
	name := dialect.Column{Name: "name", Kind: dialect.KindExact}
	touched := dialect.Column{Name: "updated_at", Rule: dialect.Touch, Kind: dialect.KindExact}
	return []Case{
		{"plain", "What a person would have written: the text of SQL and Exec of a plain table, on MySQL and MariaDB with TrustUniqueIndexes.", id, plain(dialect.Upsert{Columns: columns(name)})},
		{"plain-rows", "The same with two rows.", id, plain(dialect.Upsert{Columns: columns(name), Rows: dialect.Rows{N: 2}})},
		{"plain-report", "Put adds what reports the outcome, and no more.", id, plain(dialect.Upsert{Columns: columns(name), Answer: dialect.Answer{Report: true}})},
		{"plain-key-only", "Nothing but a key.", id, plain(dialect.Upsert{Columns: columns()})},
		{"plain-version", "Rules are what they are: a row that is not newer changes nothing.", id, plain(dialect.Upsert{Columns: columns(touched, name, version)})},
		{"plain-needed", "A column that takes different values for equal keeps its comparison.", id, plain(dialect.Upsert{Columns: columns(title)})},
	}
}
