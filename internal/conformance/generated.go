package conformance

import (
	"strings"
	"time"

	"github.com/goupsert/upsert"
)

// customer has columns whose values come from the database: a number, a value computed from another column, and a DEFAULT.
type customer struct {
	ID      int64     `db:"id" upsert:"generated"`
	Email   string    `db:"email" upsert:"key"`
	Version int64     `db:"version" upsert:"version"`
	N       int64     `db:"n"`
	Twice   int64     `db:"twice" upsert:"generated"`
	Made    time.Time `db:"made" upsert:"generated"`
}

func createCustomers(p *place) {
	p.create("customers", "id {serial}, email {exact} NOT NULL UNIQUE, version {int} NOT NULL, n {int} NOT NULL, twice {int} GENERATED ALWAYS AS (n * 2) STORED, made {time} NOT NULL DEFAULT "+
		p.pick("'2026-01-02 03:04:05+00:00'", "'2026-01-02 03:04:05+00'", "'2026-01-02 03:04:05'"))
}

func generatedBehaviours() []behaviour {
	return []behaviour{
		{name: "columns are read back whatever the outcome", run: readBack},
		{name: "columns are read back in a transaction", run: readBackInTx},
		{name: "columns are not written by a batch", run: generatedBatch},
		{name: "a column that cannot be read back", run: readBackFails},
	}
}

func readBack(p *place) {
	createCustomers(p)
	tab := table[customer](p, "customers")
	made := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	other := customer{Email: "other", Version: 1, N: 1}
	put(p, tab, &other, inserted)
	first := customer{Email: "a", Version: 2, N: 5}
	put(p, tab, &first, inserted)
	if first.ID == 0 || first.ID == other.ID {
		p.Errorf("the id of an inserted row is read back as %d, want a generated id", first.ID)
	}
	wantSame(p, "an inserted row", first, customer{first.ID, "a", 2, 5, 10, made})

	again := customer{ID: -1, Email: "a", Version: 2, N: 5}
	put(p, tab, &again, unchanged)
	wantSame(p, "an unchanged row", again, customer{first.ID, "a", 2, 5, 10, made})

	newer := customer{Email: "a", Version: 3, N: 6}
	put(p, tab, &newer, updated)
	wantSame(p, "an updated row", newer, customer{first.ID, "a", 3, 6, 12, made})

	late := customer{Email: "a", Version: 1, N: 100}
	put(p, tab, &late, stale)
	wantSame(p, "a stale row", late, customer{first.ID, "a", 1, 100, 12, made})
}

func readBackInTx(p *place) {
	createCustomers(p)
	tab := table[customer](p, "customers")
	tx := p.begin(nil)
	row := customer{Email: "a", Version: 1, N: 5}
	for range 2 { // the first outcome is inserted, the second unchanged
		if _, err := tab.Put(p.ctx, tx, &row); err != nil {
			p.Fatal(err)
		}
		if row.ID == 0 || row.Twice != 10 {
			p.Errorf("read back in a transaction: %s, want an id and twice = 10", show(row))
		}
	}
	if err := tx.Commit(); err != nil {
		p.Fatal(err)
	}
	wantSame(p, "the id", get[int64](p, "SELECT id FROM customers"), row.ID)
}

func generatedBatch(p *place) {
	createCustomers(p)
	tab := table[customer](p, "customers")
	rows := []customer{{Email: "b", Version: 1, N: 1, ID: 77, Twice: 77}, {Email: "a", Version: 1, N: 2, ID: 77, Twice: 77}}
	putAll(p, tab, rows, inserted, inserted)
	wantSame(p, "a row of the batch afterwards", rows[0].Twice, int64(77))
	rows[1].Version, rows[1].N = 2, 3
	putAll(p, tab, rows, unchanged, updated)
	wantRows(p, "SELECT twice FROM customers ORDER BY email", int64(6), int64(2))
}

// readBackFails checks the error of a failed read-back. If the row is stored, the error must say so.
func readBackFails(p *place) {
	type row struct {
		ID int64 `db:"id" upsert:"key"`
		V  int64 `db:"v"`
		No int64 `db:"no" upsert:"generated"` // a field that cannot hold NULL
	}
	p.create("t", "id {int} NOT NULL PRIMARY KEY, v {int}, no {int}")
	tab := table[row](p, "t")
	want := func(what string, db upsert.DB, row row, err error) {
		p.Helper()
		said := err != nil && strings.Contains(err.Error(), "the row is there")
		n := 0
		if scanning := p.get(db, "SELECT count(*) FROM t WHERE id = ? AND v = ?", row.ID, row.V).Scan(&n); scanning != nil {
			p.Fatal(scanning)
		}
		if err == nil || said != (n == 1) {
			p.Errorf("%s of %+v: error %v, and %d such rows; want an error that says so if the row is stored", what, row, err, n)
		}
	}
	for v := range int64(3) { // first inserted, later updated or changed back
		r := row{1, v, 0}
		for range 2 { // the second time unchanged
			_, err := tab.Put(p.ctx, p.db, &r)
			want("Put", p.db, r, err)
		}
	}
	prepared, err := tab.Prepare(p.ctx, p.db)
	if err != nil {
		p.Fatal(err)
	}
	_, err = prepared.Put(p.ctx, &row{2, 1, 0})
	want("Prepared.Put", p.db, row{2, 1, 0}, err)
	for range 2 {
		r := row{3, 1, 0}
		_, err := tab.GetOrCreate(p.ctx, p.db, &r)
		want("GetOrCreate", p.db, r, err)
	}
	if err := prepared.Close(); err != nil {
		p.Fatal(err)
	}
	tx, r := p.begin(nil), row{4, 1, 0}
	_, err = tab.Put(p.ctx, tx, &r)
	want("Put in a transaction", tx, r, err)
}
