package conformance

import (
	"fmt"
	"math/rand/v2"

	"github.com/goupsert/upsert"
)

func batchBehaviours() []behaviour {
	return []behaviour{
		{name: "duplicates act as if sent one by one", run: duplicates},
		{name: "duplicates accumulate in order", run: duplicatesOfRules},
		{name: "RefuseDuplicates refuses before anything is sent", run: refuseDuplicates},
		{name: "more rows than a statement takes", run: manyRows},
		{name: "more parameters than a statement takes", run: manyParams},
		{name: "more bytes than a packet takes", run: manyBytes},
		{name: "unsorted rows of a compound key", run: unsorted},
		{name: "one row of a key a thousand times", run: thousandTimes},
	}
}

func duplicates(p *place) {
	p.create("t", readingColumns)
	tab := table[reading](p, "t")
	putAll(p, tab, []reading{
		{2, 1, "a"}, {1, 1, "a"}, {2, 2, "b"}, {2, 2, "b"}, {1, 1, "a"}, {2, 1, "a"}, {3, 1, "a"}, {2, 2, "x"}, {2, 3, "c"},
	}, inserted, inserted, updated, unchanged, unchanged, stale, inserted, stale, updated)
	wantRows(p, "SELECT * FROM t ORDER BY id", reading{1, 1, "a"}, reading{2, 3, "c"}, reading{3, 1, "a"})
}

func duplicatesOfRules(p *place) {
	type row struct {
		ID    int64   `db:"id" upsert:"key"`
		First *string `db:"first" upsert:"keep"`
		Fill  *string `db:"filled" upsert:"fill"`
		Patch *string `db:"patch" upsert:"coalesce"`
		High  *int64  `db:"high" upsert:"max"`
		Last  *string `db:"last"`
	}
	p.create("t", "id {int} NOT NULL PRIMARY KEY, first {text}, filled {text}, patch {text}, high {int}, last {text}")
	tab := table[row](p, "t")
	a, b, c := ptr("a"), ptr("b"), ptr("c")
	rows := []row{
		{1, a, nil, a, ptr(int64(3)), a},
		{1, b, b, nil, ptr(int64(9)), b},
		{1, c, c, nil, ptr(int64(5)), nil},
		{1, nil, nil, nil, nil, nil},
	}
	want := row{1, a, b, a, ptr(int64(9)), nil}
	putAll(p, tab, rows, inserted, updated, updated, unchanged)
	wantRows(p, "SELECT * FROM t", want)
	if _, err := tab.PutAll(p.ctx, p.db, rows); err != nil {
		p.Fatal(err)
	}
	wantRows(p, "SELECT * FROM t", want)
}

func refuseDuplicates(p *place) {
	p.create("t", readingColumns)
	tab := table[reading](p, "t")
	sent := &recorder{DB: p.begin(nil)}
	rows := []reading{{2, 1, "a"}, {9, 1, "a"}, {1, 1, "a"}, {9, 1, "a"}, {2, 1, "b"}}
	_, err := tab.PutAll(p.ctx, sent, rows, upsert.RefuseDuplicates())
	wantIs(p, "PutAll of two rows with one key", err, upsert.ErrDuplicateKey)
	wantRowError(p, err, "t", "id", 3)
	sent.wantNothing(p)
	if _, err := tab.PutAll(p.ctx, p.db, rows[:3], upsert.RefuseDuplicates()); err != nil {
		p.Errorf("PutAll of rows with different keys: %v", err)
	}
	p.wantCount("t", 3)
}

// manyRows puts 2,500 rows in random order. A quarter of them has each outcome.
func manyRows(p *place) {
	const n = 2500
	p.create("t", readingColumns)
	tab := table[reading](p, "t")
	var stored, rows, after []reading
	var want []upsert.Outcome
	for i := range int64(n) {
		old, late := reading{i, 5, fmt.Sprint("stored ", i)}, reading{i, 3, "late"}
		switch i % 4 {
		case 0:
			rows, want, after = append(rows, reading{i, 1, "new"}), append(want, inserted), append(after, reading{i, 1, "new"})
			continue
		case 1:
			rows, want, after = append(rows, reading{i, 6, "newer"}), append(want, updated), append(after, reading{i, 6, "newer"})
		case 2:
			rows, want, after = append(rows, old), append(want, unchanged), append(after, old)
		case 3:
			rows, want, after = append(rows, late), append(want, stale), append(after, old)
		}
		stored = append(stored, old)
	}
	r := rand.New(rand.NewPCG(1, 2))
	r.Shuffle(n, func(i, j int) {
		rows[i], rows[j] = rows[j], rows[i]
		want[i], want[j] = want[j], want[i]
	})
	res, err := tab.PutAll(p.ctx, p.db, stored)
	if err != nil {
		p.Fatal(err)
	}
	wantResult(p, "PutAll without Outcomes", res, upsert.Result{Unknown: int64(len(stored))})
	putAll(p, tab, rows, want...)
	wantRows(p, "SELECT * FROM t ORDER BY id", after...)
}

// manyParams puts 10,000 rows of 7 columns. No protocol accepts 70,000 parameters in one statement.
func manyParams(p *place) {
	const n = 10_000
	type row struct {
		ID int64  `db:"id" upsert:"key"`
		A  int64  `db:"a"`
		B  int64  `db:"b"`
		C  int64  `db:"c"`
		D  int64  `db:"d"`
		E  string `db:"e"`
		F  string `db:"f"`
	}
	p.create("t", "id {int} NOT NULL PRIMARY KEY, a {int}, b {int}, c {int}, d {int}, e {text}, f {text}")
	tab := table[row](p, "t")
	rows := make([]row, n)
	for i := range rows {
		rows[i] = row{int64(n - i), 1, 2, 3, 4, "e", "f"}
	}
	var progress int64
	res, err := tab.PutAll(p.ctx, p.db, rows, upsert.Progress(func(rows int64) {
		if rows <= progress || rows > n {
			p.Errorf("Progress(%d) after Progress(%d), want a greater number up to %d", rows, progress, n)
		}
		progress = rows
	}))
	if err != nil {
		p.Fatal(err)
	}
	wantResult(p, "PutAll", res, upsert.Result{Unknown: n})
	if progress != n {
		p.Errorf("the last Progress is %d, want %d", progress, n)
	}
	p.wantCount("t", n)
	for i := range rows[:100] {
		rows[i].F = "changed"
	}
	res, err = tab.PutAll(p.ctx, p.db, rows, upsert.Outcomes())
	if err != nil {
		p.Fatal(err)
	}
	wantResult(p, "PutAll again", res, upsert.Result{Updated: 100, Unchanged: n - 100})
}

// manyBytes puts 60 rows of 300 kB. Together they exceed the 16 MiB that MariaDB accepts by default.
func manyBytes(p *place) {
	type row struct {
		ID int64  `db:"id" upsert:"key"`
		V  []byte `db:"v"`
	}
	p.create("t", "id {int} NOT NULL PRIMARY KEY, v "+p.pick("BLOB", "bytea", "LONGBLOB"))
	tab := table[row](p, "t")
	var rows []row
	var created, again []upsert.Outcome
	for i := range int64(60) {
		v := make([]byte, 300_000)
		for at := range v {
			v[at] = byte(int64(at) * (i + 7))
		}
		rows = append(rows, row{i, v})
		created, again = append(created, inserted), append(again, unchanged)
	}
	putAll(p, tab, rows, created...)
	putAll(p, tab, rows, again...)
	wantRows(p, "SELECT * FROM t ORDER BY id", rows...)
}

func unsorted(p *place) {
	type row struct {
		Tenant string `db:"tenant" upsert:"key"`
		N      int64  `db:"n" upsert:"key"`
		V      int64  `db:"v"`
	}
	p.create("t", "tenant {exact} NOT NULL, n {int} NOT NULL, v {int}, PRIMARY KEY (tenant, n)")
	tab := table[row](p, "t")
	var rows []row
	var created, next []upsert.Outcome
	for i := range int64(300) {
		rows = append(rows, row{string(rune('a' + i%3)), i / 3, i})
		created = append(created, inserted)
	}
	rand.New(rand.NewPCG(3, 4)).Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	putAll(p, tab, rows, created...)
	for i := range rows {
		if rows[i].N%2 == 0 {
			rows[i].V++
			next = append(next, updated)
		} else {
			next = append(next, unchanged)
		}
	}
	putAll(p, tab, rows, next...)
	p.wantCount("t", 300)
}

// thousandTimes puts one key a thousand times in one batch. Each row becomes a wave of its own.
func thousandTimes(p *place) {
	p.create("t", accountColumns)
	tab := table[account](p, "t")
	var rows []account
	want := []upsert.Outcome{inserted}
	for i := range 1000 {
		rows = append(rows, account{1, fmt.Sprint(i / 2)})
		if i > 0 {
			want = append(want, []upsert.Outcome{updated, unchanged}[i%2])
		}
	}
	putAll(p, tab, rows, want...)
	wantRows(p, "SELECT * FROM t", account{1, "499"})
}
