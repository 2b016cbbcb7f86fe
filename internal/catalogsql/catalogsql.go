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

// Count returns the query that counts the rows of another query.
func Count(d dialect.Dialect, query string) Query {
	return Query{Text: "SELECT COUNT(*) FROM (" + query + ") AS " + d.Quote("_d")}
}

// Explain returns a statement that the server plans and does not run, and refuses if no index arbitrates for the target.
func Explain(d dialect.Dialect, t dialect.Table, by dialect.Target) (Query, error) {
	u := dialect.Upsert{Table: t, Target: by, Rows: dialect.Rows{N: 1}, Mode: dialect.Create}
	var args []any
	for _, name := range by.Columns {
		u.Columns, args = append(u.Columns, dialect.Column{Name: name, Rule: dialect.Key}), append(args, nil)
	}
	text, err := d.Upsert(u)
	return Query{Text: "EXPLAIN " + text, Args: args}, err
}

// MySQLMode asks for the session's sql_mode.
const MySQLMode = "SELECT @@sql_mode"

// Savepoint and the others keep an error of a question from ending a transaction of PostgreSQL.
const (
	Savepoint = "SAVEPOINT upsert_verify"
	Back      = "ROLLBACK TO SAVEPOINT upsert_verify"
	Release   = "RELEASE SAVEPOINT upsert_verify"
)
