package dialect

import (
	"slices"
	"strconv"
	"strings"
)

// Postgres is PostgreSQL from 9.6 on. [Detect] returns a dialect with the server's own version; from 18 on an upsert can
// report exactly what it did on every kind of table.
var Postgres Dialect = postgres{name: "postgres", xmax: true, bytes: true}

type postgres struct {
	name    string
	version string
	old     bool // RETURNING WITH (OLD AS …), PostgreSQL 18
	xmax    bool // xmax marks an insert on a plain table
	bytes   bool // text compares byte by byte whatever its type
}

// MergeFunctionName is the function that the rule Merge uses on PostgreSQL. The connection's search_path must find this
// function.
const MergeFunctionName = "upsert_merge_patch"

// PostgresMergeFunction is the SQL of the function that the rule Merge needs: JSON Merge Patch over jsonb, as RFC 7396,
// section 2, defines it. Install the function in a migration; running the SQL again changes nothing.
const PostgresMergeFunction = `CREATE OR REPLACE FUNCTION ` + MergeFunctionName + `(target jsonb, patch jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN patch IS NULL THEN NULL
    WHEN pg_catalog.jsonb_typeof(patch) <> 'object' THEN patch
    ELSE (
      SELECT COALESCE(pg_catalog.jsonb_object_agg(COALESCE(p.key, t.key),
               CASE WHEN p.key IS NULL THEN t.value ELSE ` + MergeFunctionName + `(t.value, p.value) END), '{}')
      FROM pg_catalog.jsonb_each(CASE WHEN pg_catalog.jsonb_typeof(target) = 'object' THEN target ELSE '{}' END) AS t
      FULL JOIN pg_catalog.jsonb_each(patch) AS p ON p.key = t.key
      WHERE p.key IS NULL OR pg_catalog.jsonb_typeof(p.value) <> 'null')
  END
$$`

// newPostgres returns PostgreSQL at the server's version.
func newPostgres(version string) Dialect {
	return postgres{name: "postgres", version: version, old: AtLeast(version, 18), xmax: true, bytes: true}
}

func (d postgres) Name() string    { return d.name }
func (d postgres) Version() string { return d.version }
func (postgres) family() string    { return "postgres" }

func (d postgres) Traits() Traits {
	t := Traits{
		// The wire protocol counts parameters in 16 bits.
		MaxParams: 65535, MaxRows: 1000, MaxBytes: 4 << 20,
		Returning: true, Typed: true,
	}
	if d.name == "postgres" { // the others have not been run this way
		t.Filter, t.Arrays, t.Copying = true, true, CopyStdin
	}
	switch {
	case d.old:
		t.Reporting = ReportFlag
	case d.xmax:
		t.Reporting = ReportFlagPlain
	}
	return t
}

// CheckIdent allows 63 bytes: NAMEDATALEN is 64, and the server cuts a longer name to 63 bytes with no more than a notice.
func (d postgres) CheckIdent(name string) error { return checkIdent(d.name, name, 63, byteLen) }
func (postgres) Quote(name string) string       { return quoteWith(`"`, name) }
func (d postgres) QuoteTable(t Table) string    { return quoteTable(d, t) }

func (d postgres) Upsert(u Upsert) (string, error) {
	u.Columns = d.byType(u.Columns, u.isPlain())
	return d.syntax().upsert(u)
}

func (d postgres) Compare(c Compare) (string, error) {
	c.Columns = d.byType(c.Columns, false)
	return d.syntax().compare(c)
}

func (d postgres) IsExact(c Column, folds bool) bool {
	if d.name != "postgres" {
		return false
	}
	switch storedKind(c) {
	case KindPlain:
		return c.Base != ""
	case KindJSON: // the column is jsonb
		return true
	case KindText:
		return !folds && slices.Contains([]string{"text", "varchar", "bpchar"}, c.Base)
	}
	return false
}

func (postgres) Lock(Table) string { return "" }

// Stage copies the columns' types and collations and no constraint, so that a row meets the constraints only in the target
// table.
func (d postgres) Stage(s Stage) (StageText, error) {
	if d.Traits().Copying == CopyNone {
		return StageText{}, refuseStage(d)
	}
	name := d.syntax().stageTable(s.Table, s.Nth)
	cols := quoteList(d, columnNames(sentColumns(s.Columns)))
	position, positions := "", ""
	if s.Place {
		if slices.ContainsFunc(s.Columns, func(c Column) bool { return c.Name == stagePosition }) {
			return StageText{}, &UnsupportedError{Feature: "way to stage a column named " + stagePosition + " in a batch that reports each row's outcome", Dialect: d.Name(), Hint: "use Via(Arrays), or rename the column"}
		}
		position, positions = ", 0 AS "+d.Quote(stagePosition), ", "+d.Quote(stagePosition)
	}
	return StageText{
		Create: "CREATE TEMPORARY TABLE " + d.Quote(stageName(s.Table, s.Nth)) + " ON COMMIT DROP AS SELECT " + cols + position + " FROM " + d.QuoteTable(s.Table) + " WITH NO DATA",
		Load:   "COPY " + name + " (" + cols + positions + ") FROM STDIN",
		Clear:  "TRUNCATE " + name,
		Drop:   "DROP TABLE " + name,
		Part:   "INSERT INTO " + d.syntax().stageTable(s.Table, s.Nth+1) + " SELECT * FROM " + name + " LIMIT $1 OFFSET $2",
		Taken:  "SELECT pg_catalog.to_regclass(" + quoteText(name) + ") IS NOT NULL",
		Settle: d.checkAndTune(s),
		Order: "SELECT pg_catalog.set_config('enable_mergejoin', 'off', true), pg_catalog.set_config('enable_material', 'off', true), pg_catalog.set_config('enable_hashjoin', (pg_catalog.pg_relation_size(" + quoteText(d.QuoteTable(s.Table)) +
			") <= LEAST(pg_catalog.pg_relation_size(" + quoteText(name) + "), pg_catalog.pg_size_bytes('" + hashedAtOnce + "')))::text, true)",
	}, nil
}

// checkAndTune returns the query of StageText.Settle, which asks the catalog.
func (d postgres) checkAndTune(s Stage) string {
	var key []string
	for _, k := range slices.Sorted(slices.Values(s.Key)) {
		key = append(key, quoteText(k))
	}
	return `SELECT c.relkind = 'r' AND NOT c.relhassubclass AND EXISTS (
  SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL
  AND NOT EXISTS (SELECT FROM unnest(i.indkey::int2[], i.indcollation::oid[]) k (attnum, coll) JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum WHERE k.coll <> a.attcollation)
  AND (SELECT pg_catalog.array_agg(a.attname::text ORDER BY a.attname::text COLLATE "C") FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, place)
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum WHERE k.place <= COALESCE((pg_catalog.to_jsonb(i)->>'indnkeyatts')::int, i.indnatts)) = ARRAY[` + strings.Join(key, ", ") + `]
),
CASE WHEN pg_catalog.pg_size_bytes(pg_catalog.current_setting('work_mem')) < pg_catalog.pg_size_bytes('` + stageMemory + `') THEN pg_catalog.set_config('work_mem', '` + stageMemory + `', true) END
FROM pg_catalog.pg_class c WHERE c.oid = ` + quoteText(d.QuoteTable(s.Table)) + `::regclass`
}

// stageMemory is enough memory to sort and to join as many rows as are staged at once, of some hundred bytes each.
const stageMemory = "32MB"

// hashedAtOnce is the size of a table whose keys are hashed in less than stageMemory. A larger table would be hashed in parts,
// and its rows would come out in parts.
const hashedAtOnce = "16MB"

// quoteText writes a text as a literal that means the same whatever the setting standard_conforming_strings.
func quoteText(text string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(text) + "'"
}

func (d postgres) Catalog(t Table, by Target) string {
	arbiter := "false"
	if by.Constraint != "" {
		arbiter = "EXISTS (SELECT FROM pg_catalog.pg_constraint n WHERE n.conrelid = a.attrelid AND n.conname = " + quoteText(by.Constraint) + " AND a.attnum = ANY (n.conkey))"
	}
	skips := "false"
	if d.name == "postgres" { // the others do not report what happened to a row
		skips = postgresSkips
	}
	return "SELECT " + arbiter + ", " + skips + ", " + postgresCatalog + quoteText(d.QuoteTable(t)) + ") AND a.attnum > 0 AND NOT a.attisdropped"
}

// postgresCatalog asks for the following facts of each column and its table. If the column's type is a domain, its base type
// is the type that the domain is over at last:
//
//   - the column's name, and its type without and with its modifier;
//   - the name of the base type ("enum" for an enumeration), and the base type with its modifier;
//   - whether the values cannot be elements of an array's text that unnest turns into a column;
//   - whether the column treats texts as equal that differ byte by byte;
//   - whether the table is a plain table, whether temporary tables are allowed, and whether the function of the rule Merge is
//     installed.
//
// The server spends most of its time on a plan for this query, and each relation that is joined makes the plan dearer. So only
// the types are joined, and the search for a domain's base type, which reads the whole of pg_type, is left to domains.
const postgresCatalog = `a.attname::text, pg_catalog.format_type(a.atttypid, -1), pg_catalog.format_type(a.atttypid, a.atttypmod),
  CASE WHEN t.typtype = 'e' THEN 'enum' ELSE t.typname::text END, pg_catalog.format_type(t.oid, b.base[2]::int),
  t.typcategory IN ('A', 'C') OR t.typdelim <> ',', t.typname = 'citext' OR COALESCE((SELECT pg_catalog.to_jsonb(k)->>'collisdeterministic' FROM pg_catalog.pg_collation k WHERE k.oid = a.attcollation), '') = 'false',
  (SELECT c.relkind = 'r' FROM pg_catalog.pg_class c WHERE c.oid = a.attrelid), pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY'), pg_catalog.to_regprocedure('` + MergeFunctionName + `(jsonb,jsonb)') IS NOT NULL
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type own ON own.oid = a.atttypid
CROSS JOIN LATERAL (
  SELECT CASE WHEN own.typtype = 'd' THEN (
    WITH RECURSIVE base (type, modifier) AS (
      SELECT own.typbasetype, own.typtypmod UNION ALL SELECT d.typbasetype, d.typtypmod FROM base JOIN pg_catalog.pg_type d ON d.oid = base.type WHERE d.typtype = 'd'
    ) SELECT ARRAY[base.type::bigint, base.modifier] FROM base JOIN pg_catalog.pg_type d ON d.oid = base.type WHERE d.typtype <> 'd'
  ) ELSE ARRAY[own.oid::bigint, a.atttypmod] END AS base OFFSET 0
) b JOIN pg_catalog.pg_type t ON t.oid = b.base[1]::oid
WHERE a.attrelid = pg_catalog.to_regclass(`

// postgresSkips is true for a table that may neither write nor show a row that it was given. The cause can be a policy, a
// trigger that runs before a row is written, also on a partition, or the table behind a view or a foreign table.
const postgresSkips = `(SELECT c.relkind IN ('v', 'f') OR c.relrowsecurity OR EXISTS (
    WITH RECURSIVE tree (oid) AS (SELECT c.oid UNION ALL SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON tree.oid = i.inhparent)
    SELECT FROM tree JOIN pg_catalog.pg_trigger g ON g.tgrelid = tree.oid WHERE NOT g.tgisinternal AND g.tgtype & 3 = 3 AND g.tgtype & 20 <> 0) FROM pg_catalog.pg_class c WHERE c.oid = a.attrelid)`

func (d postgres) Find(f Find) string { return d.syntax().find(f) }

func (d postgres) FindAll(f FindAll) (text string, times int) { return d.syntax().findAll(f), 1 }

// UniqueIndex: PostgreSQL refuses a statement whose target has no unique index (42P10).
func (postgres) UniqueIndex(Table, []string) IndexText { return IndexText{} }

func (d postgres) syntax() *onConflict {
	o := &onConflict{
		d: d, stored: storedAlias,
		expr: grammar{
			stored:   func(c string) string { return d.Quote(storedAlias) + "." + d.Quote(c) },
			excluded: func(c string) string { return "EXCLUDED." + d.Quote(c) },
			distinct: d.distinct,
			merge:    func(t, p string) string { return MergeFunctionName + "(" + t + ", " + p + ")" },
			document: func(x string) string { return x + "::jsonb" },
			now:      "CURRENT_TIMESTAMP",
			utcNow:   "(CURRENT_TIMESTAMP AT TIME ZONE 'UTC')",
		},
		param: func(n int, cast string) string {
			if cast != "" {
				return "$" + strconv.Itoa(n) + "::" + cast
			}
			return "$" + strconv.Itoa(n)
		},
	}
	if d.bytes {
		o.expr.fail = func(key string) string { return "('" + otherKeyMark + " ' || " + key + "::text)::boolean" }
	}
	o.paramAgain = func(n int) string { return o.param(n, "") }
	switch d.Traits().Reporting {
	case ReportFlag:
		o.returningWith = `WITH (OLD AS "_o") `
		o.marker = func(_ string, target []string) string { return `"_o".` + d.Quote(target[0]) + " IS NULL" }
	case ReportFlagPlain:
		o.marker = func(stored string, _ []string) string { return d.Quote(stored) + ".xmax = 0" }
	}
	o.paramTable = func(c Compare) (with, from string) {
		var b strings.Builder
		b.WriteString("(VALUES ")
		o.expr.writeTuples(&b, c.Columns, c.Rows, func(n int, col Column) string { return o.param(n, c.Types[col.Name]) }, rowPosition)
		b.WriteString(") AS " + d.Quote(sourceRows(c).alias()) + " (" + o.d.Quote(sourceRows(c).position()) + ", " + quoteList(o.d, columnNames(c.Columns)) + ")")
		return "", b.String()
	}
	return o
}

// distinct compares text by its bytes: otherwise a case-insensitive type or collation would treat 'a' as 'A' and never be
// corrected. The cast also serves types that have no equality, for example json.
func (d postgres) distinct(a, b string, k Kind) string {
	switch {
	case k == kindImage:
		return "pg_catalog.record_image_ne(ROW(" + a + "), ROW(" + b + "))"
	case k == KindJSON:
		return "(" + a + ")::jsonb IS DISTINCT FROM (" + b + ")::jsonb"
	case k == kindMerged: // the merged value is jsonb already
		return a + "::jsonb IS DISTINCT FROM " + b
	case (k == KindText || k == KindAny) && d.bytes:
		return `(` + a + `)::text COLLATE "C" IS DISTINCT FROM (` + b + `)::text COLLATE "C"`
	}
	return a + " IS DISTINCT FROM " + b
}

// byType returns the columns with the kinds that follow from their types, if the types are known. A column's type decides how
// its values are compared, whatever the Go values are. If exact is false, KindExact is undone: the columns of a source that is no
// parameter have a collation of their own, which may not be the stored column's.
func (d postgres) byType(columns []Column, exact bool) []Column {
	if !d.bytes {
		return columns
	}
	typed := slices.Clone(columns)
	for i := range typed {
		if !exact || typed[i].Kind != KindExact {
			typed[i].Kind = storedKind(typed[i])
		}
	}
	return typed
}

// storedKind returns how values of the column are compared.
func storedKind(c Column) Kind {
	switch c.Base {
	case "":
		return c.Kind
	case "bool", "int2", "int4", "int8", "oid", "float4", "float8", "money", "date", "time", "timetz", "timestamp", "timestamptz",
		"uuid", "inet", "cidr", "macaddr", "macaddr8", "enum", "name", "char", "bit", "varbit", "pg_lsn", "bytea":
		return KindPlain // values that the type treats as equal are the same
	case "numeric":
		if c.Kind == KindNumber { // such a value has no zeros at the end to keep
			return KindPlain
		}
		return KindText
	case "text", "varchar", "bpchar", "citext", "json", "xml": // the text is the value, and json keeps its spelling
		return KindText
	}
	switch {
	case c.Kind == KindJSON && c.Base == "jsonb":
		return KindJSON
	case c.Rule.row().computes: // the result has the type that a domain is over, and images must have one type
		return KindPlain
	}
	return kindImage
}
