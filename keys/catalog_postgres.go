package keys

import (
	"fmt"
	"strings"

	"github.com/goupsert/upsert"
)

// postgresCatalog is the catalog of PostgreSQL from 9.6 on.
type postgresCatalog struct{}

// postgresOID finds the table by its schema or by the search_path. In a string of the form E'…' a backslash means the same
// whatever the settings are.
func postgresOID(t table) string {
	return "pg_catalog.to_regclass(E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(t.quoted()) + "'::text)"
}

func (postgresCatalog) relation(t table) string {
	return `SELECT CASE WHEN c.relkind IN ('r', 'p') THEN 'table' ELSE 'view' END, COALESCE((SELECT min(p.relpersistence::text) FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class p ON p.oid = i.inhrelid
    WHERE i.inhparent = c.oid AND p.relpersistence <> 'p'), c.relpersistence::text),
  COALESCE((SELECT min(x.name) FROM (
    SELECT t.tgname::text FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 3 = 3
    UNION ALL SELECT r.rulename::text FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND r.is_instead AND r.ev_enabled <> 'D' AND r.ev_type <> '1'
  ) AS x (name)), '')
FROM pg_catalog.pg_class c WHERE c.oid = ` + postgresOID(t)
}

// columns reads by name the attributes that only later versions have; they are NULL before.
func (postgresCatalog) columns(t table) string {
	return `SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), '', NOT a.attnotnull,
  a.atthasdef OR COALESCE(to_jsonb(a)->>'attidentity', '') <> '',
  COALESCE(to_jsonb(a)->>'attgenerated', '') <> '' OR COALESCE(to_jsonb(a)->>'attidentity', '') = 'a'
FROM pg_catalog.pg_attribute a WHERE a.attrelid = ` + postgresOID(t) + ` AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`
}

// indexes takes the columns that an expression or a predicate mentions from the dependencies, because a change of such a column
// prevents a HOT update as well.
func (postgresCatalog) indexes(t table) string {
	return `SELECT x.relname::text, i.indisunique OR i.indisexclusion, i.indisprimary,
  i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND m.amname = 'btree', k.position, COALESCE(a.attname::text, '')
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid JOIN pg_catalog.pg_am m ON m.oid = x.relam
CROSS JOIN LATERAL (
  SELECT u.attnum::int, u.position FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS u (attnum, position)
  UNION ALL
  SELECT d.refobjsubid, 0 FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = i.indexrelid
    AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = i.indrelid AND d.refobjsubid > 0
) AS k
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0
WHERE i.indrelid = ` + postgresOID(t) + ` ORDER BY 1, k.position`
}

func (postgresCatalog) relationProblems(found foundRelation) (problems []upsert.Problem) {
	switch found.storage {
	case "u":
		problems = append(problems, upsert.Problem{Check: CheckTable, Mend: "ALTER TABLE … SET LOGGED",
			Why: "the table or one of its partitions is UNLOGGED and is emptied by a crash, so keys are run again"})
	case "t":
		problems = append(problems, temporary)
	}
	if found.details != "" { // AFTER triggers, for example for auditing, swallow nothing
		problems = append(problems, upsert.Problem{Check: CheckInsert, Mend: "DROP it, or make an AFTER trigger of it",
			Why: "its trigger or rule " + found.details + " runs before or instead of a write and can discard a claim, whose effect would then be lost"})
	}
	return problems
}

func (postgresCatalog) fits(want kind, found foundColumn) fit {
	base, length := typeParts(strings.ReplaceAll(found.typeName, `"`, "")) // quote_all_identifiers
	switch want {
	case digest, token, blob:
		if base == "bytea" {
			return fitting
		}
	case label, word:
		switch {
		case base == "text" || base == "character varying" && length < 0:
			return fitting
		case base == "character varying":
			return atLeast(length, widthOf(want))
		}
	case small, medium, large:
		if bits := map[string]int{"smallint": 16, "integer": 32, "bigint": 64}[base]; bits > 0 {
			return atLeast(bits, bitsOf(want))
		}
	case instant:
		switch {
		case base != "timestamp with time zone":
		case length < 0:
			return fitting
		default:
			return atLeast(length, 6)
		}
	}
	return wrongType
}

func (postgresCatalog) add(t table, c column, definition string) string {
	return fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s %s", t.quoted(), c.name, definition)
}

func (postgresCatalog) retype(t table, c column, definition string) string {
	typ, _, _ := strings.Cut(strings.Replace(definition, " NOT NULL", " NULL", 1), " NULL")
	return fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s TYPE %s", t.quoted(), c.name, typ)
}

func (postgresCatalog) renull(t table, c column, _ string) string {
	verb := "SET"
	if c.null {
		verb = "DROP"
	}
	return fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s %s NOT NULL", t.quoted(), c.name, verb)
}
