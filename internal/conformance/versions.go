package conformance

import (
	"time"

	"github.com/goupsert/upsert"
)

type versioned struct {
	ID      int64   `db:"id" upsert:"key"`
	Version *int64  `db:"version" upsert:"version"`
	V       *string `db:"v"`
	High    *int64  `db:"high" upsert:"max"`
	Made    *string `db:"made" upsert:"keep"`
	Touched *string `db:"touched" upsert:"touch"`
}

const versionedColumns = "id {int} NOT NULL PRIMARY KEY, version {int}, v {text}, high {int}, made {text}, touched {text}"

func ptr[V any](v V) *V { return &v }

// versionCase says what happens if a row is put over a stored row. In every case the two rows differ in made and touched.
type versionCase struct {
	stored, put versioned
	want        versioned
	outcome     upsert.Outcome
}

func versionCases() []versionCase {
	v := func(version *int64, v *string, high int64) versioned {
		return versioned{Version: version, V: v, High: ptr(high)}
	}
	one, two, a, b := ptr(int64(1)), ptr(int64(2)), ptr("a"), ptr("b")
	null, none := (*int64)(nil), (*string)(nil)
	return []versionCase{
		{v(one, a, 5), v(two, b, 9), v(two, b, 9), updated},
		{v(one, a, 5), v(two, b, 3), v(two, b, 5), updated},
		{v(one, a, 5), v(two, a, 5), v(two, a, 5), updated},
		{v(one, a, 5), v(two, none, 5), v(two, none, 5), updated},
		{v(one, a, 5), v(one, a, 5), v(one, a, 5), unchanged},
		{v(one, a, 5), v(one, a, 3), v(one, a, 5), unchanged}, // the lower maximum alone changes no value
		{v(one, none, 5), v(one, none, 5), v(one, none, 5), unchanged},
		{v(one, a, 5), v(one, b, 5), v(one, a, 5), stale},
		{v(one, a, 5), v(one, a, 9), v(one, a, 5), stale},
		{v(one, a, 5), v(one, none, 5), v(one, a, 5), stale},
		{v(one, none, 5), v(one, a, 5), v(one, none, 5), stale},
		{v(two, a, 5), v(one, b, 9), v(two, a, 5), stale},
		{v(two, a, 5), v(one, a, 5), v(two, a, 5), stale},
		{v(null, a, 5), v(one, b, 5), v(one, b, 5), updated},
		{v(one, a, 5), v(null, b, 9), v(one, a, 5), stale},
		{v(null, a, 5), v(null, a, 5), v(null, a, 5), unchanged},
		{v(null, a, 5), v(null, b, 5), v(null, a, 5), stale},
	}
}

func versionBehaviours() []behaviour {
	return []behaviour{
		{name: "version by Put", run: func(p *place) {
			checkVersions(p, func(tab *upsert.Table[versioned], rows []versioned, want []upsert.Outcome) {
				for i := range rows {
					put(p, tab, &rows[i], want[i])
				}
			})
		}},
		{name: "version by PutAll", run: func(p *place) {
			checkVersions(p, func(tab *upsert.Table[versioned], rows []versioned, want []upsert.Outcome) {
				putAll(p, tab, rows, want...)
			})
		}},
		{name: "version that is a time", run: func(p *place) {
			at := time.Date(2026, 3, 29, 2, 30, 0, 1000, time.UTC)
			checkVersionType(p, "{time}", at, at.Add(time.Microsecond))
		}},
		{name: "version that is text", run: func(p *place) { checkVersionType(p, "{exact}", "01J0", "01JZ") }},
		{name: "version that is a float", run: func(p *place) { checkVersionType(p, "{float}", 1.5, 2.5) }},
	}
}

func checkVersions(p *place, write func(*upsert.Table[versioned], []versioned, []upsert.Outcome)) {
	p.create("doc", versionedColumns)
	var rows []versioned
	var want []upsert.Outcome
	insert := "INSERT INTO doc (id, version, v, high, made, touched) VALUES (?, ?, ?, ?, ?, ?)"
	for i, c := range versionCases() {
		p.exec(insert, i, c.stored.Version, c.stored.V, c.stored.High, "first", "first")
		row := c.put
		row.ID, row.Made, row.Touched = int64(i), ptr("second"), ptr("second")
		rows, want = append(rows, row), append(want, c.outcome)
	}
	write(table[versioned](p, "doc"), rows, want)
	for i, c := range versionCases() {
		c.want.ID, c.want.Made, c.want.Touched = int64(i), ptr("first"), ptr("first")
		if c.outcome == updated {
			c.want.Touched = ptr("second")
		}
		got := get[versioned](p, "SELECT * FROM doc WHERE id = ?", i)
		wantSame(p, "stored "+show(c.stored)+", put "+show(c.put), got, c.want)
	}
}

func checkVersionType[V any](p *place, typ string, older, newer V) {
	type row struct {
		ID int64  `db:"id" upsert:"key"`
		At V      `db:"at" upsert:"version"`
		V  string `db:"v"`
	}
	p.create("t", "id {int} NOT NULL PRIMARY KEY, at "+typ+", v {text}")
	tab := table[row](p, "t")
	put(p, tab, &row{1, older, "a"}, inserted)
	put(p, tab, &row{1, newer, "b"}, updated)
	put(p, tab, &row{1, newer, "b"}, unchanged)
	put(p, tab, &row{1, newer, "c"}, stale)
	put(p, tab, &row{1, older, "a"}, stale)
	putAll(p, tab, []row{{1, older, "b"}, {1, newer, "b"}, {2, older, "x"}, {2, newer, "y"}, {2, older, "z"}}, stale, unchanged, inserted, updated, stale)
	wantRows(p, "SELECT * FROM t ORDER BY id", row{1, newer, "b"}, row{2, newer, "y"})
}
