package catalog_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/go-sql-driver/mysql"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/catalog"
	"github.com/goupsert/upsert/internal/schema"
	"github.com/goupsert/upsert/internal/txn"
	"github.com/lib/pq"
)

func items(d dialect.Dialect) schema.Spec {
	return schema.Spec{
		Dialect: d, Table: dialect.Table{Name: "items"}, Target: dialect.Target{Columns: []string{"code"}},
		Writes: []dialect.Column{{Name: "code", Rule: dialect.Key}, {Name: "title", Rule: dialect.Replace}},
	}
}

func mock(t *testing.T) (*sql.DB, sqlmock.Sqlmock) {
	t.Helper()
	db, m, err := sqlmock.New(sqlmock.QueryMatcherOption(sqlmock.QueryMatcherEqual))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.ExpectationsWereMet(); err != nil {
			t.Error(err)
		}
		_ = db.Close()
	})
	return db, m
}

// answer is what PostgreSQL's catalog says of two columns of a type.
func answer(base string) *sqlmock.Rows {
	rows := sqlmock.NewRows([]string{"arbitrates", "skips", "name", "type", "exact", "base", "base_exact", "whole", "folds", "plain", "temporary", "merges"})
	for _, name := range []string{"code", "title"} {
		rows.AddRow(false, false, name, base, base, base, base, false, false, true, true, false)
	}
	return rows
}

func TestLookAsksOnce(t *testing.T) {
	t.Parallel()
	db, m := mock(t)
	spec := items(dialect.Postgres)
	c := catalog.New(spec)
	question := spec.Dialect.Catalog(spec.Table, spec.Target)
	m.ExpectQuery(question).WillReturnRows(answer("text"))
	for range 2 {
		known, err := c.Look(context.Background(), db)
		if err != nil || known.Types["title"] != "text" || known.Native(1) != schema.NativeText {
			t.Fatalf("Look returned %+v, %v", known, err)
		}
	}
	first := c.Kept()
	c.Invalidate()
	m.ExpectQuery(question).WillReturnRows(answer("text"))
	if again, err := c.Look(context.Background(), db); err != nil || again != first {
		t.Errorf("after the same answer: %v, another pointer", err)
	}
	c.Invalidate()
	m.ExpectQuery(question).WillReturnRows(answer("bigint"))
	if other, err := c.Look(context.Background(), db); err != nil || other == first || c.Column("title").Base != "bigint" {
		t.Errorf("after another answer: %v, the same pointer: %v", err, other == first)
	}
}

func TestIsOutdated(t *testing.T) {
	t.Parallel()
	db, m := mock(t)
	spec := items(dialect.Postgres)
	c, ctx := catalog.New(spec), context.Background()
	gone := &pq.Error{Code: "42703", Message: `column "title" does not exist`}
	if c.IsOutdated(ctx, db, gone) {
		t.Error("IsOutdated is true before the server was asked")
	}
	question := spec.Dialect.Catalog(spec.Table, spec.Target)
	m.ExpectQuery(question).WillReturnRows(answer("text"))
	if _, err := c.Look(ctx, db); err != nil {
		t.Fatal(err)
	}
	if c.IsOutdated(ctx, db, &pq.Error{Code: "23514", Message: "check"}) {
		t.Error("IsOutdated is true after an error that no schema explains")
	}
	m.ExpectQuery(question).WillReturnRows(answer("text"))
	if c.IsOutdated(ctx, db, gone) {
		t.Error("IsOutdated is true although the schema is the same")
	}
	m.ExpectQuery(question).WillReturnRows(answer("bigint"))
	if !c.IsOutdated(ctx, db, gone) {
		t.Error("IsOutdated is false although a column has another type")
	}
}

func TestLookRefusesAConstraintOfOtherColumns(t *testing.T) {
	t.Parallel()
	db, m := mock(t)
	spec := items(dialect.Postgres)
	spec.Target.Constraint = "items_title"
	rows := sqlmock.NewRows([]string{"arbitrates", "skips", "name", "type", "exact", "base", "base_exact", "whole", "folds", "plain", "temporary", "merges"}).
		AddRow(false, false, "code", "text", "text", "text", "text", false, false, true, true, false).
		AddRow(true, false, "title", "text", "text", "text", "text", false, false, true, true, false)
	m.ExpectQuery(spec.Dialect.Catalog(spec.Table, spec.Target)).WillReturnRows(rows)
	_, err := catalog.New(spec).Look(context.Background(), db)
	var wrong *schema.Error
	if !errors.As(err, &wrong) || wrong.Problems[0].Check != schema.ConstraintColumns {
		t.Errorf("Look returned %v, want a *schema.Error about the constraint's columns", err)
	}
}

func TestChecksRefuseATableWithoutTheIndex(t *testing.T) {
	t.Parallel()
	db, m := mock(t)
	spec := items(dialect.MariaDB)
	text := spec.Dialect.UniqueIndex(spec.Table, spec.Target.Columns)
	c := catalog.NewChecks(spec, &txn.Runner{Attempts: 1})
	mode := func() {
		m.ExpectQuery("SELECT @@sql_mode").WillReturnRows(sqlmock.NewRows([]string{"@@sql_mode"}).AddRow("STRICT_TRANS_TABLES"))
	}
	index := func(column string) {
		m.ExpectQuery(text.Ask).WillReturnRows(sqlmock.NewRows([]string{"Non_unique", "Key_name", "Column_name"}).AddRow("0", "u", column))
	}
	mode()
	index("title")
	m.ExpectQuery(text.Kind).WillReturnRows(sqlmock.NewRows([]string{"Table", "Create Table"}).AddRow("items", "CREATE TABLE"))
	var wrong *schema.Error
	if err := c.Check(context.Background(), db); !errors.As(err, &wrong) || !strings.Contains(wrong.Problems[0].Mend, "UNIQUE") {
		t.Fatalf("Check returned %v, want a *schema.Error that says how to make the index", err)
	}
	mode()
	index("CODE") // names of columns are the same in any letter case
	for range 2 { // the second call asks nothing
		if err := c.Check(context.Background(), db); err != nil {
			t.Fatal(err)
		}
	}
}

// A user without the right to ask gets the statement's own error, or none.
func TestChecksGoOnWithoutTheRight(t *testing.T) {
	t.Parallel()
	db, m := mock(t)
	spec := items(dialect.MariaDB)
	c := catalog.NewChecks(spec, &txn.Runner{Attempts: 1})
	m.ExpectQuery("SELECT @@sql_mode").WillReturnRows(sqlmock.NewRows([]string{"@@sql_mode"}).AddRow("STRICT_ALL_TABLES"))
	m.ExpectQuery(spec.Dialect.UniqueIndex(spec.Table, spec.Target.Columns).Ask).WillReturnError(&mysql.MySQLError{Number: 1142, Message: "SELECT command denied"})
	for range 2 {
		if err := c.Check(context.Background(), db); err != nil {
			t.Fatal(err)
		}
	}
}
