// Package schema holds what a program says of a table and what a server says of the stored table, as values. Package catalog asks
// the server.
package schema

import "github.com/goupsert/upsert/dialect"

// Spec is what a program says of a table: which columns it writes, and what makes a row the same row.
type Spec struct {
	Dialect   dialect.Dialect
	Table     dialect.Table
	Target    dialect.Target
	Writes    []dialect.Column // the columns that are written
	Generated []string         // the columns that are only read back
	Zeros     []int            // indexes in Writes of the columns with omitzero
	Plain     bool             // statements need no guard, as the catalog says
	RowID     string           // as in dialect.Upsert, for a Plain table
	RowIDKey  bool             // the target is the rowid itself: a column INTEGER PRIMARY KEY
}

// Table is what a server answered about a table.
type Table struct {
	Columns map[string]Column
	Types   map[string]string // each column's type, without modifiers
	Exact   map[string]string // each column's type, with modifiers
	// Writes are the columns that are written, completed by the facts.
	Writes []dialect.Column
	// Natives has an element for each column of Writes, or is nil if the database's drivers encode alike.
	Natives []Native
	// Mark is a comment at the end of a statement whose text does not name its parameters' types. pgx caches a prepared statement
	// by its text, with the parameter types of the first use. So the text must change if the types have changed (hazard P39).
	Mark          string
	IsPlain       bool // neither partitioned, a view nor a foreign table
	MaySkip       bool // a trigger, a policy or a view may keep a row from being written and from being seen
	TempTables    bool // temporary tables are allowed
	MergeFunction bool // the function of the rule Merge is installed
}

// Column is what a server answered about a column.
type Column struct {
	Type            string // the type's name, with its schema if needed
	Base            string // the type's name; for a domain, the name of the type below all domains
	Exact           string // Base with its modifiers, as SQL writes it
	NotArrayElement bool   // values cannot be elements of an array's text
	Folds           bool   // two different texts can be equal under the collation
	AutoIncrement   bool   // 0 stands for the next number
	Arbitrates      bool   // the column belongs to the constraint that the conflict target names
}

// Native returns which Go values are native to a column of Writes. A nil Table knows nothing.
func (t *Table) Native(col int) Native {
	if t == nil || t.Natives == nil {
		return NativeAll
	}
	return t.Natives[col]
}

// HasTypes reports whether the type of each of the columns is known.
func (t *Table) HasTypes(columns []dialect.Column) bool {
	for _, col := range columns {
		if t.Types[col.Name] == "" {
			return false
		}
	}
	return true
}

// Native says which Go values a driver encodes for a column in the same way as PostgreSQL would read their text. Other values are
// encoded differently by each driver, and by each mode of pgx. So other values are bound as text, the same text that arrays and
// COPY write.
type Native uint8

// The Go values that are native to a column.
const (
	NativeAll Native = iota // the column's type is not known, or the database is not PostgreSQL
	NativeText
	NativeInt2
	NativeInt4
	NativeInt8
	NativeFloat8
	NativeBool
	NativeTime
	NativeBytes
	NativeHex // no value is native: a domain over bytea, for which lib/pq takes text and pgx guesses
)

// NativeOf returns which Go values are native to a column of PostgreSQL.
func NativeOf(c Column) Native {
	switch c.Type {
	case "smallint":
		return NativeInt2
	case "integer":
		return NativeInt4
	case "bigint":
		return NativeInt8
	case "double precision":
		return NativeFloat8
	case "boolean":
		return NativeBool
	case "timestamp with time zone":
		return NativeTime
	case "bytea":
		return NativeBytes
	}
	if c.Base == "bytea" {
		return NativeHex
	}
	return NativeText
}
