package conformance

import (
	"database/sql"
	"time"
)

func fieldBehaviours() []behaviour {
	return []behaviour{
		{name: "sql.Null types and pointers", run: nullTypes},
		{name: "embedded structs", run: embedded},
		{name: "nested structs", run: nested},
		{name: "defined types", run: definedTypes},
	}
}

// nullTypes changes a column of each nullable type from NULL to a value and back.
func nullTypes(p *place) {
	type row struct {
		ID int64             `db:"id" upsert:"key"`
		S  sql.NullString    `db:"s"`
		N  sql.NullInt64     `db:"n"`
		M  sql.NullInt32     `db:"m" upsert:"max"`
		F  sql.NullFloat64   `db:"f"`
		B  sql.NullBool      `db:"b" upsert:"or"`
		T  sql.NullTime      `db:"t"`
		G  sql.Null[string]  `db:"g" upsert:"coalesce"`
		P  *string           `db:"p"`
		PP **int64           `db:"pp"`
		PT *time.Time        `db:"pt"`
		PN *sql.Null[int64]  `db:"pn"`
		PG sql.Null[float64] `db:"pg"`
	}
	p.create("t", "id {int} NOT NULL PRIMARY KEY, s {text}, n {int}, m {int}, f {float}, b {bool}, t {time}, g {text}, p {text}, pp {int}, pt {time}, pn {int}, pg {float}")
	tab := table[row](p, "t")
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	seven := ptr(int64(7))
	none := row{ID: 1}
	full := row{
		ID: 1, S: sql.NullString{String: "", Valid: true}, N: sql.NullInt64{Int64: 0, Valid: true}, M: sql.NullInt32{Int32: -3, Valid: true},
		F: sql.NullFloat64{Float64: 0.5, Valid: true}, B: sql.NullBool{Valid: true}, T: sql.NullTime{Time: at, Valid: true},
		G: sql.Null[string]{V: "g", Valid: true}, P: ptr(""), PP: &seven, PT: &at, PN: &sql.Null[int64]{V: 1, Valid: true}, PG: sql.Null[float64]{V: 1, Valid: true},
	}
	put(p, tab, &none, inserted)
	put(p, tab, &none, unchanged)
	wantRows(p, "SELECT * FROM t", none)
	put(p, tab, &full, updated)
	put(p, tab, &full, unchanged)
	wantRows(p, "SELECT * FROM t", full)
	putAll(p, tab, []row{none, none}, updated, unchanged)
	kept := row{ID: 1, M: full.M, B: full.B, G: full.G}
	wantRows(p, "SELECT * FROM t", kept)
}

type identity struct {
	Tenant string `db:"tenant" upsert:"key"`
	ID     int64  `db:"id" upsert:"key"`
}

func embedded(p *place) {
	type row struct {
		identity
		Name string `db:"name"`
		Audit
	}
	p.create("t", "tenant {exact} NOT NULL, id {int} NOT NULL, name {text}, created_by {text}, updated_by {text}, PRIMARY KEY (tenant, id)")
	tab := table[row](p, "t")
	one := row{identity: identity{"x", 1}, Name: "a", Audit: Audit{"alice", "alice"}}
	put(p, tab, &one, inserted)
	one.Audit = Audit{"bob", "bob"}
	put(p, tab, &one, unchanged)
	one.Name = "b"
	two := row{identity: identity{"x", 2}, Name: "c", Audit: Audit{"carol", "carol"}}
	putAll(p, tab, []row{two, one}, inserted, updated)
	wantSame(p, "who made it", get[string](p, "SELECT MAX(CASE WHEN id = 1 THEN created_by END) FROM t"), "alice")
	wantSame(p, "who changed it", get[string](p, "SELECT MAX(CASE WHEN id = 1 THEN updated_by END) FROM t"), "bob")
}

// Audit is exported because programs usually embed exported structs of columns.
type Audit struct {
	CreatedBy string `db:"created_by" upsert:"keep"`
	UpdatedBy string `db:"updated_by" upsert:"touch"`
}

type address struct {
	Street string  `db:"street"`
	Floor  *int64  `db:"floor" upsert:"coalesce"`
	Note   *string `db:"note"`
}

// nested checks nested structs. sqlx names their columns with a dot. A nil pointer on the path to a field means NULL.
func nested(p *place) {
	type row struct {
		ID   int64    `db:"id" upsert:"key"`
		Home address  `db:"home"`
		Work *address `db:"work"`
	}
	columns := "id {int} NOT NULL PRIMARY KEY"
	for _, name := range []string{"home.street", "home.note", "work.street", "work.note"} {
		columns += ", " + p.quote(name) + " {text}"
	}
	p.create("t", columns+", "+p.quote("home.floor")+" {int}, "+p.quote("work.floor")+" {int}")
	tab := table[row](p, "t")
	put(p, tab, &row{1, address{"Home", ptr(int64(1)), nil}, nil}, inserted)
	put(p, tab, &row{1, address{"Home", nil, nil}, nil}, unchanged)
	put(p, tab, &row{1, address{"Home", nil, nil}, &address{"Work", nil, ptr("late")}}, updated)
	putAll(p, tab, []row{{2, address{}, nil}, {1, address{"Home", ptr(int64(2)), nil}, &address{"Work", nil, ptr("late")}}}, inserted, updated)
	got := row{ID: 1}
	if created, err := tab.GetOrCreate(p.ctx, p.db, &got); err != nil || created {
		p.Fatalf("GetOrCreate = %v, %v; want false", created, err)
	}
	wantSame(p, "the stored row", got, row{1, address{"Home", ptr(int64(2)), nil}, &address{"Work", nil, ptr("late")}})
}

type (
	name   string
	amount int32
	level  uint8
	flag   bool
	ratio  float32
)

// String returns text that differs from the stored value. The stored value must not depend on String.
func (level) String() string { return "shown, not stored" }

func definedTypes(p *place) {
	type row struct {
		ID name   `db:"id" upsert:"key"`
		A  amount `db:"a" upsert:"max"`
		L  level  `db:"l"`
		F  flag   `db:"f" upsert:"or"`
		R  ratio  `db:"r"`
		X  func() `db:"-"`
	}
	p.create("t", "id {exact} NOT NULL PRIMARY KEY, a {int}, l {int}, f {bool}, r {float}")
	tab := table[row](p, "t")
	put(p, tab, &row{"x", -1, 255, false, 0.1, nil}, inserted)
	put(p, tab, &row{"x", -2, 255, false, 0.1, nil}, unchanged)
	put(p, tab, &row{"x", 3, 0, true, 0.25, nil}, updated)
	got := row{ID: "x"}
	if created, err := tab.GetOrCreate(p.ctx, p.db, &got); err != nil || created {
		p.Fatalf("GetOrCreate = %v, %v; want false", created, err)
	}
	wantSame(p, "the row found", got, row{"x", 3, 0, true, 0.25, nil})
}
