package syntaxtest

import (
	"cmp"

	"github.com/goupsert/upsert/dialect"
)

// types are the types of the columns in the cases below, as a catalog has them.
var types = map[string]string{
	"id": "bigint", "title": "character varying", "attr": "jsonb", "count": "numeric(12,2)", "version": "bigint", "updated_at": "timestamp(3) with time zone",
	"created_at": "timestamp with time zone", "filled_at": "timestamp without time zone", "code": "text", "tenant": "citext", "number": "bigint",
	"_at": "bigint", "_AT_": "bigint",
}

// ofItems completes a statement about the table "items".
func ofItems(key []string, u dialect.Upsert) dialect.Upsert {
	u.Table.Name = cmp.Or(u.Table.Name, items.Name)
	u.Target.Columns, u.Stored.Types, u.Rows.N = key, types, cmp.Or(u.Rows.N, 1)
	return u
}

func bulk(key []string, u dialect.Upsert) func(dialect.Dialect) (string, error) {
	return func(d dialect.Dialect) (string, error) { return d.Upsert(ofItems(key, u)) }
}

func bulkCompare(from dialect.Source, cols []dialect.Column) func(dialect.Dialect) (string, error) {
	return func(d dialect.Dialect) (string, error) {
		return d.Compare(dialect.Compare{Table: items, Target: dialect.Target{Columns: id}, Columns: cols, Rows: dialect.Rows{N: 1, Source: from}, Stored: dialect.Stored{Types: types}})
	}
}

// stageOf is one of the statements of a staging table.
func stageOf(part func(dialect.StageText) string, s dialect.Stage) func(dialect.Dialect) (string, error) {
	s.Table.Name, s.Reader = items.Name, "upsert1"
	return func(d dialect.Dialect) (string, error) {
		text, err := d.Stage(s)
		return part(text), err
	}
}

var (
	code   = dialect.Column{Name: "code", Rule: dialect.Key, Kind: dialect.KindText}
	filled = dialect.Column{Name: "filled_at", Rule: dialect.Fill, Kind: dialect.KindPlain, Now: true}
	clock  = dialect.Column{Name: "updated_at", Rule: dialect.Touch, Kind: dialect.KindPlain, Now: true}
	whole  = columns(updated, title, attr, version, count, created)
	seat   = []dialect.Column{{Name: "tenant", Rule: dialect.Key, Kind: dialect.KindText}, {Name: "number", Rule: dialect.Key, Kind: dialect.KindNumber}, title}
	// placed has the names that the column with a row's place would have.
	placed = columns(dialect.Column{Name: "_at", Kind: dialect.KindNumber}, dialect.Column{Name: "_AT_", Kind: dialect.KindNumber})
)

// bulkCases are the statements of Via(Arrays) and Via(Copy), and of what is left out before an insert.
func bulkCases() []Case {
	all := append(arraysCases(), stagedCases()...)
	all = append(all, filterCases()...)
	return append(all, stageCases()...)
}

func arraysCases() []Case {
	const from = dialect.FromArrays
	given := func(u dialect.Upsert) dialect.Upsert { u.Rows.Source = from; return u }
	filtered := func(u dialect.Upsert) dialect.Upsert { u.Rows.Source, u.Filter = from, true; return u }
	coded, two := []string{"code"}, []string{"tenant", "number"}
	return []Case{
		{"arrays", "One parameter a column, with all its values in the text of an array of the column's type. Rows are inserted in their order,\nwhich is the keys' (hazard P24).", id, bulk(id, given(dialect.Upsert{Columns: columns(title, count)}))},
		{"arrays-filter", "Rows that would change nothing are left out before the insert: they are neither locked nor logged.", id, bulk(id, filtered(dialect.Upsert{Columns: columns(title, count)}))},
		{"arrays-filter-key-only", "A row that is there needs nothing more.", id, bulk(id, filtered(dialect.Upsert{Columns: columns()}))},
		{"arrays-filter-touch", "A touched column alone changes nothing.", id, bulk(id, filtered(dialect.Upsert{Columns: columns(updated)}))},
		{"arrays-filter-version", "A row that is not newer is left out, whatever else it has; one without a version, too.", id, bulk(id, filtered(dialect.Upsert{Columns: columns(updated, title, version)}))},
		{"arrays-filter-merge", "A patch that the stored document has already. What an insert stores of it is a patch of nothing.", id, bulk(id, filtered(dialect.Upsert{Columns: columns(attr)}))},
		{"arrays-filter-now", "The database's clock has no array. What is compared is of the column's type, as an insert would make it.", id, bulk(id, filtered(dialect.Upsert{Columns: columns(title, created, filled, clock)}))},
		{"arrays-filter-key-text", "A key of text: a stored row whose key is the same only to a collation is not the row, so the insert meets it and fails.", coded, bulk(coded, filtered(dialect.Upsert{Columns: []dialect.Column{code, title}, Stored: dialect.Stored{Guard: true}}))},
		{"arrays-filter-key-text-only", "The same with nothing to assign but a touched column, on a table whose catalog says that it can happen.", coded, bulk(coded, filtered(dialect.Upsert{Columns: []dialect.Column{code, clock}, Stored: dialect.Stored{Guard: true}}))},
		{"arrays-filter-key-two", "Two columns of the key, one of text.", two, bulk(two, filtered(dialect.Upsert{Columns: seat}))},
		{"arrays-filter-all", "A column of each kind.", id, bulk(id, filtered(dialect.Upsert{Columns: whole}))},
		{"arrays-filter-report", "PutAll with Outcomes: the rows that were not left out come back.", id, bulk(id, filtered(dialect.Upsert{Columns: columns(title), Answer: dialect.Answer{Report: true, Return: id}}))},
		{"arrays-filter-create", "A row that is there is left as it is, so that it is left out whatever it has.", id, bulk(id, filtered(dialect.Upsert{Columns: columns(title, version), Mode: dialect.Create}))},
		{"arrays-filter-on-constraint", "The arbiter by its name, and the stored row by the key's columns.", id, bulk(id, filtered(dialect.Upsert{Columns: columns(title), Target: dialect.Target{Constraint: "items_pkey"}}))},
		{"arrays-index-where", "A partial unique index, beside which nothing is left out: whether a row is in it only the insert knows.", id, bulk(id, given(dialect.Upsert{Columns: columns(title), Target: dialect.Target{Where: "deleted_at IS NULL"}}))},
		{"arrays-filter-count", "How many rows were written.", id, bulk(id, filtered(dialect.Upsert{Columns: columns(title), Answer: dialect.Answer{Count: true}}))},
		{"arrays-filter-count-report", "How many rows were written, and how many of them are new: one row instead of one for each.", id, bulk(id, filtered(dialect.Upsert{Columns: columns(title), Answer: dialect.Answer{Count: true, Report: true}}))},
		{"arrays-count-alias", "A table that has the name of the counted statement.", id, bulk(id, given(dialect.Upsert{Table: dialect.Table{Name: "_w"}, Columns: columns(title), Answer: dialect.Answer{Count: true, Report: true}}))},
		{"arrays-filter-alias", "A table that has the name of the arrays' alias.", id, bulk(id, filtered(dialect.Upsert{Table: dialect.Table{Name: "_e"}, Columns: columns(title)}))},
		{"arrays-filter-alias-stored", "A table that has the name of the stored row's alias, in a schema.", id, bulk(id, filtered(dialect.Upsert{Table: dialect.Table{Schema: "app", Name: "_t"}, Columns: columns(title)}))},
		{"arrays-filter-place", "Columns that have the name of the rows' place.", id, bulk(id, filtered(dialect.Upsert{Columns: placed}))},
		{"compare-arrays", "What an upsert would do to the rows that are there, from arrays. The place among the rows is counted from 0.", id, bulkCompare(from, whole)},
		{"compare-arrays-place", "The same with columns that have the name of the place.", id, bulkCompare(from, placed)},
	}
}

func stagedCases() []Case {
	const from = dialect.FromStage
	given := func(u dialect.Upsert) dialect.Upsert { u.Rows.Source = from; return u }
	filtered := func(u dialect.Upsert) dialect.Upsert { u.Rows.Source, u.Filter = from, true; return u }
	split := func(u dialect.Upsert) dialect.Upsert { u.Rows.Source, u.Filter, u.Split = from, true, true; return u }
	coded, two := []string{"code"}, []string{"tenant", "number"}
	return []Case{
		{"staged", "Rows from the staging table, on PostgreSQL in the order in which they came.", id, bulk(id, given(dialect.Upsert{Columns: columns(title, count)}))},
		{"staged-touch", "Where assignments run from left to right a touched column comes first, as beside VALUES.", id, bulk(id, given(dialect.Upsert{Columns: columns(title, updated)}))},
		{"staged-merge", "A patch. On MySQL and MariaDB there is no row alias beside a SELECT (hazard H11).", id, bulk(id, given(dialect.Upsert{Columns: columns(attr)}))},
		{"staged-version", "A version.", id, bulk(id, given(dialect.Upsert{Columns: columns(updated, title, version)}))},
		{"staged-now", "The database's clock, which the staging table has no column for.", id, bulk(id, given(dialect.Upsert{Columns: columns(title, created, filled, clock)}))},
		{"staged-key-only", "Nothing but a key.", id, bulk(id, given(dialect.Upsert{Columns: columns()}))},
		{"staged-key-text", "A key of text.", coded, bulk(coded, given(dialect.Upsert{Columns: []dialect.Column{code, title}}))},
		{"staged-key-two", "Two columns of the key.", two, bulk(two, given(dialect.Upsert{Columns: seat}))},
		{"staged-all", "A column of each kind.", id, bulk(id, given(dialect.Upsert{Columns: whole}))},
		{"staged-alias", "A table that has the name of the staging table's alias.", id, bulk(id, given(dialect.Upsert{Table: dialect.Table{Name: "_e"}, Columns: columns(title)}))},
		{"staged-schema", "A table with a schema: on MySQL and MariaDB the staging table is in the same, for the connection may have none.", id, bulk(id, given(dialect.Upsert{Table: dialect.Table{Schema: "app", Name: "items"}, Columns: columns(title)}))},
		{"staged-report", "What happened to each row. MySQL tells of one row a statement only.", id, bulk(id, given(dialect.Upsert{Columns: columns(title), Answer: dialect.Answer{Report: true, Return: id}}))},
		{"staged-filter", "Rows that would change nothing are left out.", id, bulk(id, filtered(dialect.Upsert{Columns: columns(title, count)}))},
		{"staged-filter-all", "The same with a column of each kind, and a version.", id, bulk(id, filtered(dialect.Upsert{Columns: whole}))},
		{"staged-filter-key-text", "The same with a key of text.", coded, bulk(coded, filtered(dialect.Upsert{Columns: []dialect.Column{code, title, version}}))},
		{"staged-filter-count-report", "How many rows were written, and how many of them are new.", id, bulk(id, filtered(dialect.Upsert{Columns: columns(title), Answer: dialect.Answer{Count: true, Report: true}}))},
		{"staged-index-where", "A partial unique index.", id, bulk(id, given(dialect.Upsert{Columns: columns(title), Target: dialect.Target{Where: "deleted_at IS NULL"}}))},
		{"staged-filter-on-constraint", "The arbiter by its name.", id, bulk(id, filtered(dialect.Upsert{Columns: columns(title), Target: dialect.Target{Constraint: "items_pkey"}}))},
		{"staged-split", "What is not there is inserted with no word on conflicts, which is faster; what is there and would change is updated. Both\nparts see one snapshot, so that each row is in one of them or in none.", id, bulk(id, split(dialect.Upsert{Columns: columns(title, count)}))},
		{"staged-split-all", "The same with a column of each kind, and a version.", id, bulk(id, split(dialect.Upsert{Columns: whole}))},
		{"staged-split-key-only", "The same with nothing that could change.", id, bulk(id, split(dialect.Upsert{Columns: columns()}))},
		{"staged-split-key-text", "The same with a key of text.", coded, bulk(coded, split(dialect.Upsert{Columns: []dialect.Column{code, title}}))},
		{"staged-split-count", "How many rows both parts have written.", id, bulk(id, split(dialect.Upsert{Columns: columns(title), Answer: dialect.Answer{Count: true}}))},
		{"staged-split-count-report", "And how many of them are new.", id, bulk(id, split(dialect.Upsert{Columns: columns(title), Answer: dialect.Answer{Count: true, Report: true}}))},
		{"staged-split-alias", "A table that has the name of the part that inserts.", id, bulk(id, split(dialect.Upsert{Table: dialect.Table{Name: "_a"}, Columns: columns(title), Answer: dialect.Answer{Count: true}}))},
		{"compare-staged", "What an upsert would do to the rows that are there, from the staging table: it has a column with each row's place.", id, bulkCompare(from, whole)},
		{"compare-staged-place", "The same with columns that have the name of the place.", id, bulkCompare(from, placed)},
	}
}

// filterCases are statements with a parameter for every value whose rows are looked at before the insert.
func filterCases() []Case {
	const from = dialect.FromParams
	filtered := func(u dialect.Upsert) dialect.Upsert { u.Rows.Source, u.Filter, u.Rows.N = from, true, 2; return u }
	coded := []string{"code"}
	return []Case{
		{"filter", "Parameters in a table of VALUES, whose first row names their types (hazard P17).", id, bulk(id, filtered(dialect.Upsert{Columns: columns(title, count)}))},
		{"filter-all", "The same with a column of each kind, and a version. The database's clock is not among the parameters.", id, bulk(id, filtered(dialect.Upsert{Columns: whole}))},
		{"filter-key-text", "The same with a key of text.", coded, bulk(coded, filtered(dialect.Upsert{Columns: []dialect.Column{code, title}}))},
		{"filter-alias", "A table that has the name of the parameters' alias, and columns that have the name of a row's place.", id, bulk(id, filtered(dialect.Upsert{Table: dialect.Table{Name: "_e"}, Columns: placed}))},
		{"filter-count", "How many rows were written.", id, bulk(id, filtered(dialect.Upsert{Columns: columns(title), Answer: dialect.Answer{Count: true}}))},
		{"count", "The same where nothing is left out before.", id, bulk(id, dialect.Upsert{Columns: columns(title), Rows: dialect.Rows{N: 2}, Answer: dialect.Answer{Count: true, Report: true}})},
	}
}

func stageCases() []Case {
	create := func(s dialect.StageText) string { return s.Create }
	load := func(s dialect.StageText) string { return s.Load }
	empty := func(s dialect.StageText) string { return s.Clear }
	part := func(s dialect.StageText) string { return s.Part }
	drop := func(s dialect.StageText) string { return s.Drop }
	settle := func(s dialect.StageText) string { return s.Settle }
	order := func(s dialect.StageText) string { return s.Order }
	plain := dialect.Stage{Columns: columns(title, created, count), Key: id}
	stage := func(name, why string, part func(dialect.StageText) string, s dialect.Stage) Case {
		return Case{name, why, nil, stageOf(part, s)}
	}
	return []Case{
		stage("stage-create", "The staging table has the columns' types and no constraint. The database's clock has no column.", create, plain),
		stage("stage-load", "The rows are streamed. On MySQL and MariaDB the driver asks a reader for them, by a name.", load, plain),
		stage("stage-clear", "The next rows come when the last are inserted. TRUNCATE would end MySQL's transaction.", empty, plain),
		stage("stage-part", "A run of the staged rows is staged once more, to find the row that made a statement fail.", part, plain),
		stage("stage-drop", "Nothing is left behind.", drop, plain),
		stage("stage-create-place", "A column more, with each row's place.", create, dialect.Stage{Columns: columns(title), Place: true}),
		stage("stage-load-place", "The same column.", load, dialect.Stage{Columns: columns(title), Place: true}),
		stage("stage-create-schema", "A table with a schema and a column with quotes: the staging table is in the schema where a connection may have none.", create, dialect.Stage{Table: dialect.Table{Schema: "app"}, Columns: columns(dialect.Column{Name: "a\"b`c"})}),
		stage("stage-load-schema", "The same.", load, dialect.Stage{Table: dialect.Table{Schema: "app"}, Columns: columns(dialect.Column{Name: "a\"b`c"})}),
		stage("stage-settle", "Whether a unique index has exactly the key's columns, so that what is not there can be inserted with no word on conflicts.", settle, plain),
		stage("stage-settle-key-two", "The same of two columns, with quotes in their names and the table's schema.", settle, dialect.Stage{Table: dialect.Table{Schema: `a'"\pp`}, Columns: seat, Key: []string{`te'na\nt`, "number"}}),
		stage("stage-order", "Rows are taken in the order in which they were staged.", order, dialect.Stage{Table: dialect.Table{Schema: `a'"\pp`}, Columns: columns(title)}),
		stage("stage-load-places", "Columns that have the name of the place.", load, dialect.Stage{Columns: placed, Place: true}),
	}
}
