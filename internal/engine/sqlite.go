package engine

import (
	"context"
	"database/sql"
	"net/url"
	"path/filepath"
	"testing"

	_ "github.com/mattn/go-sqlite3" // driver "sqlite3"
)

// sqliteFamily keeps each namespace in a file. Pools of one process do not share an in-memory database in the same way as
// processes share a file.
type sqliteFamily struct{}

func (sqliteFamily) driver() string { return "sqlite3" }

func (sqliteFamily) adminDSN(string) (string, error) { return ":memory:", nil }

func (sqliteFamily) version(ctx context.Context, admin *sql.DB) (v string, err error) {
	err = admin.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&v)
	return "SQLite " + v, err
}

func (sqliteFamily) check(string) error { return nil }

func (sqliteFamily) name(t testing.TB) (string, error) {
	return filepath.Join(t.TempDir(), "test.db"), nil
}

func (sqliteFamily) create(context.Context, *sql.DB, string) error { return nil }

func (sqliteFamily) drop(context.Context, *sql.DB, string) error { return nil } // t.TempDir removes the file

// dsn sets the options of a typical program: WAL, and a busy timeout. Only synchronous=OFF is special to tests, because no test
// simulates a power failure.
func (sqliteFamily) dsn(_, name string, o options) (string, error) {
	q := url.Values{
		"_journal_mode": {"WAL"}, "_busy_timeout": {"20000"}, "_foreign_keys": {"on"}, "_synchronous": {"OFF"},
	}
	if o.driver == "sqlite" {
		q = url.Values{"_pragma": {"journal_mode(WAL)", "busy_timeout(20000)", "foreign_keys(1)", "synchronous(OFF)"}}
	}
	for _, p := range o.params {
		if p.key == "_pragma" { // modernc.org/sqlite accepts this key several times
			q.Add(p.key, p.value)
			continue
		}
		q.Set(p.key, p.value)
	}
	path := (&url.URL{Path: filepath.ToSlash(name)}).EscapedPath()
	return "file:" + path + "?" + q.Encode(), nil
}
