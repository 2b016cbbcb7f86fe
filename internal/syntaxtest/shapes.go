package syntaxtest

import (
	"encoding/json"
	"time"
)

type keyOnlyRow struct {
	ID int64 `db:"id" upsert:"key"`
}

type keepOnlyRow struct {
	ID        int64     `db:"id" upsert:"key"`
	CreatedAt time.Time `db:"created_at" upsert:"keep"`
}

type touchOnlyRow struct {
	ID        int64     `db:"id" upsert:"key"`
	UpdatedAt time.Time `db:"updated_at" upsert:"touch"`
}

type versionOnlyRow struct {
	ID      int64 `db:"id" upsert:"key"`
	Version int64 `db:"version" upsert:"version"`
}

type compoundRow struct {
	Tenant string `db:"tenant" upsert:"key"`
	Number int64  `db:"number" upsert:"key"`
	Title  string `db:"title"`
}

type textRow struct {
	Code string `db:"code" upsert:"key"`
	Name string `db:"name"`
}

type textOnlyRow struct {
	Code string `db:"code" upsert:"key"`
}

type textVersionRow struct {
	Code    string `db:"code" upsert:"key"`
	Name    string `db:"name"`
	Version int64  `db:"version" upsert:"version"`
}

type textTwoRow struct {
	Org  string `db:"org" upsert:"key"`
	Code string `db:"code" upsert:"key"`
	Name string `db:"name"`
}

type textKeepRow struct {
	Code      string    `db:"code" upsert:"key"`
	CreatedAt time.Time `db:"created_at" upsert:"keep"`
}

// textMergeRow has a patch beside a key of text.
type textMergeRow struct {
	Code    string          `db:"code" upsert:"key"`
	Attr    json.RawMessage `db:"attr" upsert:"merge"`
	Version int64           `db:"version" upsert:"version"`
}

type binaryRow struct {
	Digest []byte `db:"digest" upsert:"key"`
	Size   int64  `db:"size"`
}

// quotedRow has names in which quotes, spaces, dots and reserved words are part of the name.
type quotedRow struct {
	Select int64  "db:\"select\" upsert:\"key\""
	Quote  string "db:\"a\\\"b\""
	Tick   string "db:\"c`d\""
	Space  string "db:\"e f.g\""
	Accent string "db:\"größe\""
}

func shapeCases() []Case {
	return []Case{
		{"key-only", "Nothing but a key: insert or nothing, and nothing is written where the row is there (hazard H13).", id, table([]keyOnlyRow{{1}})},
		{"keep-only", "Nothing can be assigned: insert or nothing.", id, table([]keepOnlyRow{{ID: 1}})},
		{"touch-only", "A touched column waits for another that is not there: insert or nothing.", id, table([]touchOnlyRow{{ID: 1}})},
		{"version-only", "A version alone: it only grows.", id, table([]versionOnlyRow{{ID: 1}})},
		{"key-compound", "All columns of the key are the target and none is assigned (hazard P11). On MySQL and MariaDB any unique key fires, so\nthe first assignment compares the whole key and fails the statement where it differs (hazards H10, H18).", []string{"tenant", "number"}, table([]compoundRow{{Tenant: "a", Number: 1}})},
		{"key-text", "A key of text: 'a' and 'A' are two keys, whatever the column's collation says (hazard H18). Where it takes them for one,\nthe statement fails: neither row may be written over.", []string{"code"}, table([]textRow{{Code: "a"}})},
		{"key-text-keep", "The same with nothing to assign. On PostgreSQL the catalog says whether a collation can fold the key; only then is Guard set.", []string{"code"}, table([]textKeepRow{{Code: "a"}})},
		{"key-text-only", "The same without any other column. PostgreSQL's statement cannot fail here, for to assign a key would lock out the rows\nthat refer to it (hazard P11).", []string{"code"}, table([]textOnlyRow{{Code: "a"}})},
		{"key-text-version", "The same with a version: the key comes first, for a row of another key is not stale.", []string{"code"}, table([]textVersionRow{{Code: "a"}})},
		{"key-text-two", "Two columns of text: one that differs is enough.", []string{"org", "code"}, table([]textTwoRow{{Org: "a", Code: "b"}})},
		{"key-text-removes", "A key of text, a version, and a patch that removes a member.", []string{"code"}, table([]textMergeRow{{Code: "a", Attr: json.RawMessage(`{"a":null}`)}})},
		{"key-binary", "A key of bytes.", []string{"digest"}, table([]binaryRow{{Digest: []byte{1}}})},
		{"rows-2", "Two rows: one tuple more and nothing else.", id, table([]versionRow{{ID: 1}, {ID: 2}})},
		{"rows-3", "Three rows, with the database's clock beside parameters.", id, table([]nowRow{{ID: 1}, {ID: 2}, {ID: 3}})},
		{"schema", "A schema-qualified table. On MySQL and MariaDB its columns are qualified by the table's name alone.", id, named("app.items", []replaceRow{{ID: 1}})},
		{"quoted", "Names with quotes, backticks, dots and spaces inside, and reserved words.", []string{"select"}, named("\"or\"\"der\".\"li`ne.s\"", []quotedRow{{Select: 1}})},
		{"alias-table", "A table that has the name of the row's alias: the alias gives way, for the two must differ on MySQL (hazard H11).", id, named("_new", []replaceRow{{ID: 1}})},
		{"alias-given", "A table that has the name of the parameters' alias, in the one statement of Table.SQL that has it.", id, named("_e", []mergeRow{{ID: 1, Attr: json.RawMessage(`{"a":null}`)}})},
		{"alias-stored", "A table that has the name of the stored row's alias.", id, named("_t", []replaceRow{{ID: 1}})},
	}
}
