package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestOpenDatabase_Engine(t *testing.T) {
	t.Parallel()
	file := writeFile(t, "x.db", "")
	for dsn, want := range map[string]family{
		file:                                   familySQLite,
		"sqlite:" + file:                       familySQLite,
		"sqlite://" + file:                     familySQLite,
		"file:" + file + "?mode=rw":            familySQLite,
		":memory:":                             familySQLite,
		"postgres://me:pw@localhost/db":        familyPostgres,
		"postgresql:///db":                     familyPostgres,
		"host=/run/postgresql dbname=db":       familyPostgres,
		"me:pw@tcp(localhost:3306)/db":         familyMySQL,
		"me@unix(/run/mysql.sock)/db":          familyMySQL,
		"me@/db":                               familyMySQL,
		"mysql://me:pw@localhost/db":           familyMySQL,
		"mariadb://me:p%40w@localhost:3307/db": familyMySQL,
	} {
		db, got, err := openDatabase(dsn, false)
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
			continue
		}
		_ = db.Close()
		if got != want {
			t.Errorf("%s is family %d; want %d", dsn, got, want)
		}
	}
}

func TestMySQLURL(t *testing.T) {
	t.Parallel()
	cfg, err := mysqlURL("mariadb://me:p%40w@db.example/shop?timeout=5s")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.User != "me" || cfg.Passwd != "p@w" || cfg.Addr != "db.example:3306" || cfg.DBName != "shop" || cfg.Timeout.Seconds() != 5 {
		t.Fatalf("got %+v", cfg)
	}
}

func TestOpenDatabase_ErrorsHideThePassword(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"mysql://me:geheim@%zz/db", "me:geheim@tcp(localhost:3306)/db?tls=none-such", "me:geheim@tcp(localhost", "oracle://me:geheim@localhost/x",
		"mysql://me:geheim@localhost/db?timeout=geheim",
	} {
		_, _, err := openDatabase(dsn, false)
		if err == nil || !strings.Contains(err.Error(), "-dsn") || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: error %v; want one about -dsn without the password", dsn, err)
		}
	}
}

func TestOpenDatabase_MissingFile(t *testing.T) {
	t.Parallel()
	_, _, err := openDatabase(filepath.Join(t.TempDir(), "none.db"), false)
	wantError(t, err, "-create makes the file")
}

func TestIsNewFile(t *testing.T) {
	t.Parallel()
	there, missing := writeFile(t, "a b.db", ""), filepath.Join(t.TempDir(), "x.db")
	for dsn, want := range map[string]bool{
		there: false, there + "?_fk=1": false, "sqlite:" + there: false, "sqlite://" + there: false,
		"file:" + there: false, "file://" + strings.ReplaceAll(there, " ", "%20") + "?mode=rw": false,
		missing: true, "sqlite:" + missing: true, "file:" + missing + "?mode=rwc": true, ":memory:": true, "file::memory:?cache=shared": true,
	} {
		if got := isNewFile(dsn); got != want {
			t.Errorf("%s is new: %t; want %t", dsn, got, want)
		}
	}
}
