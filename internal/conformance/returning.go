package conformance

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goupsert/upsert"
)

// parcel has a column for every way in which the stored value can differ from the sent value.
type parcel struct {
	No      int64     `db:"no" upsert:"generated"`
	Code    string    `db:"code" upsert:"key"`
	Version int64     `db:"version" upsert:"version"`
	Note    string    `db:"note" upsert:"omitzero"`
	First   string    `db:"first_note" upsert:"keep"`
	Seen    *string   `db:"seen" upsert:"fill"`
	Made    time.Time `db:"made" upsert:"keep,now"`
	Twice   int64     `db:"twice" upsert:"generated"`
	Local   string    `db:"-"`
}

func createParcels(p *place) {
	p.create("parcels", "no {serial}, code {exact} NOT NULL UNIQUE, version {int} NOT NULL, note {exact} NOT NULL DEFAULT 'none', first_note {exact}, seen {exact}, "+
		"made {time} NOT NULL, twice {int} GENERATED ALWAYS AS (version * 2) STORED")
}

func returningBehaviours() []behaviour {
	list := []behaviour{
		{name: "two rows of one key get the last state", run: returnTwins},
		{name: "rows stay as they are if the call fails", run: returnNothing},
		{name: "rows stay as they are if a stored value does not fit", run: returnMisfit},
		{name: "maps get the chosen columns", run: returnMaps},
		{name: "many rows are read in few statements", run: returnMany},
		{name: "a chunk's rows are filled when it is committed", run: returnChunks},
		{name: "keys of two columns", run: returnPairs},
		{name: "only the rows of the call are locked", run: returnLocks},
		{name: "what a trigger makes of a row is returned", run: returnTriggered},
		{name: "a row that a trigger moves away is an error", run: returnMoved, only: "postgres"},
		{name: "a policy hides a row", run: returnHidden, only: "postgres"},
		{name: "a key that the column stores in another form", run: returnForms},
		{name: "IndexWhere: the row that was written", run: returnPartial},
		{name: "a handle that may be a pool is refused", run: returnRefused},
		{name: "Put refuses what is for batches by name", run: putRefuses},
		{name: "Put accepts the other options", run: putAccepts},
		{name: "EachReturned of another type is refused", run: returnOtherType},
	}
	for name, way := range returningWays() {
		list = append(list, behaviour{name: "every column is returned by " + name, run: func(p *place) { returnColumns(p, way) }})
	}
	return list
}

// returningWay writes rows and returns them as the call has returned them.
type returningWay func(p *place, tab *upsert.Table[parcel], db upsert.DB, rows []parcel) ([]parcel, error)

func returningWays() map[string]returningWay {
	return map[string]returningWay{
		"Put": func(p *place, tab *upsert.Table[parcel], db upsert.DB, rows []parcel) ([]parcel, error) {
			for i := range rows {
				if _, err := tab.Put(p.ctx, db, &rows[i], upsert.Returning()); err != nil {
					return nil, err
				}
			}
			return rows, nil
		},
		"Prepared.Put": func(p *place, tab *upsert.Table[parcel], db upsert.DB, rows []parcel) ([]parcel, error) {
			prepared, err := tab.Prepare(p.ctx, db)
			for i := range rows {
				if err == nil {
					_, err = prepared.Put(p.ctx, &rows[i], upsert.Returning())
				}
			}
			if err == nil {
				err = prepared.Close()
			}
			return rows, err
		},
		"PutAll": func(p *place, tab *upsert.Table[parcel], db upsert.DB, rows []parcel) ([]parcel, error) {
			_, err := tab.PutAll(p.ctx, db, rows, upsert.Returning())
			return rows, err
		},
		"PutAll with Outcomes": func(p *place, tab *upsert.Table[parcel], db upsert.DB, rows []parcel) ([]parcel, error) {
			_, err := tab.PutAll(p.ctx, db, rows, upsert.Returning(), upsert.Outcomes())
			return rows, err
		},
		"PutAll InOrder": func(p *place, tab *upsert.Table[parcel], db upsert.DB, rows []parcel) ([]parcel, error) {
			_, err := tab.PutAll(p.ctx, db, rows, inOrder(upsert.Returning())...)
			return rows, err
		},
		"PutSeq": func(p *place, tab *upsert.Table[parcel], db upsert.DB, rows []parcel) ([]parcel, error) {
			got := slices.Clone(rows)
			_, err := tab.PutSeq(p.ctx, db, sequence(rows...), upsert.EachReturned(func(i int, stored parcel) {
				stored.Local = got[i].Local
				got[i] = stored
			}))
			return got, err
		},
	}
}

func returnColumns(p *place, way returningWay) {
	createParcels(p)
	rows := func(version int64, note string) []parcel {
		return []parcel{
			{Code: "b", Version: version, Note: note, First: note, Seen: ptr(note), Local: "mine"}, {Code: "a", Version: version, First: note, Made: long, No: -1}, {Code: "c", Version: 2, Note: note},
		}
	}
	for name, h := range map[string]func() (upsert.DB, func(bool)){
		"pool": func() (upsert.DB, func(bool)) { return p.db, func(bool) {} },
		"connection": func() (upsert.DB, func(bool)) {
			conn, err := p.db.DB.Conn(p.ctx)
			return conn, givenBack(p, conn, err)
		},
		"transaction": func() (upsert.DB, func(bool)) {
			tx, err := p.db.BeginTxx(p.ctx, nil)
			return tx, ended(p, tx, err)
		},
	} {
		tab := table[parcel](p, "parcels")
		if name == "transaction" {
			tab = tableInTx[parcel](p, "parcels")
		}
		p.exec("DELETE FROM parcels")
		for n, sent := range [][]parcel{rows(2, "first"), rows(2, "first"), rows(3, "second"), rows(1, "late")} {
			db, end := h()
			got, err := way(p, tab, db, slices.Clone(sent))
			if err != nil {
				p.Fatalf("%s, call %d: %v", name, n, err)
			}
			end(true)
			for i, row := range got {
				want := get[parcel](p, "SELECT * FROM parcels WHERE code = ?", sent[i].Code)
				want.Local = sent[i].Local
				wantSame(p, fmt.Sprintf("%s, call %d, row %d", name, n, i), row, want)
			}
		}
		wantSame(p, name, get[parcel](p, "SELECT * FROM parcels WHERE code = 'b'").First, "first")
	}
}

func returnTwins(p *place) {
	createParcels(p)
	tab := table[parcel](p, "parcels")
	for _, opts := range [][]upsert.PutOption{{upsert.Returning()}, {upsert.Returning(), upsert.Outcomes()}, inOrder(upsert.Returning())} {
		p.exec("DELETE FROM parcels")
		rows := []parcel{{Code: "z", Version: 1, Note: "1"}, {Code: "a", Version: 1, Note: "1"}, {Code: "z", Version: 2, Note: "2", Seen: ptr("seen")}, {Code: "m", Version: 1}, {Code: "z", Version: 1, Note: "late"}}
		codes := []string{"z", "a", "z", "m", "z"}
		if _, err := tab.PutAll(p.ctx, p.db, rows, opts...); err != nil {
			p.Fatal(err)
		}
		for i, row := range rows {
			wantSame(p, fmt.Sprint("row ", i), row, get[parcel](p, "SELECT * FROM parcels WHERE code = ?", codes[i]))
		}
		if rows[0].Note != "2" || rows[0].Seen == nil || rows[0].Seen == rows[2].Seen {
			p.Errorf("the first and the third row are %s and %s, want the last state in memory of their own", show(rows[0]), show(rows[2]))
		}
	}
}

func returnNothing(p *place) {
	p.create("t", "id {int} NOT NULL PRIMARY KEY, n {int} NOT NULL, made {time} NOT NULL")
	p.exec("CREATE UNIQUE INDEX t_n ON t (n)")
	type row struct {
		ID   int64     `db:"id" upsert:"key"`
		N    int64     `db:"n"`
		Made time.Time `db:"made" upsert:"keep,now"`
	}
	tab := table[row](p, "t")
	p.exec("INSERT INTO t (id, n, made) VALUES (1, 5, '2001-01-01 00:00:00')")
	sent := []row{{ID: 2, N: 1}, {ID: 1, N: 4}, {ID: 3, N: 1}}
	rows := slices.Clone(sent)
	if _, err := tab.PutAll(p.ctx, p.db, rows, upsert.Returning()); err == nil {
		p.Error("PutAll of two rows with one unique value: no error")
	}
	wantSame(p, "the rows of a PutAll that failed", rows, sent)
	one := row{ID: 9, N: 5}
	if _, err := tab.Put(p.ctx, p.db, &one, upsert.Returning()); err == nil {
		p.Error("Put of a row with a unique value of another row: no error")
	}
	wantSame(p, "the row of a Put that failed", one, row{ID: 9, N: 5})
	_, err := tab.PutSeq(p.ctx, p.db, sequence(sent...), upsert.EachReturned(func(i int, stored row) {
		p.Errorf("EachReturned was called for row %d, %v, of a call that failed", i, stored)
	}))
	if err == nil {
		p.Error("PutSeq of two rows with one unique value: no error")
	}
	p.wantCount("t", 1)
}

func returnMisfit(p *place) {
	type row struct {
		ID int64 `db:"id" upsert:"key"`
		V  int64 `db:"v"`
		No int64 `db:"no" upsert:"generated"` // a field that cannot hold NULL
	}
	p.create("t", "id {int} NOT NULL PRIMARY KEY, v {int}, no {int}")
	tab := table[row](p, "t")
	rows := []row{{2, 1, 7}, {1, 1, 7}}
	_, err := tab.PutAll(p.ctx, p.db, rows, upsert.Returning())
	wantWords(p, "PutAll", err, "the row was rolled back", `"no"`)
	wantRowError(p, err, "t", "", 1)
	wantSame(p, "the rows", rows, []row{{2, 1, 7}, {1, 1, 7}})
	_, err = tab.Put(p.ctx, p.db, &rows[0], upsert.Returning())
	wantWords(p, "Put", err, "the row was rolled back", `"no"`)
	wantSame(p, "the row", rows[0], row{2, 1, 7})
	p.wantCount("t", 0)
}

func returnMaps(p *place) {
	p.create("t", "id {int} NOT NULL PRIMARY KEY, v {int}, first_v {int}, other {int} DEFAULT 7")
	tab := table[map[string]any](p, "t", upsert.Column("id", upsert.Key), upsert.Column("v", upsert.Max), upsert.Column("first_v", upsert.Keep))
	shared := map[string]any{"id": 2, "v": 1, "first_v": 1}
	rows := []map[string]any{{"id": 1, "v": 5, "first_v": 5}, shared}
	for _, v := range []int{5, 3, 5} {
		rows[0]["v"], rows[0]["first_v"] = v, v
		if _, err := tab.PutAll(p.ctx, p.db, rows, upsert.Returning()); err != nil {
			p.Fatal(err)
		}
		wantSame(p, "the first map", fmt.Sprint(rows[0]), "map[first_v:5 id:1 v:5]")
		one := map[string]any{"id": 1, "v": v, "first_v": v}
		if _, err := tab.Put(p.ctx, p.db, &one, upsert.Returning()); err != nil {
			p.Fatal(err)
		}
		wantSame(p, "the map of Put", fmt.Sprint(one), "map[first_v:5 id:1 v:5]")
	}
	wantSame(p, "the caller's own map", shared["v"], any(int64(1)))
	_, err := tab.PutSeq(p.ctx, p.db, sequence(rows...), upsert.EachReturned(func(i int, stored map[string]any) {
		wantSame(p, "a map of EachReturned", stored, map[string]any{"id": int64(i + 1), "v": []any{int64(5), int64(1)}[i], "first_v": []any{int64(5), int64(1)}[i]})
	}))
	if err != nil {
		p.Fatal(err)
	}
}

// counted counts the statements of a transaction.
type counted struct {
	*sql.Tx
	reads int
}

func (c *counted) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if strings.HasPrefix(query, "SELECT") || strings.HasPrefix(query, "WITH") {
		c.reads++
	}
	return c.Tx.QueryContext(ctx, query, args...)
}

// PrepareContext is refused, so that no statement escapes the count.
func (c *counted) PrepareContext() {}

func returnMany(p *place) {
	const n = 10000
	createParcels(p)
	tab := tableInTx[parcel](p, "parcels")
	rows := make([]parcel, n)
	for i := range rows {
		rows[i] = parcel{Code: fmt.Sprint((i * 7) % n), Version: 1, Note: fmt.Sprint("note ", i)}
	}
	tx := &counted{Tx: p.begin(nil).Tx}
	if _, err := tab.PutAll(p.ctx, tx, rows, upsert.Returning()); err != nil {
		p.Fatal(err)
	}
	if most := 48; tx.reads > most {
		p.Errorf("%d rows were read with %d statements, want at most %d", n, tx.reads, most)
	}
	if err := tx.Commit(); err != nil {
		p.Fatal(err)
	}
	stored := map[string]parcel{}
	for _, row := range list[parcel](p, "SELECT * FROM parcels") {
		stored[row.Code] = row
	}
	for i, row := range rows {
		if want := stored[fmt.Sprint((i*7)%n)]; row.No == 0 || row.Note != fmt.Sprint("note ", i) || !same(row, want) {
			p.Fatalf("row %d is %s, want %s", i, show(row), show(want))
		}
	}
}

func returnChunks(p *place) {
	p.createChecked()
	type row struct {
		ID int64  `db:"id" upsert:"key"`
		N  int64  `db:"n" upsert:"max"`
		L  string `db:"-"`
	}
	p.exec("INSERT INTO t (id, n) VALUES (0, 9), (4, 9), (7, 9)")
	tab := table[row](p, "t")
	rows := []row{{0, 1, "a"}, {1, 1, "a"}, {4, 1, "a"}, {5, 1, "a"}, {7, 1, "a"}, {8, -1, "a"}}
	_, err := tab.PutAll(p.ctx, p.db, rows, upsert.ChunkTx(2), upsert.Returning())
	wantPartial(p, err, 4, upsert.Result{Unknown: 4})
	wantSame(p, "the rows", rows, []row{{0, 9, "a"}, {1, 1, "a"}, {4, 9, "a"}, {5, 1, "a"}, {7, 1, "a"}, {8, -1, "a"}})
	var told []int64
	_, err = tab.PutSeq(p.ctx, p.db, sequence(rows...), upsert.ChunkTx(2), upsert.EachReturned(func(i int, stored row) { told = append(told, int64(i), stored.N) }))
	wantPartial(p, err, 4, upsert.Result{Unknown: 4})
	wantSame(p, "what EachReturned was told", told, []int64{0, 9, 1, 1, 2, 9, 3, 1})
}

func returnPairs(p *place) {
	p.create("t", "tenant {exact} NOT NULL, number {int} NOT NULL, v {int}, w {int} DEFAULT 4, PRIMARY KEY (tenant, number)")
	type row struct {
		Tenant string `db:"tenant" upsert:"key"`
		Number int64  `db:"number" upsert:"key"`
		V      int64  `db:"v" upsert:"keep"`
		W      int64  `db:"w" upsert:"omitzero,keep"`
	}
	tab := table[row](p, "t")
	var rows, want []row
	for i := range int64(1300) {
		tenant := fmt.Sprint("tenant ", i%3)
		rows, want = append(rows, row{Tenant: tenant, Number: i / 3, V: i}), append(want, row{tenant, i / 3, i, 4})
	}
	for range 2 {
		if _, err := tab.PutAll(p.ctx, p.db, rows, upsert.Returning()); err != nil {
			p.Fatal(err)
		}
		for i, got := range rows {
			if got != want[i] {
				p.Fatalf("row %d is %v, want %v", i, got, want[i])
			}
			rows[i].V, rows[i].W = -1, 0 // the second time, the stored values are kept
		}
	}
}

// returnLocks writes other rows of a small table in two transactions at once: neither may wait for the other.
func returnLocks(p *place) {
	if p.sqlite() {
		return // one transaction writes at a time
	}
	p.create("t", "id {int} NOT NULL PRIMARY KEY, name {text}")
	tab := tableInTx[account](p, "t")
	p.exec("INSERT INTO t (id, name) VALUES (1, 'a'), (2, 'a'), (3, 'a'), (4, 'a'), (5, 'a'), (6, 'a')")
	ctx, cancel := context.WithTimeout(p.ctx, 20*time.Second)
	defer cancel()
	first, second := p.begin(nil), p.begin(nil)
	for n, tx := range []upsert.DB{first, second} {
		rows := []account{{int64(1 + 3*n), "b"}, {int64(2 + 3*n), "a"}, {int64(3 + 3*n), "b"}}
		if _, err := tab.PutAll(ctx, tx, rows, upsert.Returning()); err != nil {
			p.Fatalf("transaction %d: %v", n, err)
		}
	}
	if err := first.Commit(); err != nil {
		p.Fatal(err)
	}
	if err := second.Commit(); err != nil {
		p.Fatal(err)
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

func returnRefused(p *place) {
	p.create("t", accountColumns)
	tab := tableInTx[account](p, "t")
	sent := &recorder{DB: p.db}
	rows := []account{{1, "a"}, {2, "a"}}
	_, err := tab.Put(p.ctx, sent, &rows[0], upsert.Returning())
	wantWords(p, "Put", err, "Returning", "BeginTx", "*sql.Tx")
	_, err = tab.PutAll(p.ctx, sent, rows, upsert.Returning())
	wantWords(p, "PutAll", err, "Returning", "BeginTx")
	_, err = tab.PutSeq(p.ctx, sent, sequence(rows...), upsert.EachReturned(func(int, account) {}))
	wantWords(p, "PutSeq", err, "BeginTx")
	sent.wantNothing(p)
	_, err = tab.PutSeq(p.ctx, p.db, sequence(rows...), upsert.Returning())
	wantWords(p, "PutSeq", err, "Returning", "EachReturned")
	p.wantCount("t", 0)
}

func putRefuses(p *place) {
	p.create("t", accountColumns)
	tab := table[account](p, "t")
	prepared := prepare(p, tab, p.db)
	for name, o := range map[string]upsert.PutOption{
		"ChunkTx": upsert.ChunkTx(5), "RefuseDuplicates": upsert.RefuseDuplicates(), "Progress": upsert.Progress(func(int64) {}), "EachReturned": upsert.EachReturned(func(int, account) {}),
	} {
		_, err := tab.Put(p.ctx, p.db, &account{1, "a"}, upsert.Outcomes(), o)
		wantWords(p, "Put", err, name+" is for Put")
		_, err = prepared.Put(p.ctx, &account{1, "a"}, o)
		wantWords(p, "Prepared.Put", err, name+" is for Put")
	}
	if _, err := tab.Put(p.ctx, p.db, &account{1, "a"}, nil); err == nil {
		p.Error("Put with an option that is nil: no error")
	}
	p.wantCount("t", 0)
}

func putAccepts(p *place) {
	p.create("t", accountColumns)
	tab := table[account](p, "t")
	var told []upsert.Outcome
	each := upsert.EachOutcome(func(i int, o upsert.Outcome) {
		if i != 0 {
			p.Errorf("EachOutcome was called for row %d, want 0", i)
		}
		told = append(told, o)
	})
	prepared := prepare(p, tab, p.db)
	for n, opts := range [][]upsert.PutOption{{each, upsert.Outcomes()}, {upsert.InOrder(), each}, {upsert.Via(upsert.Arrays), each, upsert.Returning()}} {
		o, err := tab.Put(p.ctx, p.db, &account{int64(n), "a"}, opts...)
		if err != nil || o != inserted {
			p.Errorf("Put = %v, %v; want Inserted", o, err)
		}
		if o, err := prepared.Put(p.ctx, &account{int64(n), "b"}, opts...); err != nil || o != updated {
			p.Errorf("Prepared.Put = %v, %v; want Updated", o, err)
		}
	}
	wantSame(p, "what EachOutcome was told", told, []upsert.Outcome{inserted, updated, inserted, updated, inserted, updated})
}

func returnOtherType(p *place) {
	p.create("t", accountColumns)
	tab := table[account](p, "t")
	other := upsert.EachReturned(func(int, *account) {})
	for name, call := range map[string]func() error{
		"PutAll": func() error { _, err := tab.PutAll(p.ctx, p.db, []account{{1, "a"}}, other); return err },
		"PutSeq": func() error { _, err := tab.PutSeq(p.ctx, p.db, sequence(account{1, "a"}), other); return err },
	} {
		wantWords(p, name, call(), "EachReturned", "*conformance.account", "give it a func(row int, stored conformance.account)")
	}
	_, err := tab.PutAll(p.ctx, p.db, []account{{1, "a"}}, upsert.EachReturned[account](nil))
	wantWords(p, "PutAll", err, "EachReturned", "nil")
	p.wantCount("t", 0)
	var got []account
	_, err = tab.PutAll(p.ctx, p.db, []account{{2, "b"}, {1, "a"}}, upsert.EachReturned(func(_ int, stored account) { got = append(got, stored) }))
	if err != nil || !reflect.DeepEqual(got, []account{{2, "b"}, {1, "a"}}) {
		p.Errorf("EachReturned of PutAll was given %v, %v; want the rows in their order", got, err)
	}
}
