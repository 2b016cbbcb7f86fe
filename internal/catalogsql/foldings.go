package catalogsql

import (
	"encoding/hex"
	"strings"
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

// PostgresText writes a text as a value of a type, with a collation if the type has one.
func PostgresText(typ, collation string) func(text string) string {
	return func(text string) string {
		value := "CAST(" + literal(text) + " AS " + typ + ")"
		if collation != "" {
			value += " COLLATE " + collation
		}
		return value
	}
}

// MySQLText writes a text in the collation's character set. A character that the set lacks is a question mark.
func MySQLText(collation string) func(text string) string {
	set, _, _ := strings.Cut(collation, "_")
	return func(text string) string {
		return "CONVERT(_utf8mb4 X'" + hex.EncodeToString([]byte(text)) + "' USING " + set + ") COLLATE " + collation
	}
}

// SQLiteText writes a text in a collation.
func SQLiteText(collation string) func(text string) string {
	return func(text string) string { return "'" + text + "' COLLATE " + sqliteQuote(collation) }
}

// Savepoint and the others keep an error of a question from ending a transaction of PostgreSQL.
const (
	Savepoint = "SAVEPOINT upsert_verify"
	Back      = "ROLLBACK TO SAVEPOINT upsert_verify"
	Release   = "RELEASE SAVEPOINT upsert_verify"
)
