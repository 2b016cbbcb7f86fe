package catalogsql

import (
	"encoding/hex"
	"strings"

	"github.com/goupsert/upsert/dialect"
)

// Folding is a pair of texts that some collations take for one.
type Folding struct{ What, A, B string }

// Foldings returns the pairs that a collation is asked about. The pairs of case, accents and padding come first.
func Foldings() []Folding {
	return []Folding{
		{"case", "a", "A"}, {"accents", "e", "é"}, {"padding", "a", "a "},
		{"forms of a character", "é", "e\u0301"}, {"spellings", "ss", "ß"}, {"width", "a", "ａ"}, {"characters that are not seen", "a", "a\u00ad"},
	}
}

// AskFoldings returns the query that says of each pair if a column takes its texts for one. equal writes the comparison of two texts
// as values of the column.
func AskFoldings(equal func(a, b string) string) Query {
	var list []string
	for _, p := range Foldings() {
		list = append(list, equal(p.A, p.B))
	}
	return Query{Text: "SELECT " + strings.Join(list, ", ")}
}

// PostgresEqual compares texts as values of a type, by a collation if the type has one.
func PostgresEqual(typ, collation string) func(a, b string) string {
	if collation != "" {
		collation = " COLLATE " + collation
	}
	value := func(text string) string { return "CAST(" + literal(text) + " AS " + typ + ")" + collation }
	return func(a, b string) string { return value(a) + " = " + value(b) }
}

// MySQLEqual compares texts in the collation's character set. A character that the set lacks is a question mark.
func MySQLEqual(collation string) func(a, b string) string {
	set, _, _ := strings.Cut(collation, "_")
	value := func(text string) string {
		return "CONVERT(_utf8mb4 X'" + hex.EncodeToString([]byte(text)) + "' USING " + set + ") COLLATE " + collation
	}
	return func(a, b string) string { return value(a) + " = " + value(b) }
}

// SQLiteEqual compares texts in a collation.
func SQLiteEqual(collation string) func(a, b string) string {
	return func(a, b string) string { return "'" + a + "' = '" + b + "' COLLATE " + sqliteQuote(collation) }
}

// SQLiteColumnEqual compares texts in the collation of a column, which SQLite does not name: the result of a compound SELECT has the
// collation of its first part.
func SQLiteColumnEqual(t dialect.Table, column string) func(a, b string) string {
	from := " FROM (SELECT " + sqliteQuote(column) + " AS c FROM " + dialect.SQLite.QuoteTable(t) + " WHERE 0 UNION ALL SELECT '"
	return func(a, b string) string { return "(SELECT c = '" + b + "'" + from + a + "'))" }
}
