package conformance

import (
	"context"
	"database/sql"
	"fmt"
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
		{name: "two rows of one key in different parts of a sequence", run: returnParts},
		{name: "keys of two columns", run: returnPairs},
		{name: "only the rows of the call are locked", run: returnLocks},
		{name: "the unique index gets another name", run: returnRenamed},
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
	if _, err := tab.PutAll(p.ctx, tx, rows, upsert.Returning(), upsert.Via(upsert.Values)); err != nil { // the count hides the driver from Copy
		p.Fatal(err)
	}
	if most := 48; tx.reads > most {
		p.Errorf("%d rows were read with %d statements, want at most %d", n, tx.reads, most)
	}
	if err := tx.Commit(); err != nil {
		p.Fatal(err)
	}
	wantStored(p, rows)
	part := rows[:2500] // enough rows to be copied
	for i := range part {
		part[i] = parcel{Code: part[i].Code, Version: int64(1 + i%2)}
	}
	if _, err := table[parcel](p, "parcels").PutAll(p.ctx, p.db, part, upsert.Returning()); err != nil {
		p.Fatal(err)
	}
	wantStored(p, part)
}

// wantStored expects rows that are the stored rows of their keys.
func wantStored(p *place, rows []parcel) {
	p.Helper()
	stored := map[string]parcel{}
	for _, row := range list[parcel](p, "SELECT * FROM parcels") {
		stored[row.Code] = row
	}
	for i, row := range rows {
		if want := stored[fmt.Sprint((i*7)%10000)]; row.No == 0 || row.Note != fmt.Sprint("note ", i) || !same(row, want) {
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
	twins := []row{{20, 1, "a"}, {21, 1, "b"}, {20, 5, "c"}, {22, 1, "d"}, {20, 3, "e"}, {23, -1, "f"}} // the last chunk fails
	_, err = tab.PutAll(p.ctx, p.db, twins, upsert.ChunkTx(2), upsert.Returning())
	wantPartial(p, err, 4, upsert.Result{Unknown: 4})
	wantSame(p, "rows of one key in different chunks, before an error", twins, []row{{20, 5, "a"}, {21, 1, "b"}, {20, 5, "c"}, {22, 1, "d"}, {20, 3, "e"}, {23, -1, "f"}})
	twins[4].N, twins[5].N = 8, 1
	if _, err := tab.PutAll(p.ctx, p.db, twins, upsert.ChunkTx(2), upsert.Returning()); err != nil {
		p.Fatal(err)
	}
	wantSame(p, "rows of one key in different chunks", twins, []row{{20, 8, "a"}, {21, 1, "b"}, {20, 8, "c"}, {22, 1, "d"}, {20, 8, "e"}, {23, 1, "f"}})
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

// returnLocks changes a row of a small table while another transaction has written and read other rows.
func returnLocks(p *place) {
	if p.sqlite() {
		return // one transaction writes at a time
	}
	createParcels(p)
	tab := tableInTx[parcel](p, "parcels")
	var rows []parcel
	for _, code := range []string{"a", "b", "c", "l", "m", "n", "x"} {
		rows = append(rows, parcel{Code: code, Version: 1})
	}
	if _, err := tab.PutAll(p.ctx, p.db, rows); err != nil {
		p.Fatal(err)
	}
	tx := p.begin(nil)
	rows[0].Version, rows[2].Version = 2, 2
	if _, err := tab.PutAll(p.ctx, tx, rows[:3], upsert.Returning()); err != nil {
		p.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(p.ctx, 20*time.Second)
	defer cancel()
	if _, err := p.db.ExecContext(ctx, "UPDATE parcels SET note = 'other' WHERE code = 'x'"); err != nil {
		p.Errorf("the update of a row that the call did not name: %v", err)
	}
	if err := tx.Commit(); err != nil {
		p.Fatal(err)
	}
}
