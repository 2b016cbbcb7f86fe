package conformance

import (
	"slices"

	"github.com/goupsert/upsert"
)

// reading has a version, so that all four outcomes are possible.
type reading struct {
	ID      int64  `db:"id" upsert:"key"`
	Version int64  `db:"version" upsert:"version"`
	V       string `db:"v"`
}

const readingColumns = "id {int} NOT NULL PRIMARY KEY, version {int} NOT NULL, v {text}"

func outcomeBehaviours() []behaviour {
	return []behaviour{
		{name: "of Put", run: func(p *place) {
			p.create("t", readingColumns)
			tab := table[reading](p, "t")
			put(p, tab, &reading{1, 2, "a"}, inserted)
			put(p, tab, &reading{1, 3, "b"}, updated)
			put(p, tab, &reading{1, 3, "b"}, unchanged)
			put(p, tab, &reading{1, 2, "a"}, stale)
			wantRows(p, "SELECT * FROM t", reading{1, 3, "b"})
		}},
		{name: "of a batch with all four", run: allFour},
		{name: "of a row written before in one transaction", run: writtenBefore},
		{name: "of a batch that is repeated", run: func(p *place) {
			p.create("t", readingColumns)
			tab := table[reading](p, "t")
			rows := []reading{{3, 1, "c"}, {1, 1, "a"}, {2, 1, "b"}}
			putAll(p, tab, rows, inserted, inserted, inserted)
			putAll(p, tab, rows, unchanged, unchanged, unchanged)
		}},
		{name: "are not asked for without the option", run: func(p *place) {
			p.create("t", readingColumns)
			tab := table[reading](p, "t")
			for range 2 {
				res, err := tab.PutAll(p.ctx, p.db, []reading{{1, 1, "a"}, {2, 1, "b"}})
				if err != nil {
					p.Fatal(err)
				}
				wantResult(p, "PutAll", res, upsert.Result{Unknown: 2})
			}
			p.wantCount("t", 2)
		}},
		{name: "of no rows", run: func(p *place) {
			p.create("t", readingColumns)
			putAll(p, table[reading](p, "t"), nil)
		}},
		{name: "of a table whose key counts up", run: countsUp},
	}
}

func allFour(p *place) {
	p.create("t", readingColumns)
	p.exec("INSERT INTO t (id, version, v) VALUES (10, 5, 'a'), (20, 5, 'a'), (30, 5, 'a')")
	tab := table[reading](p, "t")
	rows := []reading{{30, 4, "late"}, {20, 5, "a"}, {15, 1, "new"}, {10, 6, "b"}}
	want := []upsert.Outcome{stale, unchanged, inserted, updated}
	after := []reading{{10, 6, "b"}, {15, 1, "new"}, {20, 5, "a"}, {30, 5, "a"}}
	putAll(p, tab, rows, want...)
	wantRows(p, "SELECT * FROM t ORDER BY id", after...)

	p.exec("DELETE FROM t")
	p.exec("INSERT INTO t (id, version, v) VALUES (10, 5, 'a'), (20, 5, 'a'), (30, 5, 'a')")
	res, err := tab.PutAll(p.ctx, p.db, rows, upsert.Outcomes())
	if err != nil {
		p.Fatal(err)
	}
	wantResult(p, "PutAll with Outcomes", res, resultOf(want))
	wantRows(p, "SELECT * FROM t ORDER BY id", after...)
}

// writtenBefore checks that rows written earlier in the same transaction count as stored.
func writtenBefore(p *place) {
	p.create("t", readingColumns)
	tab := tableInTx[reading](p, "t")
	tx := p.begin(nil)
	rows := []reading{{1, 1, "a"}, {1, 2, "b"}, {1, 2, "b"}, {1, 1, "a"}}
	var got []upsert.Outcome
	for i := range rows {
		o, err := tab.Put(p.ctx, tx, &rows[i])
		if err != nil {
			p.Fatal(err)
		}
		got = append(got, o)
	}
	if want := []upsert.Outcome{inserted, updated, unchanged, stale}; !slices.Equal(got, want) {
		p.Errorf("outcomes of one transaction: %v, want %v", got, want)
	}
	for _, want := range []upsert.Result{{Inserted: 1, Stale: 1}, {Unchanged: 1, Stale: 1}} {
		res, err := tab.PutAll(p.ctx, tx, []reading{{2, 1, "a"}, {1, 1, "a"}}, upsert.Outcomes())
		if err != nil {
			p.Fatal(err)
		}
		wantResult(p, "PutAll in the same transaction", res, want)
	}
	if err := tx.Commit(); err != nil {
		p.Fatal(err)
	}
	wantRows(p, "SELECT * FROM t ORDER BY id", reading{1, 2, "b"}, reading{2, 1, "a"})
}

// countsUp checks a table with an auto-increment column beside the target. The library must not derive the outcome from that
// column.
func countsUp(p *place) {
	type row struct {
		Email string `db:"email" upsert:"key"`
		V     string `db:"v"`
	}
	p.create("t", "id {serial}, email {exact} NOT NULL UNIQUE, v {text}")
	tab := table[row](p, "t")
	for range 3 {
		p.exec("INSERT INTO t (email, v) VALUES ('x', 'x')")
		p.exec("DELETE FROM t WHERE email = 'x'")
	}
	put(p, tab, &row{"a", "1"}, inserted)
	put(p, tab, &row{"a", "2"}, updated)
	put(p, tab, &row{"a", "2"}, unchanged)
	putAll(p, tab, []row{{"c", "1"}, {"a", "3"}, {"b", "1"}, {"a", "3"}, {"b", "1"}, {"b", "2"}}, inserted, updated, inserted, unchanged, unchanged, updated)
	wantRows(p, "SELECT email, v FROM t ORDER BY email", row{"a", "3"}, row{"b", "2"}, row{"c", "1"})
}
