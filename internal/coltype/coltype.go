// Package coltype knows what the column types of each database hold: which type a Go type is stored in, and whether a given column
// holds the values of a Go type and the Go type the column's.
package coltype

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/goupsert/upsert/dialect"
)

// class says what a type's values are.
type class int

const (
	other class = iota // a type that nothing is claimed about
	integer
	decimal
	float
	boolean
	text
	bytes
	document // JSON
	day      // a date
	clock    // a time of day
	moment   // a date and a time
	spelled  // a type that Go programs have as text or as bytes
)

// Type is a column's type, as far as this package knows what it holds.
type Type struct {
	class    class
	bits     int  // of an integer or a float
	unsigned bool // of an integer
	digits   int  // of a decimal, 0 for any number
	scale    int  // of a decimal
	length   int  // of text in characters, of bytes in bytes, 0 for no limit
	fixed    bool // shorter values are filled up
	fraction int  // digits of a second
}

// names are the types that the databases name alike, and those that only one of them has.
var names = map[string]Type{
	"tinyint": {class: integer, bits: 8}, "smallint": {class: integer, bits: 16}, "mediumint": {class: integer, bits: 24},
	"int": {class: integer, bits: 32}, "integer": {class: integer, bits: 32}, "bigint": {class: integer, bits: 64},
	"decimal": {class: decimal}, "numeric": {class: decimal},
	"real": {class: float, bits: 32}, "float": {class: float, bits: 32}, "double": {class: float, bits: 64}, "double precision": {class: float, bits: 64},
	"boolean": {class: boolean},
	"text":    {class: text}, "tinytext": {class: text, length: 63}, "mediumtext": {class: text}, "longtext": {class: text}, "citext": {class: text},
	"varchar": {class: text}, "character varying": {class: text}, "char": {class: text, fixed: true}, "character": {class: text, fixed: true}, "bpchar": {class: text},
	"bytea": {class: bytes}, "blob": {class: bytes}, "tinyblob": {class: bytes}, "mediumblob": {class: bytes}, "longblob": {class: bytes},
	"varbinary": {class: bytes}, "binary": {class: bytes, fixed: true},
	"year": {class: spelled}, "interval": {class: spelled}, "uuid": {class: spelled}, "inet": {class: spelled}, "cidr": {class: spelled}, "money": {class: spelled},
	"json": {class: document}, "jsonb": {class: document},
	"date": {class: day}, "time": {class: clock}, "time without time zone": {class: clock}, "time with time zone": {class: clock},
	"datetime": {class: moment}, "timestamp": {class: moment},
	"timestamp without time zone": {class: moment, fraction: 6}, "timestamp with time zone": {class: moment, fraction: 6},
}

var modifiers = regexp.MustCompile(`\((\d+)(?:,\s*(\d+))?\)`)

// Parse returns what is known of a type that a database's catalog names. SQLite's types are not parsed: see [Affinity].
func Parse(name string) Type {
	name = strings.ToLower(name)
	m := modifiers.FindStringSubmatch(name)
	name = strings.TrimSpace(modifiers.ReplaceAllString(name, ""))
	base := strings.TrimSuffix(name, " zerofill")
	base, unsigned := strings.CutSuffix(base, " unsigned")
	t := names[base]
	t.unsigned = unsigned
	if m == nil {
		return t
	}
	n, _ := strconv.Atoi(m[1]) // digits, by the expression
	scale, _ := strconv.Atoi(m[2])
	switch t.class {
	case decimal:
		t.digits, t.scale = n, scale
	case text, bytes:
		t.length = n
	case moment, clock:
		t.fraction = n
	}
	return t
}

// minLength is the length from which on a limit counts as meant: it is the length that Schema gives a key on MySQL and MariaDB.
const minLength = 255

// binaryCollation returns a collation of utf8mb4 that compares the characters themselves.
func binaryCollation(d dialect.Dialect) string {
	switch {
	case d.Name() == "mariadb":
		return "utf8mb4_nopad_bin"
	case HasUnpaddedBinary(d):
		return "utf8mb4_0900_bin"
	}
	return "utf8mb4_bin"
}

// HasUnpaddedBinary reports whether the database has a binary collation of utf8mb4 that tells 'a' from 'a '.
func HasUnpaddedBinary(d dialect.Dialect) bool {
	return d.Name() != "mysql" || dialect.AtLeast(d.Version(), 8, 0, 17)
}

// IsWidening reports whether PostgreSQL changes a column from one type to another without reading the rows: text loses its length,
// and a time gets more digits of a second.
func IsWidening(from, to string) bool {
	a, b := Parse(from), Parse(to)
	zone := strings.Contains(from, "with time zone") == strings.Contains(to, "with time zone")
	return a.class == b.class && (a.class == text && !a.fixed && a.length > 0 && b.length == 0 || a.class == moment && zone && a.fraction < b.fraction)
}
