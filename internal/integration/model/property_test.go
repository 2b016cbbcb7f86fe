package model_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/jmoiron/sqlx"
)

// claimed is a transaction that counts as a claim, so that tables with add columns can be written.
type claimed struct{ *sqlx.Tx }

func (claimed) UpsertClaim() error { return nil }

// propertyTable is a random table on a real engine, together with its model.
type propertyTable struct {
	*model
	t   *testing.T
	db  *sqlx.DB
	tab *upsert.Table[map[string]any]
	sql string
	ddl string
}

func newPropertyTable(t *testing.T, db *sqlx.DB, d dialect.Dialect, cols []modelColumn, name string) *propertyTable {
	t.Helper()
	var defs, keys []string
	opts := []upsert.Option{}
	for _, c := range cols {
		def := d.Quote(c.name) + " " + columnType(d.Name(), c.kind)
		if c.rule == upsert.Key {
			def = d.Quote(c.name) + " " + map[string]string{"int": "BIGINT", "text": "VARCHAR(20)"}[c.kind] + " NOT NULL"
			keys = append(keys, d.Quote(c.name))
		}
		defs = append(defs, def)
		opts = append(opts, upsert.Column(c.name, c.rule))
	}
	ddl := fmt.Sprintf("CREATE TABLE %s (%s, PRIMARY KEY (%s))", name, strings.Join(defs, ", "), strings.Join(keys, ", "))
	if _, err := db.Exec(ddl); err != nil {
		t.Fatalf("%s: %v", ddl, err)
	}
	tab, err := upsert.New[map[string]any](d, name, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return &propertyTable{model: newModel(cols), t: t, db: db, tab: tab, sql: "SELECT * FROM " + name, ddl: ddl}
}

func columnType(dialectName, kind string) string {
	switch kind {
	case "int":
		return "BIGINT"
	case "bool":
		return "BOOLEAN"
	case "json":
		return map[string]string{"sqlite": "TEXT", "postgres": "JSONB", "mariadb": "JSON", "mysql": "JSON"}[dialectName]
	}
	if dialectName == "sqlite" || dialectName == "postgres" {
		return "TEXT"
	}
	return "TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
}

// apply sends rows in batches of the given size and compares every outcome with the model's prediction. A batch of size 1 is
// a Put.
func (p *propertyTable) apply(rows []map[string]any, size int) {
	p.t.Helper()
	ctx := p.t.Context()
	for part := range slices.Chunk(rows, size) {
		var want, got []upsert.Outcome
		for _, row := range part {
			want = append(want, p.put(row))
		}
		tx, err := p.db.Beginx()
		if err != nil {
			p.t.Fatal(err)
		}
		if size == 1 {
			var o upsert.Outcome
			o, err = p.tab.Put(ctx, claimed{tx}, &part[0])
			got = append(got, o)
		} else {
			_, err = p.tab.PutAll(ctx, claimed{tx}, part, upsert.EachOutcome(func(_ int, o upsert.Outcome) { got = append(got, o) }))
		}
		if err != nil {
			_ = tx.Rollback()
			p.t.Fatalf("%s\nrows %v: %v", p.ddl, part, err)
		}
		if err := tx.Commit(); err != nil {
			p.t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			p.t.Fatalf("%s\nrows %v: outcomes %v, want the model's %v", p.ddl, part, got, want)
		}
	}
}

// stored returns the table's contents in the database.
func (p *propertyTable) stored() string { return p.read(p.cols) }

// promised returns the contents that Guarantee covers: all columns except the touched columns.
func (p *propertyTable) promised() string {
	return p.read(slices.DeleteFunc(slices.Clone(p.cols), func(c modelColumn) bool { return c.rule == upsert.Touch }))
}

func (p *propertyTable) read(cols []modelColumn) string {
	p.t.Helper()
	rows, err := p.db.Queryx(p.sql)
	if err != nil {
		p.t.Fatal(err)
	}
	defer rows.Close()
	var all []map[string]any
	for rows.Next() {
		row := map[string]any{}
		if err := rows.MapScan(row); err != nil {
			p.t.Fatal(err)
		}
		for _, c := range p.cols {
			row[c.name] = plainValue(row[c.name], c.kind)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		p.t.Fatal(err)
	}
	return dump(cols, all)
}

// plainValue converts a value from its driver representation to the representation of the model.
func plainValue(v any, kind string) any {
	if b, ok := v.([]byte); ok {
		v = string(b)
	}
	if n, ok := v.(int64); ok && kind == "bool" {
		return n != 0
	}
	return v
}

func (p *propertyTable) equalsModel(what string) {
	p.t.Helper()
	if got, want := p.stored(), p.dump(); got != want {
		p.t.Fatalf("%s\n%s: the table holds\n%s\nwant the model's\n%s", p.ddl, what, got, want)
	}
}

func forHistories(t *testing.T, test func(t *testing.T, db *sqlx.DB, d dialect.Dialect, r *rand.Rand, name string)) {
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		db := e.Open(t)
		d, err := dialect.Detect(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		if d.Name() == "postgres" {
			if _, err := db.Exec(dialect.PostgresMergeFunction); err != nil {
				t.Fatal(err)
			}
		}
		for seed := range engine.Size(8, 2500) {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				test(t, db, d, rand.New(rand.NewPCG(uint64(seed), 7)), fmt.Sprintf("h%d", seed))
			})
		}
	})
}

func guaranteeOf(cols []modelColumn) upsert.Guarantee {
	var opts []upsert.Option
	for _, c := range cols {
		opts = append(opts, upsert.Column(c.name, c.rule))
	}
	tab, err := upsert.New[map[string]any](dialect.SQLite, "t", opts...)
	if err != nil {
		panic(err)
	}
	return tab.Guarantee()
}

func randomHistory(r *rand.Rand, cols []modelColumn) []map[string]any {
	rows := make([]map[string]any, 5+r.IntN(40))
	for i := range rows {
		rows[i] = randomRow(r, cols)
	}
	return rows
}

// TestPropertyModel checks random tables and histories with duplicates, in batches of any size. The table and every outcome
// must agree with the model.
func TestPropertyModel(t *testing.T) {
	t.Parallel()
	forHistories(t, func(t *testing.T, db *sqlx.DB, d dialect.Dialect, r *rand.Rand, name string) {
		cols := randomTable(r)
		p := newPropertyTable(t, db, d, cols, name)
		p.apply(randomHistory(r, cols), 1+r.IntN(12))
		p.equalsModel("after the history")
	})
}

// TestPropertyRepeat checks that repeating any suffix of a history changes no row if Guarantee is repeat-safe.
func TestPropertyRepeat(t *testing.T) {
	t.Parallel()
	forHistories(t, func(t *testing.T, db *sqlx.DB, d dialect.Dialect, r *rand.Rand, name string) {
		cols := randomTable(r)
		p := newPropertyTable(t, db, d, cols, name)
		rows := randomHistory(r, cols)
		p.apply(rows, 1+r.IntN(12))
		if !p.tab.Guarantee().RepeatSafe() {
			return
		}
		before := p.stored()
		p.apply(rows[len(rows)-1:], 1)
		if after := p.stored(); after != before {
			t.Fatalf("%s\nrepeating the last row left\n%s\nwant the table as before\n%s", p.ddl, after, before)
		}
		before = p.promised()
		for range 4 {
			from := r.IntN(len(rows))
			p.apply(rows[from:], 1+r.IntN(12))
			if after := p.promised(); after != before {
				t.Fatalf("%s\nrepeating the history from row %d on left\n%s\nwant the table as before\n%s", p.ddl, from, after, before)
			}
		}
	})
}

// TestPropertyOrder checks that every order of arrival leaves the same table if Guarantee is order-free.
func TestPropertyOrder(t *testing.T) {
	t.Parallel()
	forHistories(t, func(t *testing.T, db *sqlx.DB, d dialect.Dialect, r *rand.Rand, name string) {
		cols := orderFreeTable(r)
		rows := randomHistory(r, cols)
		want := ""
		for n := range 3 {
			p := newPropertyTable(t, db, d, cols, fmt.Sprintf("%s_%d", name, n))
			if !p.tab.Guarantee().OrderFree() {
				t.Fatalf("%s: Guarantee is %q, want order-free", p.ddl, p.tab.Guarantee())
			}
			p.apply(rows, 1+r.IntN(12))
			if got := p.promised(); n > 0 && got != want {
				t.Fatalf("%s\nanother order left\n%s\nwant\n%s", p.ddl, got, want)
			} else {
				want = got
			}
			r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		}
	})
}

// orderFreeTable chooses columns whose Guarantee must be order-free. One third of the tables are random tables, one third
// have accumulating columns, and one third have replaced columns and a version.
func orderFreeTable(r *rand.Rand) []modelColumn {
	if r.IntN(3) == 0 {
		for {
			if cols := randomTable(r); len(cols) > 2 && guaranteeOf(cols).OrderFree() {
				return cols
			}
		}
	}
	cols := []modelColumn{{"id", "int", upsert.Key}}
	if r.IntN(2) == 0 {
		return append(cols, modelColumn{"a", "int", upsert.Replace}, modelColumn{"ver", "int", upsert.Version},
			modelColumn{"b", "text", upsert.Replace}, modelColumn{"at", "int", upsert.Touch})
	}
	return append(cols, modelColumn{"a", "int", upsert.Max}, modelColumn{"b", "text", upsert.Min}, modelColumn{"c", "bool", upsert.Or},
		modelColumn{"d", "bool", upsert.And}, modelColumn{"e", "int", upsert.Add}, modelColumn{"at", "int", upsert.Touch})
}
