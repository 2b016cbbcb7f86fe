package keys

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/goupsert/upsert"
)

// mysqlCatalog is the catalog of MySQL and MariaDB.
type mysqlCatalog struct{}

// noLimit is for sessions with sql_select_limit, which would cut the result.
const noLimit = " LIMIT 1000000"

// mysqlLiteral returns a string literal that means the same in every sql_mode.
func mysqlLiteral(s string) string { return "_utf8mb4 X'" + hex.EncodeToString([]byte(s)) + "'" }

func mysqlWhere(t table) string {
	schema := "DATABASE()"
	if t.ident.Schema != "" {
		schema = mysqlLiteral(t.ident.Schema)
	}
	return " WHERE t.TABLE_SCHEMA = " + schema + " AND t.TABLE_NAME = " + mysqlLiteral(t.ident.Name)
}

func (mysqlCatalog) relation(t table) string {
	return `SELECT t.TABLE_TYPE, COALESCE(t.ENGINE, ''), COALESCE((SELECT e.TRANSACTIONS FROM information_schema.ENGINES e WHERE e.ENGINE = t.ENGINE), '')
FROM information_schema.TABLES t` + mysqlWhere(t)
}

func (mysqlCatalog) columns(t table) string {
	return `SELECT LOWER(t.COLUMN_NAME), t.COLUMN_TYPE, COALESCE(t.COLLATION_NAME, ''), t.IS_NULLABLE = 'YES',
  t.COLUMN_DEFAULT IS NOT NULL OR t.EXTRA LIKE '%auto_increment%' OR t.EXTRA LIKE '%GENERATED%',
  (t.EXTRA LIKE '%GENERATED%' AND t.EXTRA NOT LIKE '%DEFAULT_GENERATED%') OR t.EXTRA LIKE '%on update%'
FROM information_schema.COLUMNS t` + mysqlWhere(t) + ` ORDER BY t.ORDINAL_POSITION` + noLimit
}

func (mysqlCatalog) indexes(t table) string {
	return `SELECT t.INDEX_NAME, t.NON_UNIQUE = 0, t.INDEX_NAME = 'PRIMARY', t.SUB_PART IS NULL AND t.INDEX_TYPE = 'BTREE',
  t.SEQ_IN_INDEX, COALESCE(LOWER(t.COLUMN_NAME), '')
FROM information_schema.STATISTICS t` + mysqlWhere(t) + ` ORDER BY t.INDEX_NAME, t.SEQ_IN_INDEX` + noLimit
}

func (mysqlCatalog) relationProblems(found foundRelation) []upsert.Problem {
	if found.details != "YES" {
		return []upsert.Problem{{Check: CheckTable, Mend: "ALTER TABLE … ENGINE=InnoDB",
			Why: "its engine " + found.storage + " has no transactions, so a claim stays when its effect is rolled back"}}
	}
	return nil
}

func (mysqlCatalog) fits(want kind, found foundColumn) fit {
	base, length := typeParts(found.typeName)
	base = strings.TrimSuffix(strings.TrimSuffix(base, " zerofill"), " unsigned")
	switch want {
	case digest:
		return mysqlBytes(base, length, 32)
	case token:
		return mysqlBytes(base, length, 16)
	case blob:
		switch base {
		case "longblob":
			return fitting
		case "blob", "mediumblob", "tinyblob", "varbinary", "binary":
			return tooNarrow
		}
	case label, word:
		return mysqlText(base, length, widthOf(want), found.collation)
	case small, medium, large:
		if bits := map[string]int{"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}[base]; bits > 0 {
			return atLeast(bits, bitsOf(want))
		}
	case instant: // a TIMESTAMP ends in 2038, and is read in the session's time zone
		if base == "datetime" {
			return atLeast(length, 6)
		}
	}
	return wrongType
}

// mysqlBytes returns how well a column fits for want bytes. A BINARY that is too long would pad the value.
func mysqlBytes(base string, length, want int) fit {
	switch {
	case base == "varbinary", base == "binary" && length <= want:
		return atLeast(length, want)
	}
	return wrongType
}

func mysqlText(base string, length, want int, collation string) fit {
	size := tooNarrow
	switch base {
	case "varchar":
		size = atLeast(length, want)
	case "text", "mediumtext", "longtext":
		size = fitting
	case "tinytext", "char":
	default:
		return wrongType
	}
	if size == fitting && !strings.HasPrefix(collation, "utf8mb4_") {
		return lacksCharacters
	}
	return size
}

func (mysqlCatalog) add(t table, c column, definition string) string {
	return fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s %s", t.quoted(), c.name, definition)
}

func (mysqlCatalog) retype(t table, c column, definition string) string {
	return fmt.Sprintf("ALTER TABLE %s MODIFY %s %s", t.quoted(), c.name, definition)
}

func (m mysqlCatalog) renull(t table, c column, definition string) string {
	return m.retype(t, c, definition)
}
