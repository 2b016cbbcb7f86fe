package dialect

import "strings"

// IndexText holds the queries for a server that accepts an upsert although no unique index arbitrates it, and inserts the row a
// second time without an error (hazard H24). IndexText is empty for a database that refuses such a statement by itself.
type IndexText struct {
	// Ask returns a row for each column of each index of the table, in columns named as in SHOW INDEX. Unlike
	// information_schema, SHOW INDEX also shows the indexes of temporary tables.
	Ask string
	// Kind returns one row, whose first column is named "View" if the name is a view's and not a table's.
	Kind string
	// Find returns the keys that are stored more than once. They would make Mend fail.
	Find string
	// Mend makes the unique index while others read and write the table.
	Mend string
}

// UniqueIndex: ON DUPLICATE KEY UPDATE names no index, so without a unique index the statement is a plain INSERT.
func (d mysql) UniqueIndex(t Table, columns []string) IndexText {
	table, list := d.QuoteTable(t), quoteList(d, columns)
	return IndexText{
		Ask:  "SHOW INDEX FROM " + table,
		Kind: "SHOW CREATE TABLE " + table,
		Find: "SELECT " + list + ", COUNT(*) FROM " + table + " GROUP BY " + list + " HAVING COUNT(*) > 1",
		Mend: "ALTER TABLE " + table + " ADD UNIQUE INDEX " + d.Quote(d.indexName(columns)) + " (" + list + "), ALGORITHM=INPLACE, LOCK=NONE",
	}
}

// indexName returns a name that is unique within its table only, as index names are on these databases.
func (d mysql) indexName(columns []string) string {
	name := strings.Join(columns, "_") + "_unique"
	if d.CheckIdent(name) != nil {
		return "upsert_key_unique"
	}
	return name
}

// UniqueIndex: SQLite refuses a statement whose target has no unique index.
func (sqlite) UniqueIndex(Table, []string) IndexText { return IndexText{} }

// UniqueIndex: PostgreSQL refuses a statement whose target has no unique index (42P10).
func (postgres) UniqueIndex(Table, []string) IndexText { return IndexText{} }
