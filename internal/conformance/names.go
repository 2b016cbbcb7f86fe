package conformance

import (
	"strings"

	"github.com/goupsert/upsert"
)

func nameBehaviours() []behaviour {
	return []behaviour{
		{name: "of any characters", run: weirdNames},
		{name: "of a table with those that statements use", run: reservedNames},
		{name: "of the greatest length", run: longNames},
		{name: "qualified by a schema", run: qualified},
	}
}

// weirdNames tries unusual names of tables and columns. The rows are maps, because a map can name any column.
func weirdNames(p *place) {
	names := []string{
		"select", "a b", `quo"te`, "back`tick", "it's", `back\slash`, "ünï côdé 漢字", "semi; DROP TABLE t", "--", "%s", "$1", "?", ":name", "a.b", "UPPER", "x]", "{id}",
	}
	for _, n := range names {
		p.on(n, func(p *place) {
			ident, key, value := "t "+n, "k "+n, n
			p.exec("CREATE TABLE " + p.quote(ident) + " (" + p.quote(key) + p.types(" {int} NOT NULL PRIMARY KEY, ") + p.quote(value) + p.types(" {text})"))
			tab := table[map[string]any](p, `"`+strings.ReplaceAll(ident, `"`, `""`)+`"`, upsert.Column(key, upsert.Key), upsert.Column(value, upsert.Replace))
			row := func(v string) map[string]any { return map[string]any{key: 1, value: v} }
			one := row("a")
			put(p, tab, &one, inserted)
			putAll(p, tab, []map[string]any{row("a"), row("b")}, unchanged, updated)
			wantRows(p, "SELECT "+p.quote(value)+" FROM "+p.quote(ident), "b")
		})
	}
}

// reservedNames uses the aliases of the library's own statements as names of a table and of its columns.
func reservedNames(p *place) {
	for _, name := range []string{"_t", "_e", "_o", "_new", "_upsert_at", "excluded"} {
		p.on(name, func(p *place) {
			p.create(name, name+" {int} NOT NULL PRIMARY KEY, v {text}, version {int}")
			tab := table[map[string]any](p, name, upsert.Column(name, upsert.Key), upsert.Column("v", upsert.Replace), upsert.Column("version", upsert.Version))
			row := func(version int, v string) map[string]any { return map[string]any{name: 1, "v": v, "version": version} }
			one := row(1, "a")
			put(p, tab, &one, inserted)
			putAll(p, tab, []map[string]any{row(1, "a"), row(2, "b"), row(1, "a")}, unchanged, updated, stale)
		})
	}
}

func longNames(p *place) {
	n := 60
	ident, key, value := strings.Repeat("t", n), strings.Repeat("k", n), strings.Repeat("v", n)
	p.create(ident, key+" {int} NOT NULL PRIMARY KEY, "+value+" {text}")
	tab := table[map[string]any](p, ident, upsert.Column(key, upsert.Key), upsert.Column(value, upsert.Replace))
	putAll(p, tab, []map[string]any{{key: 1, value: "a"}, {key: 1, value: "a"}}, inserted, unchanged)
	if _, err := upsert.New[account](p.d, strings.Repeat("t", 70)); (err == nil) != p.sqlite() {
		p.Errorf("New with a name of 70 letters: %v, want an error if the database would cut the name", err)
	}
}

// qualified puts rows into a table of one schema through a connection whose current schema is another.
func qualified(p *place) {
	conn := p.conn()
	schema, leave := "other", "ATTACH DATABASE ':memory:' AS other"
	switch {
	case p.postgres():
		schema, leave = get[string](p, "SELECT current_schema()"), "SET search_path = pg_catalog"
	case p.mysql():
		schema, leave = get[string](p, "SELECT DATABASE()"), "USE information_schema"
	}
	for _, sql := range []string{leave, "CREATE TABLE " + schema + ".t (" + p.types(readingColumns) + ")"} {
		if _, err := conn.ExecContext(p.ctx, sql); err != nil {
			p.Fatalf("%s: %v", sql, err)
		}
	}
	tab := table[reading](p, schema+".t")
	want := []upsert.Outcome{inserted, updated, unchanged, stale}
	for i, row := range []reading{{1, 1, "a"}, {1, 2, "b"}, {1, 2, "b"}, {1, 1, "a"}} {
		if o, err := tab.Put(p.ctx, conn, &row); err != nil || o != want[i] {
			p.Fatalf("Put(%+v) = %v, %v; want %v", row, o, err, want[i])
		}
	}
	res, err := tab.PutAll(p.ctx, conn, []reading{{2, 1, "a"}, {1, 1, "a"}}, upsert.Outcomes())
	if err != nil {
		p.Fatal(err)
	}
	wantResult(p, "PutAll", res, upsert.Result{Inserted: 1, Stale: 1})
	row := reading{ID: 1}
	if created, err := tab.GetOrCreate(p.ctx, conn, &row); err != nil || created || row.V != "b" {
		p.Errorf("GetOrCreate = %v, %v with %s; want false with b", created, err, show(row))
	}
	if !p.sqlite() {
		return // the attached database disappears with its connection
	}
	if _, err := conn.ExecContext(p.ctx, "DETACH DATABASE other"); err != nil {
		p.Error(err)
	}
}
