package verify_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/jmoiron/sqlx"
)

// mendable are tables whose faults the statements of Problem.Mend solve. The tables have rows that do not stop a statement.
var mendable = []finding{
	{"no table", same("SELECT 1"), of[small](), ""},
	{"no column", same("CREATE TABLE $ (id BIGINT NOT NULL PRIMARY KEY);\nINSERT INTO $ VALUES (1)"), of[small](), ""},
	{"no column, and rows", same("CREATE TABLE $ (id BIGINT NOT NULL PRIMARY KEY);\nINSERT INTO $ VALUES (1)"), of[item](upsert.ColumnType("name", "VARCHAR(255) NOT NULL")), ""},
	{"no unique index", same("CREATE TABLE $ (id BIGINT NOT NULL, name VARCHAR(255));\nINSERT INTO $ VALUES (1, 'a')"), of[item](), ""},
	{"a plain index of the name", same("CREATE TABLE $ (id BIGINT NOT NULL, name VARCHAR(255));\nCREATE INDEX $_id_key ON $ (id)"), of[item](), ""},
	{"a named constraint", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT NOT NULL, name TEXT)"}, of[item](upsert.OnConstraint("named")), ""},
	{"an index in place of a named constraint", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT NOT NULL, name TEXT);\nCREATE UNIQUE INDEX index_only ON $ (id)"}, of[item](upsert.OnConstraint("index_only")), ""},
	{"another index of the constraint's name", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT NOT NULL, name TEXT);\nCREATE INDEX other_index ON $ (name)"}, of[item](upsert.OnConstraint("other_index")), ""},
	{"a partial index of the constraint's name", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT NOT NULL, name TEXT);\nCREATE UNIQUE INDEX partial_index ON $ (id) WHERE id > 0"}, of[item](upsert.OnConstraint("partial_index")), ""},
	{"a named constraint that is deferrable", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT NOT NULL, name TEXT, CONSTRAINT late UNIQUE (id) DEFERRABLE)"}, of[item](upsert.OnConstraint("late")), ""},
	{"a named constraint that excludes", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT NOT NULL, name TEXT, CONSTRAINT excludes EXCLUDE USING btree (id WITH =))"}, of[item](upsert.OnConstraint("excludes")), ""},
	{"a named constraint of a partitioned table", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT NOT NULL, name TEXT) PARTITION BY RANGE (id)"}, func(l *lab.Lab, name string) verifier {
		return withoutNotes(of[item](upsert.OnConstraint("parted"))(l, name))
	}, ""},
	{"a deferrable constraint of a partitioned table", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT NOT NULL, name TEXT, CONSTRAINT late_parts UNIQUE (id) DEFERRABLE) PARTITION BY RANGE (id)"}, func(l *lab.Lab, name string) verifier {
		return withoutNotes(of[item]()(l, name))
	}, ""},
	{"a partial index", without("my", "CREATE TABLE $ (id BIGINT NOT NULL, name VARCHAR(255));\nINSERT INTO $ VALUES (1, ''), (1, '')"), of[item](upsert.IndexWhere("name > ''")), ""},
	{"beginnings of values", map[string]string{"mariadb": "CREATE TABLE $ (code VARCHAR(255)" + nopad + " NOT NULL, n BIGINT, UNIQUE $_x (code(3)))"}, of[coded](), ""},
	{"beginnings of the primary key's values", map[string]string{"mariadb": "CREATE TABLE $ (code VARCHAR(255)" + nopad + " NOT NULL, n BIGINT, PRIMARY KEY (code(3)));\nINSERT INTO $ VALUES ('a', 1)"}, of[coded](), ""},
	{"invalid index", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT NOT NULL, name TEXT);\nCREATE UNIQUE INDEX $_x ON $ (id);\nUPDATE pg_index SET indisvalid = false WHERE indexrelid = '$_x'::regclass"}, of[item](), ""},
	{"invisible index", map[string]string{
		"mariadb": "CREATE TABLE $ (pk BIGINT AUTO_INCREMENT PRIMARY KEY, id BIGINT NOT NULL, name TEXT, UNIQUE $_x (id) IGNORED)",
		"mysql":   "CREATE TABLE $ (pk BIGINT AUTO_INCREMENT PRIMARY KEY, id BIGINT NOT NULL, name TEXT, UNIQUE $_x (id) INVISIBLE)",
	}, of[item](), ""},
	{"deferrable constraint", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT NOT NULL, name TEXT, CONSTRAINT $_x UNIQUE (id) DEFERRABLE)"}, of[item](), ""},
	{"nullable key", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT UNIQUE, name TEXT);\nINSERT INTO $ VALUES (1, 'a')", "my": "CREATE TABLE $ (id BIGINT UNIQUE, name TEXT);\nINSERT INTO $ VALUES (1, 'a')"}, of[item](), ""},
	{"nullable key of text", map[string]string{"mariadb": "CREATE TABLE $ (code VARCHAR(255)" + nopad + " UNIQUE, n BIGINT);\nINSERT INTO $ VALUES ('a', 1)"}, of[coded](), ""},
	{"no index and NULL", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT, name TEXT)", "my": "CREATE TABLE $ (id BIGINT, name TEXT)"}, of[item](), ""},
	{"length", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT PRIMARY KEY, name VARCHAR(3));\nINSERT INTO $ VALUES (1, 'abc')"}, of[item](), ""},
	{"fractions of a second", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT PRIMARY KEY, created TIMESTAMPTZ(0) NOT NULL)"}, of[dated](), ""},
	{"no merge function", map[string]string{"postgres": "CREATE TABLE $ (id BIGINT PRIMARY KEY, v JSONB)"}, of[merged](), ""},
}

// TestVerifyMend runs the statements of each Problem.Mend outside of a transaction, after which Verify finds nothing. PostgreSQL
// has a database of its own here, because CREATE INDEX CONCURRENTLY waits for the transactions of the other tests in a database.
func TestVerifyMend(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab.Lab) {
		db := ownDatabase(l)
		for n, f := range mendable {
			text, ok := f.tableOf(l)
			if !ok {
				continue
			}
			name := fmt.Sprintf("t%d", n)
			for statement := range strings.SplitSeq(text, ";\n") {
				l.On(db, strings.ReplaceAll(statement, "$", name))
			}
			verify := f.of(l, name)
			found := findings(l, verify, db)
			if len(found) == 0 {
				l.Errorf("%s: nothing was found", f.name)
			}
			for _, p := range found {
				if p.Find != "" {
					l.Want(f.name+": rows that would stop it", l.TextOn(db, p.Find), "")
				}
				mend(l, db, p.Mend)
			}
			for _, p := range findings(l, verify, db) {
				l.Errorf("%s: after the statements of %v: %s", f.name, found, p)
			}
		}
	})
}

// withoutNotes leaves out what is good to know of a table in parts.
func withoutNotes(verify verifier) verifier {
	return func(ctx context.Context, db upsert.DB, opts ...upsert.VerifyOption) error {
		return verify(ctx, db, append(opts, upsert.Ignore(upsert.CheckPartitions))...)
	}
}

// mend runs the statements of a Mend. The body of a function has semicolons of its own.
func mend(l *lab.Lab, db upsert.DB, text string) {
	l.Helper()
	statements := strings.Split(text, ";")
	if strings.HasPrefix(text, "CREATE OR REPLACE FUNCTION") {
		statements = []string{text}
	}
	for _, s := range statements {
		l.On(db, s)
	}
}

// ownDatabase returns a pool on a database that only this test uses.
func ownDatabase(l *lab.Lab) *sqlx.DB {
	l.Helper()
	if l.Family() != "postgres" {
		return l.DB
	}
	name := l.NS.Name() + "_own"
	l.Exec("CREATE DATABASE " + name)
	l.Cleanup(func() {
		if _, err := l.DB.ExecContext(context.WithoutCancel(l.Context()), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			l.Error(err)
		}
	})
	return l.NS.DB(engine.Param("dbname", name), engine.Param("search_path", "public"))
}

// TestVerifyCountsDuplicates checks that Find finds the rows that would stop Mend, and that they are counted only if asked for.
func TestVerifyCountsDuplicates(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (a BIGINT, b BIGINT NOT NULL)", "INSERT INTO things VALUES (1, 1), (1, 1), (2, 1), (2, 1), (2, 1), (3, 1), (NULL, 1), (NULL, 1)")
		verify := of[paired]()(l, "things")
		counts := func(opts ...upsert.VerifyOption) (all []string) {
			for _, p := range findings(l, verify, l.DB, opts...) {
				all = append(all, fmt.Sprintf("%s %d", p.Check, p.Duplicates))
			}
			return all
		}
		l.Want("counted", counts(upsert.CountDuplicates()), "[no unique index 2 nullable key 2]")
		l.Want("not counted", counts(), "[no unique index 0 nullable key 0]")
		l.Want("the rows", l.Text(findings(l, verify, l.DB)[0].Find+" ORDER BY 1"), "1|1|2 2|1|3")
		if l.Family() == "mysql" { // Put looks by itself
			_, err := lab.Table[paired](l, "things").Put(l.Context(), l.DB, &paired{4, 1})
			wrong, ok := lab.AsType[*upsert.SchemaError](err)
			if !ok {
				l.Fatalf("Put: %v", err)
			}
			l.Want("the rows of Put's error", l.Text(wrong.Problems[0].Find+" ORDER BY 1"), "1|1|2 2|1|3")
		}
	})
}
