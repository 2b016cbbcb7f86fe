package syntaxtest

import "github.com/goupsert/upsert/dialect"

var items = dialect.Table{Name: "items"}

func columns(cols ...dialect.Column) []dialect.Column {
	return append([]dialect.Column{{Name: "id", Rule: dialect.Key, Kind: dialect.KindNumber}}, cols...)
}

var (
	title   = dialect.Column{Name: "title", Kind: dialect.KindText}
	attr    = dialect.Column{Name: "attr", Rule: dialect.Merge, Kind: dialect.KindJSON}
	count   = dialect.Column{Name: "count", Rule: dialect.Max, Kind: dialect.KindNumber}
	version = dialect.Column{Name: "version", Rule: dialect.Version, Kind: dialect.KindNumber}
	updated = dialect.Column{Name: "updated_at", Rule: dialect.Touch, Kind: dialect.KindPlain}
	created = dialect.Column{Name: "created_at", Rule: dialect.Keep, Kind: dialect.KindPlain, Now: true}
)

func write(u dialect.Upsert) func(dialect.Dialect) (string, error) {
	u.Table, u.Target = items, dialect.Target{Columns: id}
	return func(d dialect.Dialect) (string, error) { return d.Upsert(u) }
}

func compare(c dialect.Compare) func(dialect.Dialect) (string, error) {
	c.Table, c.Target = items, dialect.Target{Columns: id}
	c.Stored.Types = map[string]string{
		"id": "bigint", "title": "character varying(80)", "attr": "jsonb", "count": "bigint", "version": "bigint",
		"updated_at": "timestamp with time zone", "created_at": "timestamp with time zone", "_at": "bigint", "_AT_": "bigint",
	}
	return func(d dialect.Dialect) (string, error) { return d.Compare(c) }
}

// compareCode compares rows whose key is text.
func compareCode(cols ...dialect.Column) func(dialect.Dialect) (string, error) {
	c := dialect.Compare{
		Table: items, Target: dialect.Target{Columns: []string{"code"}}, Rows: dialect.Rows{N: 1},
		Columns: append([]dialect.Column{{Name: "code", Rule: dialect.Key, Kind: dialect.KindText}}, cols...),
		Stored:  dialect.Stored{Types: map[string]string{"code": "text", "title": "text", "version": "bigint"}},
	}
	return func(d dialect.Dialect) (string, error) { return d.Compare(c) }
}

func find(f dialect.Find) func(dialect.Dialect) (string, error) {
	return func(d dialect.Dialect) (string, error) { return d.Find(f), nil }
}

func findAll(f dialect.FindAll) func(dialect.Dialect) (string, error) {
	f.Stored.Types = map[string]string{"id": "bigint", "tenant": "text", "number": "bigint"}
	return func(d dialect.Dialect) (string, error) {
		text, _ := d.FindAll(f)
		return text, nil
	}
}

// directCases are the statements that Table.SQL does not show: what is sent to tell what happened.
func directCases() []Case {
	all := columns(updated, title, attr, version, count, created)
	generated := []string{"no", "id"}
	return []Case{
		{"report", "The statement of Put: one row, and how the database tells what happened to it. PostgreSQL returns whether the row is\nnew, MariaDB a code for it; MySQL leaves the code in the insert id.", id, write(dialect.Upsert{Columns: columns(title), Rows: dialect.Rows{N: 1}, Answer: dialect.Answer{Report: true}})},
		{"report-rows", "The statement of PutAll with Outcomes: the keys come back, for the order of rows means nothing (hazard P3). On MySQL each\nrow goes alone.", id, write(dialect.Upsert{Columns: columns(title), Rows: dialect.Rows{N: 2}, Answer: dialect.Answer{Report: true, Return: id}})},
		{"report-key-only", "A row that is there is unchanged, whatever it is.", id, write(dialect.Upsert{Columns: columns(), Rows: dialect.Rows{N: 1}, Answer: dialect.Answer{Report: true}})},
		{"report-version", "A row that is not newer is stale, or unchanged if it has the stored version and would change nothing.", id, write(dialect.Upsert{Columns: columns(updated, title, version), Rows: dialect.Rows{N: 1}, Answer: dialect.Answer{Report: true}})},
		{"report-all", "Every kind of column at once, with a report.", id, write(dialect.Upsert{Columns: all, Rows: dialect.Rows{N: 1}, Answer: dialect.Answer{Report: true}})},
		{"report-removes", "A report with a patch that removes a member.", id, write(dialect.Upsert{Columns: all, Rows: dialect.Rows{N: 1, Removes: true}, Answer: dialect.Answer{Report: true}})},
		{"return", "Generated columns come back with the row where there is RETURNING.", id, write(dialect.Upsert{Columns: columns(title), Rows: dialect.Rows{N: 1}, Answer: dialect.Answer{Return: generated}})},
		{"create", "GetOrCreate: a row that is there is left as it is.", id, write(dialect.Upsert{Columns: columns(title), Rows: dialect.Rows{N: 1}, Mode: dialect.Create})},
		{"create-report", "GetOrCreate with a report of who made the row, as on MySQL.", id, write(dialect.Upsert{Columns: columns(title, version), Rows: dialect.Rows{N: 1}, Mode: dialect.Create, Answer: dialect.Answer{Report: true}})},
		{"create-return", "GetOrCreate with the row it made, as on SQLite and PostgreSQL: of a row that was there nothing comes back.", id, write(dialect.Upsert{Columns: columns(title), Rows: dialect.Rows{N: 1}, Mode: dialect.Create, Answer: dialect.Answer{Return: []string{"id", "title"}}})},
		{"create-report-return", "GetOrCreate with both, as on MariaDB: its RETURNING has the stored row, too.", id, write(dialect.Upsert{Columns: columns(title), Rows: dialect.Rows{N: 1}, Mode: dialect.Create, Answer: dialect.Answer{Report: true, Return: []string{"id", "title"}}})},
		{"compare", "What an upsert would do to the rows that are there. Parameters in a table of VALUES would be text on PostgreSQL, so the\nfirst row and all others name their types (hazard P17).", id, compare(dialect.Compare{Columns: columns(title, count), Rows: dialect.Rows{N: 2}})},
		{"compare-version", "The same with a version: 0 the same, 1 stale, 2 would change.", id, compare(dialect.Compare{Columns: all, Rows: dialect.Rows{N: 1}})},
		{"compare-key-only", "Nothing could change.", id, compare(dialect.Compare{Columns: columns(updated), Rows: dialect.Rows{N: 1}})},
		{"compare-alias", "A table that has the name of the parameters' alias.", id, func(d dialect.Dialect) (string, error) {
			return d.Compare(dialect.Compare{Table: dialect.Table{Name: "_e"}, Target: dialect.Target{Columns: id}, Columns: columns(title), Rows: dialect.Rows{N: 1}, Stored: dialect.Stored{Types: map[string]string{"id": "bigint", "title": "text"}}})
		}},
		{"compare-key-text", "A key of text: 3 where the stored key is the same only to a collation.", []string{"code"}, compareCode(title)},
		{"compare-key-text-version", "The same with a version.", []string{"code"}, compareCode(title, version)},
		{"compare-key-text-only", "The same where nothing else could change.", []string{"code"}, compareCode()},
		{"compare-place", "A column that has the name of the parameters' place.", id, compare(dialect.Compare{Columns: columns(dialect.Column{Name: "_at", Kind: dialect.KindPlain}, dialect.Column{Name: "_AT_", Kind: dialect.KindPlain}), Rows: dialect.Rows{N: 1}})},
		{"find", "One row by its key.", id, find(dialect.Find{Table: items, Target: dialect.Target{Columns: []string{"tenant", "number"}}, Return: []string{"id", "title"}})},
		{"find-lock", "The same inside a transaction: on MySQL and MariaDB only a locking read sees a row that is newer than the\ntransaction's view (hazard H19).", id, find(dialect.Find{Table: dialect.Table{Schema: "app", Name: "items"}, Target: dialect.Target{Columns: id}, Return: []string{"id"}, Lock: true})},
		{"find-only", "On PostgreSQL a unique index is its own table's, and not that of the tables that inherit from it.", id, find(dialect.Find{Table: items, Target: dialect.Target{Columns: id}, Return: []string{"title"}, Stored: dialect.Stored{Only: true}})},
		{"find-index-where", "Of several rows with the key, the one in the partial index.", id, find(dialect.Find{Table: items, Target: dialect.Target{Columns: id, Where: "deleted_at IS NULL"}, Return: []string{"title"}})},
		{"find-all", "What Returning reads: the rows of several keys, each with its place among the keys. On MySQL and MariaDB the keys are sent\ntwice, and the index is named, so that a small table is not read, and locked, as a whole.", id, findAll(dialect.FindAll{Table: items, Target: dialect.Target{Columns: id}, Return: []string{"id", "title"}, Keys: 2, Lock: true, Index: "PRIMARY"})},
		{"find-all-pair", "The same by a key of two columns.", id, findAll(dialect.FindAll{Table: items, Target: dialect.Target{Columns: []string{"tenant", "number"}}, Return: []string{"title"}, Keys: 2, Lock: true})},
		{"find-all-one", "The same for one key.", id, findAll(dialect.FindAll{Table: items, Target: dialect.Target{Columns: id}, Return: []string{"title"}, Keys: 1, Lock: true})},
		{"find-all-index-where", "The same for the rows in the partial index.", id, findAll(dialect.FindAll{Table: items, Target: dialect.Target{Columns: id, Where: "deleted_at IS NULL"}, Return: []string{"title"}, Keys: 2})},
		{"compare-index-where", "The same for rows that are compared. The predicate's columns are the stored row's.", id, func(d dialect.Dialect) (string, error) {
			return d.Compare(dialect.Compare{Table: items, Target: dialect.Target{Columns: id, Where: "title > ''"}, Columns: columns(title), Rows: dialect.Rows{N: 1}, Stored: dialect.Stored{Types: map[string]string{"id": "bigint", "title": "text"}}})
		}},
	}
}
