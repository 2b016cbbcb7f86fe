package conformance

import (
	"fmt"
	"slices"

	"github.com/goupsert/upsert"
)

// member is a row of a table whose unique index contains only the active rows.
type member struct {
	Serial int64 `db:"serial" upsert:"generated"`
	ID     int64 `db:"id" upsert:"key"`
	Active int64 `db:"active" upsert:"keep"`
	V      int64 `db:"v"`
}

func partialBehaviours() []behaviour {
	return []behaviour{
		{name: "IndexWhere: the stored row is the one in the index", run: partialReadBack},
		{name: "IndexWhere: a row outside of the index is inserted, whatever came before it", run: partialOutside},
		{name: "IndexWhere: a batch tells of the row in the index", run: partialBatch},
		{name: "IndexWhere: a batch does what its rows do one by one", run: partialOneByOne},
		{name: "IndexWhere: versions are those of the row in the index", run: partialVersion},
	}
}

// members creates the table and returns true. On a database without partial indexes, members expects New to refuse the option and
// returns false.
func (p *place) members(rows ...string) (made bool) {
	p.Helper()
	if p.mysql() {
		wantUnsupported[member](p, upsert.IndexWhere("active = 1"))
		return false
	}
	p.create("members", "serial {serial}, id {int} NOT NULL, active {int}, rev {int} NOT NULL DEFAULT 0, v {int}")
	p.exec("CREATE UNIQUE INDEX members_active ON members (id) WHERE active = 1")
	for _, row := range rows {
		p.exec("INSERT INTO members (id, active, rev, v) VALUES " + row)
	}
	return true
}

func partialReadBack(p *place) {
	if !p.members("(1, 0, 0, 7)", "(1, 1, 0, 8)", "(1, 0, 0, 9)") {
		return
	}
	tab := table[member](p, "members", upsert.IndexWhere("active = 1"))
	row := member{ID: 1, Active: 1, V: 8}
	put(p, tab, &row, unchanged)
	wantSame(p, "the row of Put", row, member{2, 1, 1, 8})
	row = member{ID: 1, Active: 1, V: 100}
	if created, err := tab.GetOrCreate(p.ctx, p.db, &row); err != nil || created {
		p.Errorf("GetOrCreate = %v, %v; want false", created, err)
	}
	wantSame(p, "the row of GetOrCreate", row, member{2, 1, 1, 8})
	row.V = 10
	put(p, tab, &row, updated)
	wantRows(p, "SELECT serial, id, active, v FROM members ORDER BY serial", member{1, 1, 0, 7}, member{2, 1, 1, 10}, member{3, 1, 0, 9})
}

func partialOutside(p *place) {
	if !p.members("(1, 1, 0, 1)", "(2, 1, 0, 1)") {
		return
	}
	tab := table[member](p, "members", upsert.IndexWhere("active = 1"))
	rows := 2
	for n, before := range []upsert.Outcome{updated, unchanged, inserted} {
		put(p, tab, &member{ID: 1, Active: 1, V: 2}, []upsert.Outcome{updated, unchanged, unchanged}[n])
		if before == inserted {
			put(p, tab, &member{ID: 3, Active: 1, V: 2}, inserted)
			rows++
		}
		for _, v := range []int64{1, 5} {
			put(p, tab, &member{ID: 2, V: v}, inserted)
			rows++
		}
		row := member{ID: 2, V: 6}
		if created, err := tab.GetOrCreate(p.ctx, p.db, &row); err != nil || !created {
			p.Errorf("GetOrCreate of a row outside the index = %v, %v; want true", created, err)
		}
		rows++
	}
	p.wantCount("members", rows)
	wantRows(p, "SELECT serial, id, active, v FROM members WHERE active = 1 AND id = 2", member{2, 2, 1, 1})
	if g := tab.Guarantee(); g != 0 {
		p.Errorf("Guarantee = %v, want no guarantee: each repetition inserts another row outside the index", g)
	}
}

func partialBatch(p *place) {
	if !p.members("(1, 0, 0, 1)", "(2, 0, 0, 1)", "(3, 1, 0, 1)", "(4, 1, 0, 1)", "(5, 1, 0, 1)", "(6, 1, 0, 1)") {
		return
	}
	tab := table[member](p, "members", upsert.IndexWhere("active = 1"))
	rows := []member{{ID: 1, Active: 1, V: 1}, {ID: 2, Active: 1, V: 2}, {ID: 3, V: 1}, {ID: 4, V: 2}, {ID: 5, Active: 1, V: 1}, {ID: 6, Active: 1, V: 2}}
	putAll(p, tab, rows, inserted, inserted, inserted, inserted, unchanged, updated)
	putAll(p, tab, rows, unchanged, unchanged, inserted, inserted, unchanged, unchanged)
	p.wantCount("members", 12)
}

func partialOneByOne(p *place) {
	if !p.members("(1, 1, 0, 1)") {
		return
	}
	tab := table[member](p, "members", upsert.IndexWhere("active = 1"))
	// Each of two keys gets these kinds in every order.
	var rows []member
	kinds := []member{{Active: 1, V: 2}, {V: 3}, {Active: 1, V: 2}, {V: 4}}
	for n := range 24 {
		left := slices.Clone(kinds)
		for m, of := n, len(left); of > 0; of-- {
			row := left[m%of]
			left = slices.Delete(left, m%of, m%of+1)
			m /= of
			row.ID = int64(1 + n%2)
			rows = append(rows, row)
		}
	}
	var want []upsert.Outcome
	for i := range rows {
		o, err := tab.Put(p.ctx, p.db, &rows[i])
		if err != nil {
			p.Fatalf("Put(%+v): %v", rows[i], err)
		}
		want = append(want, o)
	}
	stored := "SELECT 0 AS serial, id, active, v FROM members ORDER BY id, active, v"
	singly := list[member](p, stored)
	p.exec("DELETE FROM members")
	p.exec("INSERT INTO members (id, active, rev, v) VALUES (1, 1, 0, 1)")
	putAll(p, tab, rows, want...)
	wantRows(p, stored, singly...)
	p.exec("DELETE FROM members")
	p.exec("INSERT INTO members (id, active, rev, v) VALUES (1, 1, 0, 1)")
	if _, err := tab.PutAll(p.ctx, p.db, rows); err != nil {
		p.Errorf("PutAll without outcomes: %v", err)
	}
	wantRows(p, stored, singly...)
}

func partialVersion(p *place) {
	type versioned struct {
		ID     int64 `db:"id" upsert:"key"`
		Active int64 `db:"active" upsert:"keep"`
		Rev    int64 `db:"rev" upsert:"version"`
		V      int64 `db:"v"`
	}
	if !p.members("(1, 0, 3, 7)", "(1, 1, 5, 8)", "(1, 0, 9, 9)") {
		return
	}
	tab := table[versioned](p, "members", upsert.IndexWhere("active = 1"))
	for _, c := range []struct {
		rev, v int64
		want   upsert.Outcome
	}{{3, 7, stale}, {5, 8, unchanged}, {5, 9, stale}, {6, 9, updated}} {
		put(p, tab, &versioned{1, 1, c.rev, c.v}, c.want)
	}
	putAll(p, tab, []versioned{{1, 1, 3, 7}, {2, 1, 1, 1}, {1, 0, 3, 7}, {1, 1, 7, 9}}, stale, inserted, inserted, updated)
	p.wantCount("members", 5)
	if got, want := fmt.Sprint(list[int64](p, "SELECT rev FROM members WHERE id = 1 AND active = 1")), "[7]"; got != want {
		p.Errorf("the version in the index is %s, want %s", got, want)
	}
}
