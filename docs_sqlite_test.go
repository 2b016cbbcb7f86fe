package upsert_test

import (
	"database/sql"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/jmoiron/sqlx/types"
)

// The tests of this file check the statements about SQLite in docs/testing.md.

func openSQLite(t *testing.T, dsn string, ddl ...string) *sqlx.DB {
	t.Helper()
	db, err := sqlx.Open("sqlite3", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	for _, text := range ddl {
		if _, err := db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

func TestSQLiteMemoryIsAnotherOneForEachConnection(t *testing.T) {
	t.Parallel()
	db := openSQLite(t, ":memory:", devicesDDL)
	first, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close() //nolint:errcheck // it goes back to a pool that is closed next
	if _, err := first.ExecContext(t.Context(), "SELECT * FROM devices"); err != nil {
		t.Errorf("the connection that made the table: %v", err)
	}
	if _, err := db.Exec("SELECT * FROM devices"); err == nil || !strings.Contains(err.Error(), "no such table") {
		t.Errorf("another connection: %v, want no such table", err)
	}
}

func TestSQLiteForeignKeysAreAskedFor(t *testing.T) {
	t.Parallel()
	for setting, refused := range map[string]bool{"": false, "?_foreign_keys=on": true} {
		db := openSQLite(t, filepath.Join(t.TempDir(), "test.db")+setting,
			"CREATE TABLE parents (id INTEGER PRIMARY KEY)", "CREATE TABLE children (parent INTEGER REFERENCES parents (id))")
		if _, err := db.Exec("INSERT INTO children VALUES (1)"); (err != nil) != refused {
			t.Errorf("with %q a child without a parent: %v; want it refused: %v", setting, err, refused)
		}
	}
}

func TestSQLiteJSONIsReadAsText(t *testing.T) {
	t.Parallel()
	db := openSQLite(t, filepath.Join(t.TempDir(), "test.db"), "CREATE TABLE docs (doc TEXT)", `INSERT INTO docs VALUES ('{"a":1}')`)
	row := func(dest any) error { return db.QueryRow("SELECT doc FROM docs").Scan(dest) }
	if err := row(new(json.RawMessage)); err == nil {
		t.Error("a json.RawMessage can be scanned from text by now: say so in docs/testing.md")
	}
	var text types.JSONText
	if err := row(&text); err != nil || text.String() != `{"a":1}` {
		t.Errorf("a types.JSONText: %s, %v", text, err)
	}
	if err := row(new(sql.NullString)); err != nil {
		t.Error(err)
	}
}
