// Package catalogsql has the questions about a stored table that the check of a table asks, as text. Package catalog sends them.
// The questions of the verbs are package dialect's: what a verb asks is asked often, and of more databases.
package catalogsql

import "github.com/goupsert/upsert/dialect"

// Query is a question with its parameters.
type Query struct {
	Text string
	Args []any
}

// Questions are the questions about one table. A question with an empty text is not asked.
type Questions struct {
	// Relation returns one row: a word for what the table is, its engine, whether a rollback undoes a write, whether a crash
	// empties the table, whether row-level security is enabled and whether it applies to this user, whether SQLite's STRICT is
	// set, the user, and the rights that the user lacks, with commas between them. It returns no row if there is no table.
	Relation Query
	// Columns returns a row for each column.
	Columns Query
	// Indexes returns a row for each column of each index.
	Indexes Query
	// Triggers returns a row for each trigger that runs when a row is inserted or updated.
	Triggers Query
	// Rules returns the names of PostgreSQL's rewrite rules that act on a write.
	Rules Query
	// Unenforced returns the names of CHECK constraints that are not enforced.
	Unenforced Query
}

// Of returns the questions about a table. ok is false for a database whose catalog nobody has read.
func Of(d dialect.Dialect, t dialect.Table) (q Questions, ok bool) {
	switch d.Name() {
	case "sqlite":
		return sqlite(t), true
	case "postgres":
		return postgres(d, t), true
	case "mysql", "mariadb":
		return mysql(d, t), true
	}
	return q, false
}
