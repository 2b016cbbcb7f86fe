package conformance

import (
	"errors"
	"math"

	"github.com/goupsert/upsert"
)

// counter has a column with the rule add, which is not safe to repeat.
type counter struct {
	ID int64  `db:"id" upsert:"key"`
	N  *int64 `db:"n" upsert:"add"`
}

func guardBehaviours() []behaviour {
	return []behaviour{
		{name: "add is refused without a claim, before anything is sent", run: unguarded},
		{name: "add within a claim", run: adds},
		{name: "add beyond the greatest integer is refused", run: addsTooMuch},
		{name: "add of duplicates and with other rules", run: addsInBatch},
		{name: "Guarantee is the weakest of the columns'", run: guarantees},
	}
}

func unguarded(p *place) {
	p.create("t", "id {int} NOT NULL PRIMARY KEY, n {int}")
	tab := table[counter](p, "t")
	tx := p.begin(nil)
	sent := &recorder{DB: tx}
	ended := errors.New("the claim has ended")
	for _, db := range []upsert.DB{p.db, p.db.DB, tx, sent, &claim{DB: sent, err: ended}} {
		row := counter{1, ptr(int64(1))}
		_, put := tab.Put(p.ctx, db, &row)
		_, all := tab.PutAll(p.ctx, db, []counter{row})
		_, seq := tab.PutSeq(p.ctx, db, sequence(row))
		_, create := tab.GetOrCreate(p.ctx, db, &row)
		for verb, err := range map[string]error{"Put": put, "PutAll": all, "PutSeq": seq, "GetOrCreate": create} {
			wantIs(p, verb, err, upsert.ErrUnguarded)
			wantRowError(p, err, "t", "", -1)
			if _, ok := db.(*claim); ok {
				wantIs(p, verb, err, ended)
			}
		}
	}
	sent.wantNothing(p)
	if err := tx.Rollback(); err != nil {
		p.Fatal(err)
	}
	p.wantCount("t", 0)
}

func addsTooMuch(p *place) {
	p.create("t", "id {int} NOT NULL PRIMARY KEY, n {int}")
	p.exec("INSERT INTO t (id, n) VALUES (1, ?)", int64(math.MaxInt64-1))
	tab := tableInTx[counter](p, "t")
	for verb, do := range map[string]func(upsert.DB) error{
		"Put": func(db upsert.DB) error {
			_, err := tab.Put(p.ctx, db, &counter{1, ptr(int64(2))})
			return err
		},
		"PutAll": func(db upsert.DB) error {
			_, err := tab.PutAll(p.ctx, db, []counter{{1, ptr(int64(2))}, {2, ptr(int64(2))}})
			return err
		},
	} {
		tx := p.begin(nil)
		err := do(&claim{DB: tx})
		if err == nil || errors.Is(err, upsert.ErrOtherKey) {
			p.Errorf("%s: %v; want the database's error", verb, err)
		}
		_ = tx.Rollback()
	}
	wantSame(p, "the sum", get[int64](p, "SELECT n FROM t WHERE id = 1"), math.MaxInt64-1)
}

func adds(p *place) {
	p.create("t", "id {int} NOT NULL PRIMARY KEY, n {int}")
	tab := tableInTx[counter](p, "t")
	n := ptr[int64]
	cases := []struct {
		stored, put, want *int64
		outcome           upsert.Outcome
	}{
		{n(1), n(2), n(3), updated},
		{n(1), n(-1), n(0), updated},
		{n(1), n(0), n(1), unchanged},
		{nil, n(2), n(2), updated},
		{n(1), nil, n(1), unchanged},
		{nil, nil, nil, unchanged},
	}
	for _, batch := range []bool{false, true} {
		p.exec("DELETE FROM t")
		for i, c := range cases {
			p.exec("INSERT INTO t (id, n) VALUES (?, ?)", i, c.stored)
		}
		tx := p.begin(nil)
		held := &claim{DB: tx}
		for i, c := range cases {
			row, o := counter{int64(i), c.put}, upsert.Unknown
			var err error
			if batch {
				_, err = tab.PutAll(p.ctx, held, []counter{row}, upsert.EachOutcome(func(_ int, got upsert.Outcome) { o = got }))
			} else {
				o, err = tab.Put(p.ctx, held, &row)
			}
			if err != nil || o != c.outcome {
				p.Errorf("%s + %s = %v, %v; want %v", show(c.stored), show(c.put), o, err, c.outcome)
			}
		}
		if err := tx.Commit(); err != nil {
			p.Fatal(err)
		}
		for i, c := range cases {
			wantSame(p, show(c.stored)+" + "+show(c.put), get[counter](p, "SELECT * FROM t WHERE id = ?", i), counter{int64(i), c.want})
		}
	}
}

func addsInBatch(p *place) {
	type row struct {
		ID    int64   `db:"id" upsert:"key"`
		Total float64 `db:"total" upsert:"add"`
		Count int64   `db:"n" upsert:"add"`
		High  float64 `db:"high" upsert:"max"`
		First string  `db:"first" upsert:"keep"`
	}
	p.create("t", "id {int} NOT NULL PRIMARY KEY, total {float}, n {int}, high {float}, first {text}")
	tab := tableInTx[row](p, "t")
	tx := p.begin(nil)
	rows := []row{{2, 1.5, 1, 1.5, "a"}, {1, 1, 1, 1, "a"}, {2, 2.5, 1, 2.5, "b"}, {2, 0.5, 1, 0.5, "c"}}
	res, err := tab.PutAll(p.ctx, &claim{DB: tx}, rows, upsert.Outcomes())
	if err != nil {
		p.Fatal(err)
	}
	wantResult(p, "PutAll", res, upsert.Result{Inserted: 2, Updated: 2})
	if err := tx.Commit(); err != nil {
		p.Fatal(err)
	}
	wantRows(p, "SELECT * FROM t ORDER BY id", row{1, 1, 1, 1, "a"}, row{2, 4.5, 3, 2.5, "a"})
}

func guarantees(p *place) {
	const both = upsert.RepeatSafe | upsert.OrderFree
	key, version := upsert.Column("k", upsert.Key), upsert.Column("v", upsert.Version)
	col := func(r upsert.Rule) upsert.Option { return upsert.Column("c", r) }
	for _, c := range []struct {
		name string
		opts []upsert.Option
		want upsert.Guarantee
	}{
		{"keys alone", []upsert.Option{key}, both},
		{"replace", []upsert.Option{key, col(upsert.Replace)}, upsert.RepeatSafe},
		{"keep", []upsert.Option{key, col(upsert.Keep)}, upsert.RepeatSafe},
		{"fill", []upsert.Option{key, col(upsert.Fill)}, upsert.RepeatSafe},
		{"coalesce", []upsert.Option{key, col(upsert.Coalesce)}, upsert.RepeatSafe},
		{"merge", []upsert.Option{key, col(upsert.Merge)}, upsert.RepeatSafe},
		{"max", []upsert.Option{key, col(upsert.Max)}, both},
		{"min", []upsert.Option{key, col(upsert.Min)}, both},
		{"or", []upsert.Option{key, col(upsert.Or)}, both},
		{"and", []upsert.Option{key, col(upsert.And)}, both},
		{"version", []upsert.Option{key, version}, both},
		{"version and replace", []upsert.Option{key, version, col(upsert.Replace)}, both},
		{"version and keep", []upsert.Option{key, version, col(upsert.Keep)}, upsert.RepeatSafe},
		{"add", []upsert.Option{key, col(upsert.Add)}, upsert.OrderFree},
		{"add and replace", []upsert.Option{key, col(upsert.Add), upsert.Column("d", upsert.Replace)}, 0},
		{"generated", []upsert.Option{key, col(upsert.Generated)}, both},
	} {
		if got := table[map[string]any](p, "t", c.opts...).Guarantee(); got != c.want {
			p.Errorf("Guarantee of %s is %v, want %v", c.name, got, c.want)
		}
	}
}
