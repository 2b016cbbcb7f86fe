package syntaxtest

import (
	"encoding/json"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/catalogsql"
	"github.com/goupsert/upsert/internal/ddl"
)

// isRead reports whether Verify reads the catalogs of the database.
func isRead(d dialect.Dialect) bool {
	_, ok := catalogsql.Of(d, items)
	return ok
}

// CatalogCases are the questions that Table.Verify asks, the statements that its findings name, and what Table.Schema writes. Key
// is not set.
func CatalogCases() []Case {
	asked := func(pick func(catalogsql.Questions) catalogsql.Query) func(dialect.Dialect) (string, error) {
		return func(d dialect.Dialect) (string, error) {
			table := dialect.Table{Name: "items"}
			if d.Name() == "sqlite" {
				table.Schema = "main"
			}
			q, ok := catalogsql.Of(d, table)
			if !ok {
				return "", nil
			}
			return pick(q).Text, nil
		}
	}
	return append([]Case{
		{Name: "relation", Why: "What the table is, and who asks.", SQL: asked(func(q catalogsql.Questions) catalogsql.Query { return q.Relation })},
		{Name: "columns", Why: "The table's columns, and the rights on them.", SQL: asked(func(q catalogsql.Questions) catalogsql.Query { return q.Columns })},
		{Name: "indexes", Why: "The columns of the table's indexes.", SQL: asked(func(q catalogsql.Questions) catalogsql.Query { return q.Indexes })},
		{Name: "triggers", Why: "The triggers that run when a row is written.", SQL: asked(func(q catalogsql.Questions) catalogsql.Query { return q.Triggers })},
		{Name: "rules", Why: "PostgreSQL's rewrite rules, beside which ON CONFLICT is refused.", SQL: asked(func(q catalogsql.Questions) catalogsql.Query { return q.Rules })},
		{Name: "unenforced", Why: "CHECK constraints that are not enforced.", SQL: asked(func(q catalogsql.Questions) catalogsql.Query { return q.Unenforced })},
		{Name: "foldings", Why: "Which texts the key's column takes for one.", SQL: foldings},
		{Name: "target", Why: "Whether the server takes the conflict target: the statement is planned, and does not run.", SQL: func(d dialect.Dialect) (string, error) {
			if !isRead(d) {
				return "", nil
			}
			q, err := catalogsql.Explain(d, items, dialect.Target{Columns: id})
			return q.Text, err
		}},
	}, ddlCases()...)
}

func foldings(d dialect.Dialect) (string, error) {
	switch d.Name() {
	case "sqlite":
		return catalogsql.AskFoldings(catalogsql.SQLiteColumnEqual(items, "code")).Text, nil
	case "postgres":
		return catalogsql.AskFoldings(catalogsql.PostgresEqual("text", `pg_catalog."C"`)).Text, nil
	}
	if !isRead(d) {
		return "", nil
	}
	return catalogsql.AskFoldings(catalogsql.MySQLEqual("utf8mb4_bin")).Text, nil
}

// typed has a column of each sort.
type typed struct {
	Code    string          `db:"code" upsert:"key"`
	No      int64           `db:"no" upsert:"generated"`
	Flag    bool            `db:"flag"`
	Count   uint64          `db:"count"`
	Score   *float64        `db:"score"`
	Title   string          `db:"title"`
	Image   []byte          `db:"image"`
	Attr    json.RawMessage `db:"attr" upsert:"merge"`
	Price   string          `db:"price"`
	Created time.Time       `db:"created_at" upsert:"keep,now"`
}

// partial is a table whose unique index is partial.
type partial struct {
	ID      int64      `db:"id" upsert:"key"`
	Deleted *time.Time `db:"deleted_at"`
}

func schema[T any](opts ...upsert.Option) func(dialect.Dialect) (string, error) {
	return func(d dialect.Dialect) (string, error) {
		t, err := upsert.New[T](d, "items", opts...)
		if err != nil {
			return "", err
		}
		return t.Schema()
	}
}

func ddlCases() []Case {
	target := dialect.Target{Columns: []string{"tenant", "number"}}
	text := func(write func(d dialect.Dialect) string) func(dialect.Dialect) (string, error) {
		return func(d dialect.Dialect) (string, error) {
			if !isRead(d) {
				return "", nil
			}
			return write(d), nil
		}
	}
	return []Case{
		{Name: "schema", Why: "What Table.Schema writes for a table with a column of each sort. The price has a type that the program names.", SQL: schema[typed](upsert.ColumnType("price", "numeric(12,2)"))},
		{Name: "schema-index-where", Why: "The same with a partial unique index, which is a statement of its own.", SQL: schema[partial](upsert.IndexWhere("deleted_at IS NULL"))},
		{Name: "schema-on-constraint", Why: "The same with a named constraint.", SQL: schema[partial](upsert.OnConstraint("items_key"))},
		{Name: "mend-index", Why: "Makes the unique index while others read and write the table.", SQL: text(func(d dialect.Dialect) string { return ddl.CreateIndex(d, items, target, "items_key", true) })},
		{Name: "mend-constraint", Why: "Makes a constraint of the index.", SQL: text(func(d dialect.Dialect) string { return ddl.UseIndex(d, items, target, "items_key") })},
		{Name: "mend-not-null", Why: "Makes a column NOT NULL while others read and write the table.", SQL: text(func(d dialect.Dialect) string { return ddl.SetNotNull(d, items, "number", "bigint(20)") })},
		{Name: "find-duplicates", Why: "Finds the keys that are stored more than once, which would stop the unique index.", SQL: text(func(d dialect.Dialect) string { return ddl.FindDuplicates(d, items, target, target.Columns[1:]) })},
	}
}
