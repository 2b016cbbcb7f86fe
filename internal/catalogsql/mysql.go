package catalogsql

import "github.com/goupsert/upsert/dialect"

// mysql asks for columns and indexes with SHOW, which unlike information_schema has the temporary tables too.
func mysql(d dialect.Dialect, t dialect.Table) Questions {
	by := []any{t.Schema, t.Name}
	q := Questions{
		Relation: Query{`SELECT CASE WHEN t.TABLE_TYPE = 'VIEW' THEN IF((SELECT v.IS_UPDATABLE FROM information_schema.VIEWS v WHERE v.TABLE_SCHEMA = t.TABLE_SCHEMA AND v.TABLE_NAME = t.TABLE_NAME) = 'YES', 'view', 'fixed view')
  WHEN t.CREATE_OPTIONS LIKE '%partitioned%' THEN 'partitioned' ELSE 'table' END, COALESCE(t.ENGINE, ''),
  COALESCE((SELECT e.TRANSACTIONS FROM information_schema.ENGINES e WHERE e.ENGINE = t.ENGINE), 'YES') = 'YES', 0, 0, 0, 0, CURRENT_USER(), ''
FROM information_schema.TABLES t WHERE t.TABLE_SCHEMA = COALESCE(NULLIF(?, ''), DATABASE()) AND t.TABLE_NAME = ?`, by},
		Columns: Query{Text: "SHOW FULL COLUMNS FROM " + d.QuoteTable(t)},
		Indexes: Query{Text: d.UniqueIndex(t, nil).Ask},
		Triggers: Query{`SELECT t.TRIGGER_NAME, t.ACTION_TIMING = 'BEFORE', t.EVENT_MANIPULATION = 'INSERT', t.EVENT_MANIPULATION = 'UPDATE', 1, 0
FROM information_schema.TRIGGERS t WHERE t.EVENT_OBJECT_SCHEMA = COALESCE(NULLIF(?, ''), DATABASE()) AND t.EVENT_OBJECT_TABLE = ? AND t.EVENT_MANIPULATION <> 'DELETE' ORDER BY 1`, by},
	}
	switch {
	case d.Name() == "mariadb":
		q.Unenforced = Query{`SELECT t.CONSTRAINT_NAME FROM information_schema.CHECK_CONSTRAINTS t
WHERE NOT @@check_constraint_checks AND t.CONSTRAINT_SCHEMA = COALESCE(NULLIF(?, ''), DATABASE()) AND t.TABLE_NAME = ? ORDER BY 1`, by}
	case dialect.Supports(d, dialect.FeatureCheck): // before, the server forgets a CHECK while it makes the table
		q.Unenforced = Query{`SELECT t.CONSTRAINT_NAME FROM information_schema.TABLE_CONSTRAINTS t
WHERE t.CONSTRAINT_TYPE = 'CHECK' AND t.ENFORCED = 'NO' AND t.TABLE_SCHEMA = COALESCE(NULLIF(?, ''), DATABASE()) AND t.TABLE_NAME = ? ORDER BY 1`, by}
	}
	return q
}
