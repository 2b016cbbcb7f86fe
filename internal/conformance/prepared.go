package conformance

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/goupsert/upsert"
)

func preparedBehaviours() []behaviour {
	var bs []behaviour
	for _, h := range handles() {
		bs = append(bs, behaviour{name: "on a " + h.name, run: func(p *place) { preparedOn(p, h) }})
	}
	return append(bs,
		behaviour{name: "generated columns are read back", run: preparedGenerated},
		behaviour{name: "omitted columns", run: preparedOmits},
		behaviour{name: "merge patches", run: preparedMerges},
		behaviour{name: "rows of maps", run: preparedMaps},
		behaviour{name: "errors of a row", run: preparedErrors},
		behaviour{name: "add in a claim", run: preparedAdds},
		behaviour{name: "add is refused without a claim, before anything is sent", run: preparedUnguarded},
		behaviour{name: "a table that is not there", run: preparedNoTable},
		behaviour{name: "a handle that prepares nothing is refused", run: preparedNoHandle},
		behaviour{name: "are closed once and for all", run: preparedClosed},
		behaviour{name: "closed while they are used", run: preparedClosing},
		behaviour{name: "used by many at once", run: preparedCrowd},
		behaviour{name: "a context that ends", run: preparedContext},
		behaviour{name: "a column is added", run: preparedAddColumn},
		behaviour{name: "the table is made anew", run: preparedNewTable},
	)
}

// prepare calls Prepare. The end of the test closes the prepared statements.
func prepare[T any](p *place, tab *upsert.Table[T], db upsert.DB) *upsert.Prepared[T] {
	p.Helper()
	prepared, err := tab.Prepare(p.ctx, db)
	if err != nil {
		p.Fatalf("Prepare on a %T: %v", db, err)
	}
	p.Cleanup(func() { _ = prepared.Close() })
	return prepared
}

// wantPut puts a row with prepared statements and expects the outcome.
func wantPut[T any](p *place, prepared *upsert.Prepared[T], row T, want upsert.Outcome) T {
	p.Helper()
	if got, err := prepared.Put(p.ctx, &row); err != nil || got != want {
		p.Errorf("Put(%s) = %v, %v; want %v", show(row), got, err, want)
	}
	return row
}

func preparedOn(p *place, h handle) {
	p.create("t", readingColumns)
	tab := table[reading](p, "t")
	db, end := h.open(p)
	prepared := prepare(p, tab, db)
	for id := range int64(3) {
		wantPut(p, prepared, reading{id, 2, "a"}, inserted)
		wantPut(p, prepared, reading{id, 3, "b"}, updated)
		wantPut(p, prepared, reading{id, 3, "b"}, unchanged)
		wantPut(p, prepared, reading{id, 2, "a"}, stale)
	}
	if err := prepared.Close(); err != nil {
		p.Errorf("Close: %v", err)
	}
	if o, err := tab.Put(p.ctx, db, &reading{0, 4, "c"}); err != nil || o != updated {
		p.Errorf("Put on the handle after Close = %v, %v; want updated", o, err)
	}
	end(true)
	wantRows(p, "SELECT * FROM t ORDER BY id", reading{0, 4, "c"}, reading{1, 3, "b"}, reading{2, 3, "b"})
}

func preparedGenerated(p *place) {
	createCustomers(p)
	prepared := prepare(p, table[customer](p, "customers"), p.db)
	for _, c := range []struct {
		row  customer
		want upsert.Outcome
	}{
		{customer{Email: "other", Version: 1, N: 1}, inserted},
		{customer{Email: "a", Version: 2, N: 5}, inserted},
		{customer{ID: -1, Email: "a", Version: 2, N: 5}, unchanged},
		{customer{Email: "a", Version: 3, N: 6}, updated},
		{customer{Email: "a", Version: 1, N: 100}, stale},
	} {
		back := wantPut(p, prepared, c.row, c.want)
		stored := get[customer](p, "SELECT * FROM customers WHERE email = ?", c.row.Email)
		stored.Version, stored.N = c.row.Version, c.row.N // version and n stay as the caller sent them
		wantSame(p, "the row read back", back, stored)
	}
	p.wantCount("customers", 2)
}

func preparedOmits(p *place) {
	w := twinsOf[settings](p, "id {int} NOT NULL PRIMARY KEY, theme {text} NOT NULL DEFAULT 'light', lim {int} NOT NULL DEFAULT 10, v {text}, until {time}", p.db)
	for i := range int64(8) {
		row := settings{ID: i, V: "a"}
		if i&1 != 0 {
			row.Theme = "dark"
		}
		if i&2 != 0 {
			row.Limit = 50
		}
		if i&4 != 0 {
			row.Until = defaultUntil
		}
		_ = w.put(row, inserted)
		_ = w.put(row, unchanged)
		row.V = "b"
		_ = w.put(row, updated)
	}
	_ = w.put(settings{ID: 7, V: "b"}, unchanged)
	w.end(8)
}

func preparedMerges(p *place) {
	p.createMerged()
	prepared := prepare(p, table[merged](p, "docs"), p.db)
	for i, c := range patchCases() {
		id := int64(i)
		p.exec("INSERT INTO docs (id, doc) VALUES (?, ?)", id, c.target)
		want := updated
		if sameJSON(c.target, c.want) {
			want = unchanged
		}
		wantPut(p, prepared, merged{id, []byte(c.patch)}, want)
		wantPut(p, prepared, merged{id, []byte(c.patch)}, unchanged)
		wantJSON(p, c.patch+" merged into "+c.target, get[[]byte](p, "SELECT doc FROM docs WHERE id = ?", id), c.want)
	}
	wantPut(p, prepared, merged{100, []byte(`{"a":null,"b":1}`)}, inserted)
	wantPut(p, prepared, merged{100, nil}, unchanged)
	wantJSON(p, "an inserted patch", get[[]byte](p, "SELECT doc FROM docs WHERE id = 100"), `{"b":1}`)
}

func preparedMaps(p *place) {
	w := twinsOf[map[string]any](p, "id {int} NOT NULL PRIMARY KEY, name {text}, twice {int} GENERATED ALWAYS AS (id * 2) STORED", p.db,
		upsert.Column("id", upsert.Key), upsert.Column("name", upsert.Coalesce), upsert.Column("twice", upsert.Generated))
	_ = w.put(map[string]any{"id": 1, "name": "a"}, inserted)
	_ = w.put(map[string]any{"id": int64(1), "name": nil}, unchanged)
	_ = w.put(map[string]any{"id": 1, "name": "b", "twice": "it is"}, updated)
	_ = w.put(map[string]any{"id": 2, "name": nil}, inserted)
	_ = w.put(map[string]any{"id": 3}, upsert.Unknown)
	wantIs(p, "a NULL key", w.put(map[string]any{"id": nil, "name": "a"}, upsert.Unknown), upsert.ErrNullKey)
	w.end(2)
	row := map[string]any{"id": 2, "name": "c"}
	wantSame(p, "what is read back", wantPut(p, w.prepared, row, updated)["twice"], any(int64(4)))
}

// preparedErrors checks that a failed row does not affect later rows.
func preparedErrors(p *place) {
	type row struct {
		ID    int64   `db:"id" upsert:"key"`
		Email string  `db:"email"`
		Name  *string `db:"name"`
	}
	w := twinsOf[row](p, "id {int} NOT NULL PRIMARY KEY, email {exact} NOT NULL UNIQUE, name {text} NOT NULL", p.db)
	name := ptr("x")
	_ = w.put(row{1, "a", name}, inserted)
	wantOtherKey(p, "another unique key", w.put(row{2, "a", name}, upsert.Unknown))
	if err := w.put(row{3, "c", nil}, upsert.Unknown); err == nil || !strings.Contains(err.Error(), "table prepared") {
		p.Errorf("NULL in a column that refuses it: %v; want an error of the table", err)
	}
	_ = w.put(row{1, "a", ptr("y")}, updated)
	w.end(1)
	_, err := w.prepared.Put(p.ctx, nil)
	wantRowError(p, err, "prepared", "", -1)
}

func preparedAdds(p *place) {
	p.create("t", "id {int} NOT NULL PRIMARY KEY, n {int}")
	tab := table[counter](p, "t")
	tx := p.begin(nil)
	held := &claim{DB: tx}
	prepared := prepare(p, tab, held)
	wantPut(p, prepared, counter{1, ptr(int64(2))}, inserted)
	wantPut(p, prepared, counter{1, ptr(int64(3))}, updated)
	wantPut(p, prepared, counter{1, ptr(int64(0))}, unchanged)
	wantPut(p, prepared, counter{1, nil}, unchanged)
	held.err = errors.New("the claim has ended")
	_, err := prepared.Put(p.ctx, &counter{1, ptr(int64(100))})
	wantIs(p, "Put after the claim", err, upsert.ErrUnguarded)
	wantIs(p, "Put after the claim", err, held.err)
	if err := tx.Commit(); err != nil {
		p.Fatal(err)
	}
	wantRows(p, "SELECT * FROM t", counter{1, ptr(int64(5))})
}

func preparedUnguarded(p *place) {
	tab := table[counter](p, "nowhere")
	tx := p.begin(nil)
	sent := &recorder{DB: tx}
	for _, db := range []upsert.DB{p.db, tx, sent, &claim{DB: sent, err: errors.New("the claim has ended")}} {
		_, err := tab.Prepare(p.ctx, db)
		wantIs(p, "Prepare", err, upsert.ErrUnguarded)
		wantRowError(p, err, "nowhere", "", -1)
	}
	sent.wantNothing(p)
}

// preparedNoTable checks a missing table. The database decides whether Prepare or the first Put reports the error.
func preparedNoTable(p *place) {
	prepared, err := table[account](p, "nowhere").Prepare(p.ctx, p.db)
	if err == nil {
		_, err = prepared.Put(p.ctx, &account{1, "a"})
		_ = prepared.Close()
	}
	if err == nil || !strings.HasPrefix(err.Error(), "upsert: table nowhere: ") {
		p.Errorf("error %v, want an error that begins with the table", err)
	}
}

func preparedNoHandle(p *place) {
	sent := &recorder{DB: p.begin(nil)}
	_, err := table[account](p, "t").Prepare(p.ctx, sent)
	wantRowError(p, err, "t", "", -1)
	if err == nil || !strings.Contains(err.Error(), "PrepareContext") {
		p.Errorf("Prepare on a handle of two methods: %v; want an error that names the missing method", err)
	}
	sent.wantNothing(p)
}

func preparedClosed(p *place) {
	p.create("t", accountColumns)
	prepared := prepare(p, table[account](p, "t"), p.db)
	wantPut(p, prepared, account{1, "a"}, inserted)
	for range 2 {
		if err := prepared.Close(); err != nil {
			p.Errorf("Close: %v", err)
		}
		_, err := prepared.Put(p.ctx, &account{2, "b"})
		wantRowError(p, err, "t", "", -1)
		if err == nil || !strings.Contains(err.Error(), "closed") {
			p.Errorf("Put after Close: %v; want an error that says the statements are closed", err)
		}
	}
	p.wantCount("t", 1)
}

// preparedClosing calls Put while another goroutine calls Close. A successful Put must have written its row, and a failed Put
// must not.
func preparedClosing(p *place) {
	p.create("t", accountColumns)
	p.db.SetMaxOpenConns(4)
	prepared := prepare(p, table[account](p, "t"), p.db)
	var all sync.WaitGroup
	var written atomic.Int64
	begun := make(chan struct{}, 8)
	for client := range int64(8) {
		all.Go(func() {
			for i := int64(0); ; i++ {
				o, err := prepared.Put(p.ctx, &account{client*1_000_000 + i, "a"})
				if err != nil {
					if !strings.Contains(err.Error(), "closed") {
						p.Errorf("Put during Close: %v; want an error that says the statements are closed", err)
					}
					return
				}
				if o != inserted {
					p.Errorf("Put = %v, want inserted", o)
				}
				if written.Add(1); i == 0 {
					begun <- struct{}{}
				}
			}
		})
	}
	for range cap(begun) {
		<-begun
	}
	if err := prepared.Close(); err != nil {
		p.Errorf("Close: %v", err)
	}
	all.Wait()
	p.wantCount("t", int(written.Load()))
}

// preparedCrowd runs many goroutines. Each goroutine puts a row of its own and the one row that all share.
func preparedCrowd(p *place) {
	p.create("t", readingColumns)
	p.db.SetMaxOpenConns(8)
	prepared := prepare(p, table[reading](p, "t"), p.db)
	const clients = 64
	var all sync.WaitGroup
	var created atomic.Int64
	for id := range int64(clients) {
		all.Go(func() {
			o, err := prepared.Put(p.ctx, &reading{-1, 1, "all"})
			if err != nil || o != inserted && o != unchanged {
				p.Errorf("Put of the shared row = %v, %v", o, err)
			}
			if o == inserted {
				created.Add(1)
			}
			wantPut(p, prepared, reading{id, 1, "a"}, inserted)
			wantPut(p, prepared, reading{id, 2, "b"}, updated)
			wantPut(p, prepared, reading{id, 1, "a"}, stale)
		})
	}
	all.Wait()
	wantSame(p, "how often the row that all have was inserted", created.Load(), 1)
	wantSame(p, "rows", get[int](p, "SELECT count(*) FROM t WHERE id >= 0 AND v = 'b'"), clients)
	p.wantCount("t", clients+1)
}

func preparedContext(p *place) {
	p.create("t", accountColumns)
	tab := table[account](p, "t")
	ended, cancel := context.WithCancel(p.ctx)
	cancel()
	_, err := tab.Prepare(ended, p.db)
	wantIs(p, "Prepare", err, context.Canceled)
	prepared := prepare(p, tab, p.db)
	for _, want := range []upsert.Outcome{inserted, updated} {
		_, err := prepared.Put(ended, &account{1, "no"})
		wantIs(p, "Put", err, context.Canceled)
		wantRowError(p, err, "t", "", -1)
		wantPut(p, prepared, account{1, want.String()}, want)
	}
	wantRows(p, "SELECT * FROM t", account{1, "updated"})
}

func preparedAddColumn(p *place) {
	p.create("t", accountColumns)
	prepared := prepare(p, table[account](p, "t"), p.db)
	wantPut(p, prepared, account{1, "a"}, inserted)
	p.exec("ALTER TABLE t ADD extra " + p.types("{int}") + " DEFAULT 7")
	wantPut(p, prepared, account{1, "b"}, updated)
	wantPut(p, prepared, account{1, "b"}, unchanged)
	wantPut(p, prepared, account{2, "b"}, inserted)
	wantSame(p, "the column's sum", get[int](p, "SELECT sum(extra) FROM t"), 14)
}

// preparedNewTable replaces the table while statements are prepared. The column that is read back has another type in the new
// table.
func preparedNewTable(p *place) {
	type row struct {
		ID    int64  `db:"id" upsert:"key"`
		N     int64  `db:"n"`
		Label string `db:"label" upsert:"generated"`
	}
	create := func(label string) {
		p.create("t", "id {int} NOT NULL PRIMARY KEY, n {int}, label "+label)
	}
	create("{int} NOT NULL DEFAULT 7")
	prepared := prepare(p, table[row](p, "t"), p.db)
	wantSame(p, "a new row", wantPut(p, prepared, row{1, 1, ""}, inserted), row{1, 1, "7"})
	wantSame(p, "the same row", wantPut(p, prepared, row{1, 1, ""}, unchanged), row{1, 1, "7"})
	p.exec("DROP TABLE t")
	if _, err := prepared.Put(p.ctx, &row{1, 1, ""}); err == nil || !strings.HasPrefix(err.Error(), "upsert: table t: ") {
		p.Errorf("Put into a table that was dropped: %v; want an error of the table", err)
	}
	create(p.pick("TEXT", "text", "VARCHAR(20)") + " NOT NULL DEFAULT 'new'")
	wantSame(p, "a row of the new table", wantPut(p, prepared, row{1, 1, ""}, inserted), row{1, 1, "new"})
	wantSame(p, "the same row", wantPut(p, prepared, row{1, 2, ""}, updated), row{1, 2, "new"})
	wantSame(p, "the same row", wantPut(p, prepared, row{1, 2, ""}, unchanged), row{1, 2, "new"})
}
