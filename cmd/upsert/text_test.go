package main

import (
	"strings"
	"testing"

	"github.com/goupsert/upsert/cmd/upsert/internal/dbtest"
	"github.com/goupsert/upsert/cmd/upsert/internal/tabledef"
)

func TestSQL_Dialects(t *testing.T) {
	t.Parallel()
	for d, want := range map[string]string{
		"sqlite":       `INSERT INTO "stock"."items" AS "_t" ("sku", "name", "qty") VALUES (?, ?, ?), (?, ?, ?) ON CONFLICT ("sku") DO UPDATE SET `,
		"postgres":     `INSERT INTO "stock"."items" AS "_t" ("sku", "name", "qty") VALUES ($1, $2, $3), ($4, $5, $6) ON CONFLICT ("sku") DO UPDATE SET `,
		"postgres:15":  `VALUES ($1, $2, $3), ($4, $5, $6) ON CONFLICT ("sku")`,
		"mysql:5.7.44": "INSERT INTO `stock`.`items` (`sku`, `name`, `qty`) VALUES (?, ?, ?), (?, ?, ?) ON DUPLICATE KEY UPDATE ",
		"mysql:8.0.36": " AS `_new` ON DUPLICATE KEY UPDATE ",
		"mariadb":      "`qty` = `stock`.`items`.`qty` + VALUES(`qty`)",
	} {
		run := upsertWith(t, "sql", "-dialect", d, "-table", "stock.items", "-key", "sku", "-column", "name", "-rule", "qty=add", "-rows", "2")
		if d == "mariadb" { // the column's name is written with or without the table's
			run.ended(t, 0, "VALUES(`qty`)")
			continue
		}
		run.ended(t, 0, want)
		if strings.Count(run.stdout, "\n") != 1 {
			t.Errorf("-dialect %s: %q; want the statement alone", d, run.stdout)
		}
	}
}

// TestSQL_Plain: the statement of a stored table lacks what the table does not need, and a table with faults has none.
func TestSQL_Plain(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		ns := e.Namespace(t)
		execute(t, ns.DB(), "CREATE TABLE items (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(40))", "CREATE TABLE keyless (id BIGINT NOT NULL, name VARCHAR(40))")
		guarded := upsertWith(t, "sql", "-dsn", ns.DSN(), "-table", "items", "-key", "id")
		plain := upsertWith(t, "sql", "-dsn", ns.DSN(), "-table", "items", "-key", "id", "-plain", "-trust-unique-indexes")
		guarded.ended(t, 0, "INSERT INTO ")
		plain.ended(t, 0, "INSERT INTO ")
		if len(plain.stdout) >= len(guarded.stdout) || strings.Contains(plain.stdout, "_t") {
			t.Errorf("plain: %swithout -plain: %s", plain.stdout, guarded.stdout)
		}
		faulty := upsertWith(t, "sql", "-dsn", ns.DSN(), "-table", "keyless", "-key", "id", "-plain")
		faulty.ended(t, 2)
		if faulty.stdout != "" || !strings.Contains(faulty.stderr, "unique index") {
			t.Errorf("a table with a fault: stdout %q, stderr %q", faulty.stdout, faulty.stderr)
		}
	})
}

// TestWhere: a partial unique index is named by its predicate.
func TestWhere(t *testing.T) {
	t.Parallel()
	upsertWith(t, "sql", "-dialect", "postgres", "-table", "t", "-key", "id", "-column", "n", "-where", "n > 'a'").ended(t, 0, `ON CONFLICT ("id") WHERE n > 'a' DO UPDATE`)
	upsertWith(t, "schema", "-dialect", "sqlite", "-table", "t", "-key", "id", "-column", "id=bigint", "-where", "n > 0", "-column", "n=int").ended(t, 0, `ON "t" ("id") WHERE n > 0`)
	ns := dbtest.Get("sqlite").Namespace(t)
	execute(t, ns.DB(), "CREATE TABLE t (id BIGINT NOT NULL, n INT)", "CREATE UNIQUE INDEX x ON t (id) WHERE n > 0", "CREATE TABLE whole (id BIGINT NOT NULL PRIMARY KEY, n INT)")
	upsertWith(t, "verify", "-dsn", ns.DSN(), "-table", "t", "-key", "id").ended(t, 1, "and the table has no -where")
	upsertWith(t, "verify", "-dsn", ns.DSN(), "-table", "t", "-key", "id", "-where", "n > 0").ended(t, 0, ": sound")
	upsertWith(t, "verify", "-dsn", ns.DSN(), "-table", "whole", "-key", "id", "-where", "n > 0").ended(t, 1, "-where says that some rows do not count", "leave -where out")
	file := writeFile(t, "t.toml", "table = 't'\nkey = ['id']\nwhere = 'n > 0'\n")
	upsertWith(t, "verify", "-dsn", ns.DSN(), "-config", file).ended(t, 0, ": sound")
}

// TestSQL_Rules: the sample rows suit each rule.
func TestSQL_Rules(t *testing.T) {
	t.Parallel()
	for _, d := range []string{"sqlite", "postgres", "mysql", "mariadb"} {
		for _, rule := range append(tabledef.RuleNames(), "touch+now", "keep+now", "replace+omitzero") {
			args := []string{"sql", "-dialect", d, "-table", "t", "-key", "id", "-column", "n", "-rule", "c=" + rule}
			run := upsertWith(t, append(args, "-rows", "3")...)
			if run.code != 0 || !strings.HasPrefix(run.stdout, "INSERT INTO ") {
				t.Errorf("%s %s: ended with %d, %q, %q", d, rule, run.code, run.stdout, run.stderr)
			}
		}
	}
}

// TestConfig: a file says the same as the flags, in each command, and the flags win.
func TestConfig(t *testing.T) {
	t.Parallel()
	file := writeFile(t, "items.toml", `
table = "items"
key = ["sku", "store"]

[columns]
store = "integer"
sku = "varchar(40)"
qty = "numeric(12,2)"

[rules]
qty = "max"
at = "touch+now"
`)
	flags := []string{"-table", "items", "-key", "sku,store", "-column", "store=integer", "-column", "sku=varchar(40)", "-column", "qty=numeric(12,2)", "-rule", "qty=max,at=touch+now"}
	for _, command := range []string{"sql", "schema"} {
		at := []string{"-dialect", "postgres", "-column", "at=timestamptz"}
		byFile := upsertWith(t, append([]string{command, "-config", file}, at...)...)
		byFlags := upsertWith(t, append(append([]string{command}, flags...), at...)...)
		byFile.ended(t, 0, `"items"`)
		if byFile.stdout != byFlags.stdout {
			t.Errorf("upsert %s: by file %q, by flags %q; want the same", command, byFile.stdout, byFlags.stdout)
		}
	}
	upsertWith(t, "sql", "-config", file, "-dialect", "sqlite", "-table", "others", "-rule", "qty=keep").ended(t, 0, `INSERT INTO "others"`, `("store", "sku", "qty", "at")`)
	upsertWith(t, "sql", "-dialect", "sqlite", "-config", writeFile(t, "x.toml", "key = [\n")).refused(t, "x.toml:")
	upsertWith(t, "sql", "-dialect", "sqlite", "-config", writeFile(t, "x.toml", "key = 3\n")).refused(t, "x.toml")
}

// TestConfig_Engines: schema makes a table, verify finds it sound, import writes it, and sql asks it for its columns: by one file.
func TestConfig_Engines(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		ns := e.Namespace(t)
		file := writeFile(t, "items.toml", "dsn = '"+ns.DSN()+`'
table = "items"
key = ["id"]
[columns]
id = "bigint"
qty = "bigint"
[rules]
qty = "max"
`)
		schema := upsertWith(t, "schema", "-config", file)
		schema.ended(t, 0, "CREATE TABLE ")
		execute(t, ns.DB(), schema.stdout)
		upsertWith(t, "verify", "-config", file).ended(t, 0, ": sound\n")
		upsertWith(t, "import", "-config", file, writeFile(t, "x.csv", "id,qty\n1,5\n2,7\n")).ended(t, 0, "2 inserted")
		upsertWith(t, "import", "-config", file, writeFile(t, "x.csv", "id,qty\n1,4\n2,8\n")).ended(t, 0, "0 inserted, 1 updated, 1 unchanged")
		byFile := upsertWith(t, "sql", "-config", file)
		asked := upsertWith(t, "sql", "-dsn", ns.DSN(), "-table", "items", "-key", "id", "-rule", "qty=max")
		if byFile.ended(t, 0, "INSERT INTO "); byFile.stdout != asked.stdout {
			t.Fatalf("by file %q, by the stored columns %q; want the same", byFile.stdout, asked.stdout)
		}
	})
}

// TestImport_Clock: a column of the database's time is made and written, and not looked for in the file.
func TestImport_Clock(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		ns := e.Namespace(t)
		args := []string{"import", "-dsn", ns.DSN(), "-create", "-table", "items", "-key", "id", "-rule", "changed=touch+now"}
		upsertWith(t, append(args, writeFile(t, "x.csv", "id,n\n1,5\n2,7\n"))...).ended(t, 0, "2 inserted")
		upsertWith(t, append(args, writeFile(t, "x.csv", "id,n\n1,5\n2,8\n"))...).ended(t, 0, "0 inserted, 1 updated, 1 unchanged")
		var times int
		if err := ns.DB().QueryRowContext(t.Context(), "SELECT count(changed) FROM items").Scan(&times); err != nil || times != 2 {
			t.Fatalf("%d rows have a time, error %v; want both", times, err)
		}
		in := upsertWith(t, append(args, writeFile(t, "x.csv", "id,changed\n1,2024-05-06\n"))...)
		if in.code != 1 || !strings.Contains(in.stderr, `x.csv:1:4: column "changed" takes the time of the database`) {
			t.Fatalf("ended with %d, stderr %q; want that the column is refused", in.code, in.stderr)
		}
		args[len(args)-1] = "changed=max+now"
		in = upsertWith(t, append(args, writeFile(t, "x.csv", "id,n\n1,5\n"))...)
		if in.code == 0 || !strings.Contains(in.stderr, "now") {
			t.Fatalf("ended with %d, stderr %q; want that now is refused with max", in.code, in.stderr)
		}
	})
}

func TestImport_DeclaredColumn(t *testing.T) {
	t.Parallel()
	ns := dbtest.Get("sqlite").Namespace(t)
	args := []string{"import", "-dsn", ns.DSN(), "-table", "items", "-create", "-key", "id", "-column", "id=varchar(10) not null", "-column", "n=numeric(9,2)"}
	run := upsertWith(t, append(args, writeFile(t, "x.csv", "id,n\n1,2.5\n"))...)
	run.ended(t, 0, "1 inserted")
	if want := "\"id\" varchar(10) not null,\n  \"n\" numeric(9,2),\n"; !strings.Contains(run.stderr, want) {
		t.Fatalf("the table is %s; want %s", run.stderr, want)
	}
	upsertWith(t, append(args, "-rule", "n=add", "x.csv")...).refused(t, "twice would count twice")
}
