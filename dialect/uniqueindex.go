package dialect

import "strings"

// IndexText is what to do about a server that takes an upsert although no unique index arbitrates it, and inserts the row a
// second time without an error (hazard H24). It is empty for a database that refuses such a statement by itself.
type IndexText struct {
	// Ask returns a row for each column of each index of the table, in columns of the names that SHOW INDEX has. It sees
	// temporary tables, as information_schema does not.
	Ask string
	// Kind returns one row, whose first column is named "View" if there is no table of that name.
	Kind string
	// Find returns the keys that are stored more than once, which Mend would stop at.
	Find string
	// Mend makes the unique index while others read and write the table.
	Mend string
}

// UniqueIndex: ON DUPLICATE KEY UPDATE names no index, so that without one it is an INSERT.
func (d mysql) UniqueIndex(t Table, columns []string) IndexText {
	table, list := d.QuoteTable(t), quoteList(d, columns)
	return IndexText{
		Ask:  "SHOW INDEX FROM " + table,
		Kind: "SHOW CREATE TABLE " + table,
		Find: "SELECT " + list + ", COUNT(*) FROM " + table + " GROUP BY " + list + " HAVING COUNT(*) > 1",
		Mend: "ALTER TABLE " + table + " ADD UNIQUE INDEX " + d.Quote(d.indexName(columns)) + " (" + list + "), ALGORITHM=INPLACE, LOCK=NONE",
	}
}

// indexName is unique within its table only, as the names of indexes are here.
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
