package hazards_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
)

// adopting returns the statements of docs/migrations.md that a database needs for the table things.
func adopting(t *testing.T, d string) (find, mend string) {
	t.Helper()
	text, err := os.ReadFile("../../../docs/migrations.md")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{"sqlite": "SQLite", "postgres": "PostgreSQL", "mariadb": "MariaDB, MySQL", "mysql": "MariaDB, MySQL"}
	row := regexp.MustCompile("(?m)^ +\\| " + names[d] + " \\| (`+)((?:CREATE|ALTER).*?)`+ \\|$").FindStringSubmatch(string(text))
	question := regexp.MustCompile(`(?m)^ +(SELECT .*);$`).FindStringSubmatch(string(text))
	if row == nil || question == nil {
		t.Fatalf("docs/migrations.md has no statements for %s", d)
	}
	// With CONCURRENTLY the server would wait for every transaction of its other tests.
	return question[1], strings.Replace(row[2], "CONCURRENTLY ", "", 1)
}

// TestDocsAdoptATable checks that an existing table is refused until its rows and its index are as docs/migrations.md says.
func TestDocsAdoptATable(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		db := e.Open(t)
		d, err := dialect.Detect(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		find, mend := adopting(t, e.Dialect())
		db.MustExec("CREATE TABLE things (a INTEGER NOT NULL, b INTEGER NOT NULL, v INTEGER NOT NULL)")
		for range 2 {
			db.MustExec("INSERT INTO things VALUES (1, 2, 3)")
		}
		put := func() (upsert.Outcome, error) {
			table, err := upsert.New[indexed](d, "things")
			if err != nil {
				t.Fatal(err)
			}
			return table.Put(t.Context(), db, &indexed{1, 2, 3})
		}
		if _, err := put(); err == nil || !strings.Contains(err.Error(), "unique index") {
			t.Errorf("Put without the index: %v; want an error that names the unique index", err)
		}
		var a, b, n int
		if err := db.QueryRow(find).Scan(&a, &b, &n); err != nil || a != 1 || b != 2 || n != 2 {
			t.Errorf("rows of one key: %d, %d, %d times, %v", a, b, n, err)
		}
		if _, err := db.Exec(mend); err == nil {
			t.Error("the index was created despite two rows of one key")
		}
		db.MustExec("DELETE FROM things")
		db.MustExec("INSERT INTO things VALUES (1, 2, 3)")
		if _, err := db.Exec(mend); err != nil {
			t.Fatalf("%s: %v", mend, err)
		}
		if o, err := put(); o != upsert.Unchanged || err != nil {
			t.Errorf("Put with the index: %v, %v; want unchanged", o, err)
		}
	})
}
