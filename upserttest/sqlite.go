package upserttest

import (
	"context"
	"database/sql"
	"net/url"
	"path/filepath"
	"slices"
	"testing"
)

// SQLite opens a new SQLite database in a file of t.TempDir and runs the statements of schema on it, each of which may be several,
// separated by semicolons. The driver is the one that the test imports, under the name "sqlite3" (mattn/go-sqlite3) or "sqlite"
// (modernc.org/sqlite); without one the test fails with the line to add.
//
// Foreign keys are checked. Transactions take the write lock when they begin, and wait up to 5 seconds for it. The file is
// in WAL mode and is not forced to the disk. The end of the test closes the database.
func SQLite(t testing.TB, schema ...string) *sql.DB {
	t.Helper()
	drivers := slices.DeleteFunc(sql.Drivers(), func(name string) bool { return name != "sqlite3" && name != "sqlite" })
	if len(drivers) == 0 {
		t.Fatal("upserttest.SQLite: the test imports no SQLite driver. Add one of\n\t" +
			`import _ "github.com/mattn/go-sqlite3"` + "\n\t" + `import _ "modernc.org/sqlite"`)
		return nil
	}
	name := slices.Max(drivers) // sqlite3, if both are there
	db, err := sql.Open(name, sqliteDSN(filepath.Join(t.TempDir(), "test.db")))
	if err != nil {
		t.Fatalf("upserttest.SQLite: %v", err)
		return nil
	}
	t.Cleanup(func() { _ = db.Close() })
	ctx := context.Background()
	if on, err := askText(ctx, db, "PRAGMA foreign_keys"); err != nil || on != "1" {
		t.Fatalf("upserttest.SQLite: driver %q did not switch foreign keys on: PRAGMA foreign_keys says %q, %v", name, on, err)
		return nil
	}
	for _, s := range schema {
		if _, err := db.ExecContext(ctx, s); err != nil {
			t.Fatalf("upserttest.SQLite: %v, in the schema\n%s", err, s)
			return nil
		}
	}
	return db
}

// sqliteDSN has the settings in the forms of all drivers. Each ignores the forms of the others.
func sqliteDSN(path string) string {
	q := url.Values{
		"_busy_timeout": {"5000"}, "_foreign_keys": {"on"}, "_journal_mode": {"WAL"}, "_synchronous": {"OFF"},
		"_pragma":      {"busy_timeout(5000)", "foreign_keys(1)", "journal_mode(WAL)", "synchronous(0)"},
		"_txlock":      {"immediate"},
		"_time_format": {"sqlite"},
	}
	return "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath() + "?" + q.Encode()
}
