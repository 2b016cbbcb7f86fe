package importer

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/goupsert/upsert/cmd/upsert/internal/cli"
	"github.com/goupsert/upsert/cmd/upsert/internal/tabledef"
)

// mysqlKeyWidth is the width of a text key made by -create: MySQL indexes a bounded prefix of text only.
const mysqlKeyWidth = 255

func (f family) keyWidth() int {
	if f == familyMySQL {
		return mysqlKeyWidth
	}
	return 0
}

// quoteName quotes a name, or a schema's and a table's with a dot between.
func (f family) quoteName(name string) string {
	mark := `"`
	if f == familyMySQL {
		mark = "`"
	}
	return mark + strings.ReplaceAll(name, mark, mark+mark) + mark
}

func (f family) quoteTable(table string) string {
	schema, name := tabledef.SplitTable(table)
	if schema == "" {
		return f.quoteName(name)
	}
	return f.quoteName(schema) + "." + f.quoteName(name)
}

var notNull = regexp.MustCompile(`(?i)\bnot\s+null\b`)

// createTable is the statement of -create.
func (f family) createTable(table string, cols []column, declared cli.Assignments) string {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE %s (\n", f.quoteTable(table))
	var keys []string
	for _, c := range cols {
		fmt.Fprintf(&b, "  %s %s", f.quoteName(c.name), cmp.Or(declared.Word(c.name), f.columnType(c)))
		if c.key {
			keys = append(keys, f.quoteName(c.name))
		}
		if c.key && !notNull.MatchString(declared.Word(c.name)) {
			b.WriteString(" NOT NULL")
		}
		b.WriteString(",\n")
	}
	fmt.Fprintf(&b, "  PRIMARY KEY (%s)\n)", strings.Join(keys, ", "))
	if f == familyMySQL {
		// A storage engine without transactions keeps half of a batch that failed.
		b.WriteString(" ENGINE=InnoDB")
	}
	return b.String()
}

func (f family) columnType(c column) string {
	if f == familyMySQL && c.kind == kindText {
		// Bytes are compared: the server's default holds 'Abc' and 'abc' for one key, and for no change.
		const binary = " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
		if c.key {
			return fmt.Sprintf("VARCHAR(%d)%s", mysqlKeyWidth, binary)
		}
		return "LONGTEXT" + binary
	}
	// SQLite goes by the words in a type: JSON alone would make numbers of text that looks like one.
	words := map[kind][3]string{
		kindText:      {"TEXT", "TEXT", ""},
		kindInteger:   {"INTEGER", "BIGINT", "BIGINT"},
		kindReal:      {"REAL", "DOUBLE PRECISION", "DOUBLE"},
		kindBoolean:   {"BOOLEAN", "BOOLEAN", "BOOLEAN"},
		kindJSON:      {"JSON TEXT", "JSONB", "JSON"},
		kindTimestamp: {"TIMESTAMP", "TIMESTAMPTZ", "DATETIME(6)"},
	}
	return words[c.kind][f]
}
