package conformance

import "github.com/goupsert/upsert"

type touched struct {
	ID   int64   `db:"id" upsert:"key"`
	At   *string `db:"at" upsert:"touch"` // before the columns that it depends on, because the order must not matter
	V    *string `db:"v"`
	High *int64  `db:"high" upsert:"max"`
	By   *string `db:"touched_by" upsert:"touch"`
}

func touchBehaviours() []behaviour {
	return []behaviour{
		{name: "touch by Put", run: func(p *place) {
			checkTouches(p, func(tab *upsert.Table[touched], rows []touched, want []upsert.Outcome) {
				for i := range rows {
					put(p, tab, &rows[i], want[i])
					put(p, tab, &rows[i], unchanged)
				}
			})
		}},
		{name: "touch by PutAll", run: func(p *place) {
			checkTouches(p, func(tab *upsert.Table[touched], rows []touched, want []upsert.Outcome) {
				putAll(p, tab, rows, want...)
			})
		}},
		{name: "touch without another column never changes", run: touchAlone},
		{name: "keys alone are inserted or left", run: keysAlone},
	}
}

func checkTouches(p *place, write func(*upsert.Table[touched], []touched, []upsert.Outcome)) {
	a, b, t1, t2 := ptr("a"), ptr("b"), ptr("t1"), ptr("t2")
	three, five := ptr(int64(3)), ptr(int64(5))
	row := func(v, at *string, high *int64) touched { return touched{At: at, V: v, High: high, By: at} }
	cases := []struct {
		stored, put, want touched
		outcome           upsert.Outcome
	}{
		{row(a, t1, nil), row(a, t2, nil), row(a, t1, nil), unchanged},
		{row(a, t1, nil), row(b, t2, nil), row(b, t2, nil), updated},
		{row(a, nil, nil), row(a, t2, nil), row(a, nil, nil), unchanged},
		{row(nil, t1, nil), row(nil, t2, nil), row(nil, t1, nil), unchanged},
		{row(a, t1, nil), row(b, nil, nil), row(b, nil, nil), updated},
		{row(nil, t1, nil), row(a, t2, nil), row(a, t2, nil), updated},
		{row(a, t1, nil), row(nil, t2, nil), row(nil, t2, nil), updated},
		{row(a, t1, five), row(a, t2, three), row(a, t1, five), unchanged},
		{row(a, t1, three), row(a, t2, five), row(a, t2, five), updated},
	}
	p.create("t", "id {int} NOT NULL PRIMARY KEY, at {text}, v {text}, high {int}, touched_by {text}")
	var rows []touched
	var want []upsert.Outcome
	for i, c := range cases {
		p.exec("INSERT INTO t (id, at, v, high, touched_by) VALUES (?, ?, ?, ?, ?)", i, c.stored.At, c.stored.V, c.stored.High, c.stored.By)
		c.put.ID = int64(i)
		rows, want = append(rows, c.put), append(want, c.outcome)
	}
	write(table[touched](p, "t"), rows, want)
	for i, c := range cases {
		c.want.ID = int64(i)
		wantSame(p, "stored "+show(c.stored)+", put "+show(c.put), get[touched](p, "SELECT * FROM t WHERE id = ?", i), c.want)
	}
}

func touchAlone(p *place) {
	type row struct {
		ID int64  `db:"id" upsert:"key"`
		At string `db:"at" upsert:"touch"`
	}
	p.create("t", "id {int} NOT NULL PRIMARY KEY, at {text}")
	tab := table[row](p, "t")
	put(p, tab, &row{1, "t1"}, inserted)
	put(p, tab, &row{1, "t2"}, unchanged)
	putAll(p, tab, []row{{2, "t1"}, {1, "t3"}, {2, "t4"}}, inserted, unchanged, unchanged)
	wantRows(p, "SELECT * FROM t ORDER BY id", row{1, "t1"}, row{2, "t1"})
}

func keysAlone(p *place) {
	type row struct {
		A int64  `db:"a" upsert:"key"`
		B string `db:"b" upsert:"key"`
	}
	p.create("t", "a {int} NOT NULL, b {exact} NOT NULL, PRIMARY KEY (a, b)")
	tab := table[row](p, "t")
	put(p, tab, &row{1, "x"}, inserted)
	put(p, tab, &row{1, "x"}, unchanged)
	putAll(p, tab, []row{{2, "y"}, {1, "x"}, {1, "y"}, {2, "y"}}, inserted, unchanged, inserted, unchanged)
	wantRows(p, "SELECT * FROM t ORDER BY a, b", row{1, "x"}, row{1, "y"}, row{2, "y"})
}
