package catalogsql

import (
	"strings"

	"github.com/goupsert/upsert/dialect"
)

// literal writes a text that means the same whatever standard_conforming_strings is.
func literal(s string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'"
}

// oid finds the table. A schema that the user may not use is an error to to_regclass, and a right that is lacking here.
func oid(d dialect.Dialect, t dialect.Table) string {
	if t.Schema == "" {
		return "pg_catalog.to_regclass(" + literal(d.QuoteTable(t)) + ")"
	}
	return "(SELECT k.oid FROM pg_catalog.pg_class k JOIN pg_catalog.pg_namespace m ON m.oid = k.relnamespace WHERE k.relname = " + literal(t.Name) + " AND m.nspname = " + literal(t.Schema) + ")"
}

// postgres asks without parameters, because some drivers take two round trips for them. A view takes ON CONFLICT if it passes the insert
// on to its table: not with a trigger or a rule in place of the insert. Of a table every rule counts.
func postgres(d dialect.Dialect, t dialect.Table) Questions {
	table := oid(d, t)
	return Questions{
		Relation: Query{Text: `SELECT CASE c.relkind WHEN 'r' THEN CASE WHEN c.relhassubclass AND EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid) THEN 'parent' ELSE 'table' END
  WHEN 'p' THEN 'partitioned' WHEN 'f' THEN 'foreign' WHEN 'v' THEN CASE WHEN pg_catalog.pg_relation_is_updatable(c.oid, false) & 12 = 12
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger g WHERE g.tgrelid = c.oid AND g.tgtype & 68 = 68) THEN 'view' ELSE 'fixed view' END ELSE 'fixed view' END,
  '', true, c.relpersistence = 'u', c.relrowsecurity, c.relrowsecurity AND pg_catalog.row_security_active(c.oid), false, CURRENT_USER::text,
  CASE WHEN pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE') THEN '' ELSE 'USAGE' END
FROM pg_catalog.pg_class c WHERE c.oid = ` + table},
		Columns:  Query{Text: postgresColumns + table + ` AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`},
		Indexes:  Query{Text: postgresIndexes + table + ` ORDER BY i.indexrelid, k.position`},
		Triggers: Query{Text: postgresTriggers(table)},
		Rules: Query{Text: `SELECT r.rulename::text FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
WHERE c.relkind <> 'm' AND (c.relkind <> 'v' AND r.ev_type IN ('2', '3') OR r.ev_type = '3' AND r.is_instead) AND r.ev_enabled <> 'D' AND c.oid = ` + table + ` ORDER BY 1`},
		Unenforced: Query{Text: `SELECT n.conname::text FROM pg_catalog.pg_constraint n
WHERE n.contype = 'c' AND pg_catalog.to_jsonb(n)->>'conenforced' = 'false' AND n.conrelid = ` + table + ` ORDER BY 1`},
	}
}

// postgresColumns reads by name the attributes that only later versions have; they are NULL before. The rights are those that a
// write may need; the reader leaves out those that the table's rules do not need. A NOT NULL can be a domain's. A view's column that
// is no column of the table behind the view counts as generated. The last column is the sequence of a DEFAULT, as of a serial column,
// if the user may not use the sequence; an identity's sequence needs no right.
const postgresColumns = `SELECT a.attname::text, CASE WHEN a.attcollation = 0 THEN '' ELSE (SELECT pg_catalog.quote_ident(m.nspname) || '.' || pg_catalog.quote_ident(l.collname)
    FROM pg_catalog.pg_collation l JOIN pg_catalog.pg_namespace m ON m.oid = l.collnamespace WHERE l.oid = a.attcollation) END,
  a.attnotnull OR t.typnotnull, (a.atthasdef AND COALESCE(pg_catalog.to_jsonb(a)->>'attgenerated', '') = '') OR t.typdefault IS NOT NULL,
  CASE WHEN COALESCE(pg_catalog.to_jsonb(a)->>'attgenerated', '') <> '' THEN 'generated'
    WHEN (SELECT c.relkind FROM pg_catalog.pg_class c WHERE c.oid = a.attrelid) = 'v' AND NOT pg_catalog.pg_column_is_updatable(a.attrelid, a.attnum, false) THEN 'generated' WHEN pg_catalog.to_jsonb(a)->>'attidentity' = 'a' THEN 'always'
    WHEN pg_catalog.to_jsonb(a)->>'attidentity' = 'd' THEN 'identity' ELSE '' END,
  CASE WHEN pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'INSERT') THEN '' ELSE 'INSERT,' END ||
  CASE WHEN pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'UPDATE') THEN '' ELSE 'UPDATE,' END ||
  CASE WHEN pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT') THEN '' ELSE 'SELECT,' END,
  COALESCE((SELECT pg_catalog.quote_ident(m.nspname) || '.' || pg_catalog.quote_ident(s.relname) FROM pg_catalog.pg_attrdef f
    JOIN pg_catalog.pg_depend p ON p.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND p.objid = f.oid AND p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    JOIN pg_catalog.pg_class s ON s.oid = p.refobjid JOIN pg_catalog.pg_namespace m ON m.oid = s.relnamespace
    WHERE f.adrelid = a.attrelid AND f.adnum = a.attnum AND CASE WHEN s.relkind = 'S' THEN NOT pg_catalog.has_sequence_privilege(s.oid, 'USAGE, UPDATE') ELSE false END LIMIT 1), '')
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid WHERE a.attrelid = `

const postgresIndexes = `SELECT x.relname::text, i.indisunique, i.indisexclusion, EXISTS (SELECT FROM pg_catalog.pg_constraint n WHERE n.conindid = i.indexrelid AND n.contype IN ('p', 'u', 'x')),
  i.indisvalid AND i.indisready, true, i.indimmediate, COALESCE(pg_catalog.pg_get_expr(i.indpred, i.indrelid), ''), COALESCE(a.attname::text, ''), 0,
  CASE WHEN a.attnum IS NULL OR k.coll = a.attcollation OR k.coll = 0 THEN '' ELSE (SELECT l.collname::text FROM pg_catalog.pg_collation l WHERE l.oid = k.coll) END
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
CROSS JOIN LATERAL (SELECT i.indkey[u.position], i.indcollation[u.position], u.position
  FROM pg_catalog.generate_series(0, COALESCE((pg_catalog.to_jsonb(i)->>'indnkeyatts')::int, i.indnatts) - 1) AS u (position)) k (attnum, coll, position)
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0
WHERE i.indrelid = `

// postgresTriggers asks for the triggers of the table and its partitions. The bits of tgtype are in PostgreSQL's pg_trigger.h.
func postgresTriggers(table string) string {
	return `WITH RECURSIVE tree (oid) AS (SELECT c.oid FROM pg_catalog.pg_class c WHERE c.oid = ` + table + `
  UNION ALL SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON tree.oid = i.inhparent)
SELECT DISTINCT g.tgname::text, g.tgtype & 66 <> 0, g.tgtype & 4 <> 0, g.tgtype & 16 <> 0, g.tgtype & 1 <> 0, false
FROM tree JOIN pg_catalog.pg_trigger g ON g.tgrelid = tree.oid WHERE NOT g.tgisinternal AND g.tgenabled IN ('O', 'A') AND g.tgtype & 20 <> 0 ORDER BY 1`
}
