package keys_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/keys"
)

func TestSchemaByHand(t *testing.T) {
	t.Parallel()
	eachDDL(t, func(x ddl) {
		x.exec(keys.Schema(x.d))
		x.open()
		if !x.indexed(plainName) {
			x.Error("there is no index on expires_at")
		}
	})
}

func TestMigrationsDown(t *testing.T) {
	t.Parallel()
	eachDDL(t, func(x ddl) {
		x.migrate()
		x.exec(x.part(indexFile, "Down"))
		x.exec("CREATE INDEX idempotency_keys_expires_at ON idempotency_keys (claimed_at)") // the name of the index is free
		x.exec(x.part(indexFile, "Down"))
		x.exec(x.part(createFile, "Down"))
		x.exec("CREATE TABLE idempotency_keys (a INT)") // the name of the table is free too
		x.exec(x.part(createFile, "Down"))
		x.migrate()
	})
}

func TestMigrationsAreFiles(t *testing.T) {
	t.Parallel()
	var want []string
	for _, folder := range []string{"sqlite", "postgres", "mariadb", "mysql"} {
		want = append(want, folder+"/"+createFile, folder+"/"+indexFile)
	}
	for _, opts := range [][]keys.Option{nil, {keys.Table(`"my app".x`)}} {
		if err := fstest.TestFS(keys.Migrations(opts...), want...); err != nil {
			t.Error(err)
		}
	}
	renamed, err := fs.ReadFile(keys.Migrations(keys.Table("app.x")), "sqlite/"+indexFile)
	if want := "-- +goose Up\nCREATE INDEX IF NOT EXISTS \"app\".\"x_expires_at\" ON \"x\" (expires_at);\n\n-- +goose Down\nDROP INDEX IF EXISTS \"app\".\"x_expires_at\";\n"; string(renamed) != want || err != nil {
		t.Errorf("renamed, SQLite's second migration is %q, %v, want %q", renamed, err, want)
	}
}

func TestSchemaIsWhatTheFilesSay(t *testing.T) {
	t.Parallel()
	for _, d := range []dialect.Dialect{dialect.SQLite, dialect.Postgres, dialect.MariaDB, dialect.MySQL} {
		x := ddl{T: t, d: d}
		var want string
		for _, file := range []string{createFile, indexFile} {
			want += strings.TrimSpace(x.part(file, "Up")) + "\n"
		}
		if got := keys.Schema(d); got != want || !strings.Contains(got, "key_hash") {
			t.Errorf("%s: %s\nwant %s", d.Name(), got, want)
		}
	}
}

func TestTableNamesThatCannotBe(t *testing.T) {
	t.Parallel()
	cockroach, err := dialect.FromVersion("CockroachDB CCL v23.1.0")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		d    dialect.Dialect
		opts []keys.Option
		why  string
	}{
		{dialect.SQLite, []keys.Option{keys.Table("")}, "empty"},
		{dialect.SQLite, []keys.Option{keys.Table("a.b.c")}, "double quotes"},
		{dialect.SQLite, []keys.Option{keys.Table("a\nb")}, "control character"},
		{dialect.SQLite, []keys.Option{keys.Table("a--b")}, "two hyphens"},
		{dialect.SQLite, []keys.Option{keys.Table("a; DROP TABLE b")}, "semicolon"},
		{dialect.Postgres, []keys.Option{keys.Table(strings.Repeat("x", 53))}, "the name of its index contains it"},
		{dialect.MariaDB, []keys.Option{keys.Table(strings.Repeat("x", 65))}, "64"},
		{dialect.MySQL, []keys.Option{keys.Retention(-time.Second)}, "retention"},
		{dialect.MySQL, []keys.Option{nil}, "nil"},
		{cockroach, nil, "cockroachdb"},
		{nil, nil, "nil"},
	} {
		text := keys.Schema(c.d, c.opts...)
		if !strings.Contains(text, c.why) || strings.Contains(text, "CREATE") || strings.Contains(text, ";") {
			t.Errorf("Schema returns %q, want an error's text with %q in it", text, c.why)
		}
		if c.d == nil || c.d == cockroach {
			continue
		}
		if _, err := fs.ReadFile(keys.Migrations(c.opts...), c.d.Name()+"/"+createFile); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("Migrations: %v, want an error with %q in it", err, c.why)
		}
	}
	long := keys.Migrations(keys.Table(strings.Repeat("x", 53)))
	if _, err := fs.ReadFile(long, "sqlite/"+createFile); err != nil {
		t.Errorf("a name that is too long for PostgreSQL only: %v", err)
	}
	if _, err := fs.ReadDir(long, "postgres"); err == nil {
		t.Error("a name that is too long for PostgreSQL has migrations there")
	}
}
