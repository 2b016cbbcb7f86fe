package conformance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goupsert/upsert"
)

// returnRenamed renames the unique index, whose name is a part of a statement on MySQL and MariaDB.
func returnRenamed(p *place) {
	p.create("t", "no {serial}, code {exact} NOT NULL, v {int}")
	p.exec("CREATE UNIQUE INDEX first_name ON t (code)")
	type row struct {
		No   int64  `db:"no" upsert:"generated"`
		Code string `db:"code" upsert:"key"`
		V    int64  `db:"v" upsert:"max"`
	}
	tab := table[row](p, "t")
	for n := range 3 {
		rows := []row{{Code: "b", V: 1}, {Code: "a", V: 1}, {Code: "c", V: 1}}
		if _, err := tab.PutAll(p.ctx, p.db, rows, upsert.Returning()); err != nil {
			p.Fatal(err)
		}
		for _, got := range rows {
			wantSame(p, "a row", got, get[row](p, "SELECT * FROM t WHERE code = ?", got.Code))
		}
		if n == 0 {
			p.exec("CREATE UNIQUE INDEX second_name ON t (code)")
			p.exec("DROP INDEX first_name" + p.pick("", "", " ON t"))
		}
	}
}

func returnTriggered(p *place) {
	p.create("t", accountColumns)
	switch {
	case p.sqlite():
		p.exec("CREATE TRIGGER shout AFTER INSERT ON t BEGIN UPDATE t SET name = upper(name) WHERE id = NEW.id; END")
	case p.postgres():
		p.exec("CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := upper(NEW.name); RETURN NEW; END $$")
		p.exec("CREATE TRIGGER shout BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION shout()")
	default:
		p.exec("CREATE TRIGGER shout BEFORE INSERT ON t FOR EACH ROW SET NEW.name = upper(NEW.name)")
	}
	tab := table[account](p, "t")
	rows := []account{{2, "b"}, {1, "a"}}
	if _, err := tab.PutAll(p.ctx, p.db, rows, upsert.Returning()); err != nil {
		p.Fatal(err)
	}
	wantSame(p, "the rows of PutAll", rows, []account{{2, "B"}, {1, "A"}})
	one := account{3, "c"}
	if _, err := tab.Put(p.ctx, p.db, &one, upsert.Returning()); err != nil {
		p.Fatal(err)
	}
	wantSame(p, "the row of Put", one, account{3, "C"})
}

func returnMoved(p *place) {
	p.create("t", accountColumns)
	p.exec("CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.id := NEW.id + 1000; RETURN NEW; END $$")
	p.exec("CREATE TRIGGER move BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION move()")
	tab := table[account](p, "t")
	one, rows := account{1, "a"}, []account{{2, "b"}, {1, "a"}}
	_, err := tab.Put(p.ctx, p.db, &one, upsert.Returning())
	wantWords(p, "Put", err, "no row is visible under its key")
	_, err = tab.PutAll(p.ctx, p.db, rows, upsert.Returning())
	wantWords(p, "PutAll", err, "no row is visible under its key")
	wantRowError(p, err, "t", "", 1)
	wantSame(p, "the rows", fmt.Sprint(one, rows), "{1 a} [{2 b} {1 a}]")
	p.wantCount("t", 0)
}

// returnHidden lets a user write rows that the user may not see.
func returnHidden(p *place) {
	p.create("t", accountColumns)
	p.exec("ALTER TABLE t ENABLE ROW LEVEL SECURITY")
	p.exec("CREATE POLICY written ON t FOR INSERT WITH CHECK (true)")
	p.exec("CREATE POLICY seen ON t FOR SELECT USING (id < 10)")
	p.exec("GRANT ALL ON t TO pg_monitor")
	schema := get[string](p, "SELECT current_schema()")
	p.exec("GRANT ALL ON SCHEMA " + p.quote(schema) + " TO pg_monitor")
	tab := tableInTx[account](p, "t")
	for _, rows := range [][]account{{{1, "a"}, {20, "b"}}, {{20, "b"}}} {
		tx := p.begin(nil)
		if _, err := tx.ExecContext(p.ctx, "SET LOCAL ROLE pg_monitor"); err != nil {
			p.Fatal(err)
		}
		if _, err := tab.PutAll(p.ctx, tx, slices.Clone(rows), upsert.Returning()); err == nil {
			p.Errorf("PutAll of %v, of which the user may not see a row: no error", rows)
		}
		if err := tx.Rollback(); err != nil {
			p.Fatal(err)
		}
	}
}

func returnForms(p *place) {
	p.create("t", "id "+p.pick("NUMERIC", "numeric(10,2)", "DECIMAL(10,2)")+" NOT NULL, code "+p.pick("TEXT", "char(4)", "CHAR(4) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")+" NOT NULL, v {int}, PRIMARY KEY (id, code)")
	type row struct {
		ID   string `db:"id" upsert:"key"`
		Code string `db:"code" upsert:"key"`
		V    int64  `db:"v" upsert:"max"`
	}
	tab := table[row](p, "t")
	for _, v := range []int64{3, 1} {
		rows := []row{{"2.5", "b", v}, {"07", "c", v}, {"1", "a", v}}
		if _, err := tab.PutAll(p.ctx, p.db, rows, upsert.Returning()); err != nil {
			p.Fatal(err)
		}
		one := row{"07", "c", v}
		if _, err := tab.Put(p.ctx, p.db, &one, upsert.Returning()); err != nil {
			p.Fatal(err)
		}
		wantSame(p, "the row of Put and that of PutAll", one, rows[1])
		for i, r := range rows {
			if r.V != 3 || strings.TrimRight(r.Code, " ") != []string{"b", "c", "a"}[i] {
				p.Errorf("row %d is %v, want the stored row", i, r)
			}
		}
	}
}

func returnPartial(p *place) {
	if !p.members("(1, 1, 0, 8)", "(2, 1, 0, 8)") {
		return
	}
	tab := table[member](p, "members", upsert.IndexWhere("active = 1"))
	for n, opts := range [][]upsert.PutOption{{upsert.Returning()}, {upsert.Returning(), upsert.Outcomes()}} {
		rows := []member{{ID: 2, Active: 0, V: 20}, {ID: 1, Active: 1, V: 8}, {ID: 2, Active: 1, V: 9}}
		res, err := tab.PutAll(p.ctx, p.db, rows, opts...)
		if err != nil {
			p.Fatal(err)
		}
		if n == 1 {
			wantResult(p, "PutAll", res, upsert.Result{Inserted: 1, Unchanged: 2})
		} else {
			wantResult(p, "PutAll", res, upsert.Result{Unknown: 3})
		}
		wantSame(p, "the rows", rows[1:], []member{{1, 1, 1, 8}, {2, 2, 1, 9}})
		wantSame(p, "the row outside of the index", rows[0], get[member](p, "SELECT serial, id, active, v FROM members ORDER BY serial DESC LIMIT 1"))
		one := member{ID: 2, Active: 0, V: 30}
		if _, err := tab.Put(p.ctx, p.db, &one, upsert.Returning()); err != nil {
			p.Fatal(err)
		}
		wantSame(p, "the row of Put outside of the index", one, get[member](p, "SELECT serial, id, active, v FROM members ORDER BY serial DESC LIMIT 1"))
		one = member{ID: 1, Active: 1, V: 8}
		if _, err := tab.Put(p.ctx, p.db, &one, upsert.Returning()); err != nil {
			p.Fatal(err)
		}
		wantSame(p, "the row of Put", one, member{1, 1, 1, 8})
	}
}

// returnParts sends more rows than a part of a sequence has.
func returnParts(p *place) {
	p.create("t", "id {int} NOT NULL PRIMARY KEY, n {int}, b {bytes}")
	type row struct {
		ID int64  `db:"id" upsert:"key"`
		N  *int64 `db:"n"`
		B  []byte `db:"b"`
	}
	const n = 10001
	rows := func(yield func(row, error) bool) {
		for i := range int64(n) {
			if !yield(row{i % (n - 1), &i, []byte{byte(i)}}, nil) {
				return
			}
		}
	}
	var first, last row
	told := 0
	_, err := table[row](p, "t").PutSeq(p.ctx, p.db, rows, upsert.EachReturned(func(i int, stored row) {
		told++
		switch i {
		case 0:
			first = stored
		case n - 1:
			last = stored
		}
	}))
	if err != nil || told != n {
		p.Fatalf("PutSeq: %v, and %d rows were told; want %d", err, told, n)
	}
	want := row{0, ptr(int64(n - 1)), []byte{byte((n - 1) & 255)}}
	wantSame(p, "the first row", first, want)
	wantSame(p, "the last row", last, want)
	if first.N == last.N || &first.B[0] == &last.B[0] {
		p.Error("the two rows share memory")
	}
}
