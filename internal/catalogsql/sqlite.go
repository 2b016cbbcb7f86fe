package catalogsql

import (
	"strings"

	"github.com/goupsert/upsert/dialect"
)

// sqliteQuote quotes a name in SQL.
func sqliteQuote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// SQLiteSchemas asks in which of the connection's databases a name can be found, in the order in which SQLite looks.
const SQLiteSchemas = `SELECT name FROM pragma_database_list ORDER BY name <> 'temp', name <> 'main', seq`

// SQLiteHas asks for the table or the view of that name in a database: one row, which says whether the text of its CREATE names a
// collation, and whether the text lacks the word WITHOUT, so that the table has rowids.
func SQLiteHas(schema, name string) Query {
	return Query{`SELECT sql LIKE '%collate%', sql NOT LIKE '%without%' FROM ` + sqliteMaster(schema) + ` WHERE type IN ('table', 'view') AND name = ? COLLATE NOCASE`, []any{name}}
}

// sqliteMaster returns the name of a database's table of tables.
func sqliteMaster(schema string) string {
	if strings.EqualFold(schema, "temp") {
		return "sqlite_temp_master"
	}
	return sqliteQuote(schema) + ".sqlite_master"
}

// sqlite asks about a table whose schema is known. The texts of the table and of its triggers say what no pragma says: STRICT is
// behind the last parenthesis. A column counts as the primary key's only if no index is the primary key's, so that the rowid is.
func sqlite(t dialect.Table) Questions {
	by, master := []any{t.Name, t.Schema}, sqliteMaster(t.Schema)
	return Questions{
		Relation: Query{`SELECT CASE WHEN type = 'view' THEN 'fixed view' WHEN sql LIKE 'CREATE VIRTUAL%' THEN 'virtual' ELSE 'table' END, '', 1, 0, 0, 0,
  substr(sql, length(rtrim(sql, replace(sql, ')', ''))) + 1) LIKE '%strict%', '', (SELECT CASE WHEN query_only THEN 'query_only' ELSE '' END FROM pragma_query_only)
FROM ` + master + ` WHERE type IN ('table', 'view') AND name = ? COLLATE NOCASE`, by[:1]},
		Columns: Query{`SELECT name, type, "notnull", dflt_value IS NOT NULL, hidden,
  pk > 0 AND NOT EXISTS (SELECT 1 FROM pragma_index_list(?, ?) WHERE origin = 'pk')
FROM pragma_table_xinfo(?, ?) WHERE hidden <> 1 ORDER BY cid`, append(by, by...)},
		Indexes: Query{`SELECT l.name, l."unique", 0, l.origin <> 'c', 1, 1, 1, COALESCE((SELECT CASE WHEN l.partial THEN m.sql END FROM ` + master + ` m WHERE m.type = 'index' AND m.name = l.name), ''),
  COALESCE(x.name, ''), 0, COALESCE(x.coll, '')
FROM pragma_index_list(?, ?) l, pragma_index_xinfo(l.name, ?) x WHERE x.key ORDER BY l.seq, x.seqno`, append(by, t.Schema)},
		Triggers: Query{`SELECT name, sql FROM ` + master + ` WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE
UNION ALL SELECT name, sql FROM sqlite_temp_master WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE AND ? <> 'temp'`, []any{t.Name, t.Name, strings.ToLower(t.Schema)}},
		Unenforced: Query{`SELECT '' FROM ` + master + `, pragma_ignore_check_constraints WHERE ignore_check_constraints AND type = 'table' AND name = ? COLLATE NOCASE AND upper(sql) LIKE '%CHECK%'`, by[:1]},
	}
}
