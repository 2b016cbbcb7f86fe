package catalog_test

import (
	"fmt"
	"testing"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/go-sql-driver/mysql"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/catalog"
	"github.com/goupsert/upsert/internal/catalogsql"
	"github.com/goupsert/upsert/internal/schema"
	"github.com/goupsert/upsert/internal/txn"
)

// mysql8 is MySQL 8, whose answers the tests of this file write as its manual has them.
func mysql8(t *testing.T) dialect.Dialect {
	t.Helper()
	d, err := dialect.FromVersion("8.0.36")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestInspectorReadsMySQL8 checks what the Inspector reads in answers of MySQL 8: an index on an expression, an index that is
// invisible, a DEFAULT that is an expression, and the rights on a column.
func TestInspectorReadsMySQL8(t *testing.T) {
	t.Parallel()
	d := mysql8(t)
	db, m := mock(t)
	q, _ := catalogsql.Of(d, items(d).Table)
	m.ExpectQuery(q.Relation.Text).WithArgs("", "items").WillReturnRows(sqlmock.NewRows([]string{"kind", "engine", "transactional", "unlogged", "secured", "secures", "strict", "user", "lacks"}).
		AddRow("table", "InnoDB", 1, 0, 0, 0, 0, "a@b", ""))
	m.ExpectQuery(q.Columns.Text).WillReturnRows(sqlmock.NewRows([]string{"Field", "Type", "Collation", "Null", "Key", "Default", "Extra", "Privileges", "Comment"}).
		AddRow("code", "varchar(255)", "utf8mb4_0900_ai_ci", "NO", "", nil, "", "select,insert,update,references", "").
		AddRow("title", "varchar(40)", "utf8mb4_0900_ai_ci", "NO", "", "uuid()", "DEFAULT_GENERATED", "select,insert", "").
		AddRow("twice", "bigint", nil, "YES", "", nil, "VIRTUAL GENERATED", "select,insert,update,references", "").
		AddRow("no", "bigint unsigned", nil, "NO", "PRI", nil, "auto_increment", "select,insert,update,references", ""))
	m.ExpectQuery(q.Indexes.Text).WillReturnRows(sqlmock.NewRows([]string{"Table", "Non_unique", "Key_name", "Seq_in_index", "Column_name", "Collation", "Cardinality", "Sub_part", "Packed", "Null", "Index_type", "Comment", "Index_comment", "Visible", "Expression"}).
		AddRow("items", 0, "PRIMARY", 1, "no", "A", 0, nil, nil, "", "BTREE", "", "", "YES", nil).
		AddRow("items", 0, "hidden", 1, "code", "A", 0, nil, nil, "", "BTREE", "", "", "NO", nil).
		AddRow("items", 0, "lower", 1, nil, "A", 0, nil, nil, "", "BTREE", "", "", "YES", "lower(`code`)").
		AddRow("items", 1, "begin", 1, "code", "A", 0, 3, nil, "", "BTREE", "", "", "YES", nil))
	m.ExpectQuery(q.Triggers.Text).WithArgs("", "items").WillReturnRows(sqlmock.NewRows([]string{"name", "before", "insert", "update", "row", "rewrites"}).AddRow("tr", 1, 0, 1, 1, 0))
	m.ExpectQuery(q.Unenforced.Text).WithArgs("", "items").WillReturnRows(sqlmock.NewRows([]string{"name"}).AddRow("positive"))
	m.ExpectQuery(catalogsql.MySQLMode).WillReturnRows(sqlmock.NewRows([]string{"mode"}).AddRow("STRICT_TRANS_TABLES"))
	m.ExpectQuery(catalogsql.AskFoldings(catalogsql.MySQLEqual("utf8mb4_0900_ai_ci")).Text).WillReturnRows(sqlmock.NewRows([]string{"a", "b", "c", "d", "e", "f", "g"}).AddRow(1, 1, 0, 1, 1, 0, nil))
	i, err := catalog.NewInspector(items(d), &txn.Runner{Attempts: 1}, db, false)
	if err != nil {
		t.Fatal(err)
	}
	l, err := i.Live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct{ got, want any }{
		"what it is":       {l.Relation.Kind == schema.PlainTable && l.Relation.Transactional, true},
		"code":             {fmt.Sprint(l.Columns[0].Default, l.Columns[0].Computed, l.Columns[0].Lacks, len(l.Columns[0].Folds)), "false 0 [] 4"},
		"code, to repeat":  {l.Columns[0].Definition, "varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci"},
		"title":            {fmt.Sprint(l.Columns[1].Default, l.Columns[1].Computed, l.Columns[1].Lacks), "true 0 [UPDATE]"},
		"twice":            {l.Columns[2].Computed, schema.Generated},
		"no":               {fmt.Sprint(l.Columns[3].Default, l.Columns[3].Computed), fmt.Sprint(true, schema.Identity)},
		"indexes":          {fmt.Sprint(l.Indexes[0].Arbitrates(), l.Indexes[1].Visible, l.Indexes[2].Names(), l.Indexes[3].Unique, l.Indexes[3].Columns[0].Prefix), "true false [] false 3"},
		"triggers":         {fmt.Sprint(l.Triggers), "[{tr true false true true false}]"},
		"not enforced":     {fmt.Sprint(l.Unenforced), "[positive]"},
		"the session":      {l.Session.Mode, "STRICT_TRANS_TABLES"},
		"the first of two": {l.Columns[0].Folds[0], schema.Folding{What: "case", A: "a", B: "A"}},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %v, want %v", what, c.got, c.want)
		}
	}
}

// TestInspectorWithoutRights checks the errors by which MySQL refuses its answers.
func TestInspectorWithoutRights(t *testing.T) {
	t.Parallel()
	for number, want := range map[uint16]string{1142: "true true", 1146: "false false", 1046: "false false"} {
		d := mysql8(t)
		db, m := mock(t)
		q, _ := catalogsql.Of(d, items(d).Table)
		m.ExpectQuery(q.Relation.Text).WithArgs("", "items").WillReturnRows(sqlmock.NewRows([]string{"kind"}))
		m.ExpectQuery(q.Columns.Text).WillReturnError(&mysql.MySQLError{Number: number})
		if want == "true true" { // there is a table, so its columns are asked for
			m.ExpectQuery(q.Columns.Text).WillReturnError(&mysql.MySQLError{Number: number})
		}
		i, err := catalog.NewInspector(items(d), &txn.Runner{Attempts: 1}, db, false)
		if err != nil {
			t.Fatal(err)
		}
		l, err := i.Live(t.Context())
		if err != nil {
			t.Fatalf("error %d: %v", number, err)
		}
		if got := fmt.Sprint(l.Exists(), l.Session.Hidden); got != want {
			t.Errorf("error %d: got %s, want %s", number, got, want)
		}
	}
}
