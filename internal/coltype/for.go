package coltype

import (
	"fmt"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/mapping"
)

// Use says what a column is for, as far as its type depends on it.
type Use struct {
	Key    bool // a unique index has the column
	Merged bool // the rule is merge, which needs the database's own type of JSON
}

// row is a Go type's column types: on SQLite, PostgreSQL, and MySQL and MariaDB.
type row struct{ sqlite, postgres, mysql string }

var numbers = map[mapping.Sort]map[int]row{
	mapping.Int: {
		8: {"INTEGER", "smallint", "TINYINT"}, 16: {"INTEGER", "smallint", "SMALLINT"}, 32: {"INTEGER", "integer", "INT"}, 64: {"INTEGER", "bigint", "BIGINT"},
	},
	mapping.Uint: {
		8: {"INTEGER", "smallint", "TINYINT UNSIGNED"}, 16: {"INTEGER", "integer", "SMALLINT UNSIGNED"},
		32: {"INTEGER", "bigint", "INT UNSIGNED"}, 64: {"INTEGER", "numeric(20,0)", "BIGINT UNSIGNED"},
	},
	mapping.Float: {32: {"REAL", "real", "FLOAT"}, 64: {"REAL", "double precision", "DOUBLE"}},
}

var others = map[mapping.Sort]row{
	mapping.Bool:   {"BOOLEAN", "boolean", "BOOLEAN"},
	mapping.String: {"TEXT", "text", "LONGTEXT"},
	mapping.Bytes:  {"BLOB", "bytea", "LONGBLOB"},
	mapping.JSON:   {"TEXT", "jsonb", "JSON"},
	mapping.Time:   {"TIMESTAMP", "timestamp with time zone", "DATETIME(6)"},
}

// For returns the type of a column that holds every value of a Go type, and no other value if the database has such a type. For
// returns "" if nothing is known of the values, and for a database whose types are not known.
func For(d dialect.Dialect, g mapping.GoType, use Use) string {
	if g.Sort == mapping.Unknown {
		return ""
	}
	r, ok := others[g.Sort]
	if !ok {
		r = numbers[g.Sort][g.Bits]
	}
	if use.Merged {
		r = others[mapping.JSON]
	}
	switch d.Name() {
	case "sqlite":
		return r.sqlite
	case "postgres":
		return r.postgres
	case "mysql", "mariadb":
		return mysqlFor(d, r.mysql, use)
	}
	return ""
}

// mysqlFor gives a key a length, because an index needs one, and text its character set and a collation that compares the
// characters themselves: the default of a server is often latin1, or takes 'a' for 'A'.
func mysqlFor(d dialect.Dialect, name string, use Use) string {
	switch {
	case name == "LONGTEXT" && use.Key:
		name = fmt.Sprintf("VARCHAR(%d)", minLength)
	case name == "LONGBLOB" && use.Key:
		return fmt.Sprintf("VARBINARY(%d)", minLength)
	case name != "LONGTEXT":
		return name
	}
	return name + " CHARACTER SET utf8mb4 COLLATE " + binaryCollation(d)
}

// KeyBytes returns how many bytes a column of a type that For names takes in an index on MySQL and MariaDB.
func KeyBytes(typ string) int {
	declared, _, isText := strings.Cut(typ, " CHARACTER SET utf8mb4")
	switch t := Parse(declared); {
	case isText:
		return 4 * t.length
	case t.class == bytes:
		return t.length
	case t.class == integer, t.class == float:
		return t.bits / 8
	case t.class == boolean:
		return 1
	}
	return 8 // DATETIME(6)
}
