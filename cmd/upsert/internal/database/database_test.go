package database_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goupsert/upsert/cmd/upsert/internal/database"
)

func existing(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConnector_Kind(t *testing.T) {
	t.Parallel()
	file := existing(t, "x.db")
	for dsn, want := range map[string]database.Kind{
		file:                                   database.SQLite,
		"sqlite:" + file:                       database.SQLite,
		"sqlite://" + file:                     database.SQLite,
		"file:" + file + "?mode=rw":            database.SQLite,
		"file://" + file:                       database.SQLite,
		":memory:":                             database.SQLite,
		"postgres://me:pw@localhost/db":        database.Postgres,
		"postgresql:///db":                     database.Postgres,
		"host=/run/postgresql dbname=db":       database.Postgres,
		"me:pw@tcp(localhost:3306)/db":         database.MySQL,
		"me@unix(/run/mysql.sock)/db":          database.MySQL,
		"me@/db":                               database.MySQL,
		"mysql://me:pw@localhost/db":           database.MySQL,
		"mariadb://me:p%40w@localhost:3307/db": database.MySQL,
	} {
		c, got, err := database.Connector(dsn)
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
			continue
		}
		if got != want {
			t.Errorf("%s is kind %d; want %d", dsn, got, want)
		}
		if want != database.SQLite {
			continue
		}
		conn, err := c.Connect(t.Context())
		if err != nil {
			t.Errorf("%s: connect: %v", dsn, err)
			continue
		}
		_ = conn.Close()
	}
}

func TestConnector_MySQLURL(t *testing.T) {
	t.Parallel()
	cfg, err := database.MySQLURL("mariadb://me:p%40w@db.example/shop?timeout=5s")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.User != "me" || cfg.Passwd != "p@w" || cfg.Addr != "db.example:3306" || cfg.DBName != "shop" || cfg.Timeout.Seconds() != 5 {
		t.Fatalf("got %+v", cfg)
	}
}

func TestConnector_ErrorsHideThePassword(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"mysql://me:geheim@%zz/db", "me:geheim@tcp(localhost:3306)/db?tls=none-such", "me:geheim@tcp(localhost", "oracle://me:geheim@localhost/x",
		"mysql://me:geheim@localhost/db?timeout=geheim", "postgres://me:geheim@%zz/db",
	} {
		_, _, err := database.Connector(dsn)
		if err == nil || !strings.Contains(err.Error(), "-dsn") || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: error %v; want one about -dsn without the password", dsn, err)
		}
	}
}

func TestIsNewFile(t *testing.T) {
	t.Parallel()
	there, missing := existing(t, "a b.db"), filepath.Join(t.TempDir(), "x.db")
	for dsn, want := range map[string]bool{
		there: false, there + "?_fk=1": false, "sqlite:" + there: false, "sqlite://" + there: false,
		"file:" + there: false, "file://" + strings.ReplaceAll(there, " ", "%20") + "?mode=rw": false,
		missing: true, "sqlite:" + missing: true, "file:" + missing + "?mode=rwc": true, ":memory:": true, "file::memory:?cache=shared": true,
	} {
		if got := database.IsNewFile(dsn); got != want {
			t.Errorf("%s is new: %t; want %t", dsn, got, want)
		}
	}
}

func TestFile(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"x.db": "x.db", "sqlite:x.db?_fk=1": "x.db", "sqlite:///a/x.db": "/a/x.db", "file:a%20b.db?mode=rwc": "a b.db", "file:///a/x.db": "/a/x.db",
		"file://localhost/a/x.db": "/a/x.db", ":memory:": "", "file::memory:?cache=shared": "", "file:x?mode=memory&cache=shared": "", "": "",
	} {
		if got := database.File(dsn); got != want {
			t.Errorf("the file of %q is %q; want %q", dsn, got, want)
		}
	}
}
