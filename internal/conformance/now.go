package conformance

import "time"

type order struct {
	ID      int64      `db:"id" upsert:"key"`
	State   string     `db:"state"`
	Created time.Time  `db:"created" upsert:"keep,now"`
	Changed time.Time  `db:"changed" upsert:"touch,now"`
	Seen    *time.Time `db:"seen" upsert:"fill,now"`
}

func nowBehaviours() []behaviour {
	return []behaviour{
		{name: "is the database's clock, by rule", run: clock},
		{name: "in a batch", run: clockInBatch},
		{name: "is read by GetOrCreate", run: clockRead},
	}
}

// long is a time before any clock of a test. The tests store long, so that a newly set time is visible without waiting.
var long = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)

func createOrders(p *place) {
	p.create("orders", "id {int} NOT NULL PRIMARY KEY, state {text}, created {time} NOT NULL, changed {time} NOT NULL, seen {time}")
}

func clock(p *place) {
	createOrders(p)
	tab := table[order](p, "orders")
	before := time.Now().Add(-time.Minute)
	put(p, tab, &order{ID: 1, State: "new", Created: long, Changed: long}, inserted)
	got := get[order](p, "SELECT * FROM orders")
	for name, at := range map[string]time.Time{"keep": got.Created, "touch": got.Changed, "fill": *got.Seen} {
		if at.Before(before) || at.After(before.Add(2*time.Minute)) {
			p.Errorf("%s,now stored %v, want the time of the insert, about %v", name, at, before.Add(time.Minute))
		}
	}
	put(p, tab, &order{ID: 1, State: "new"}, unchanged)
	wantRows(p, "SELECT * FROM orders", got)

	p.exec("UPDATE orders SET created = ?, changed = ?, seen = ?", long, long, long)
	put(p, tab, &order{ID: 1, State: "new"}, unchanged)
	wantRows(p, "SELECT * FROM orders", order{1, "new", long, long, &long})
	put(p, tab, &order{ID: 1, State: "paid"}, updated)
	got = get[order](p, "SELECT * FROM orders")
	if got.Changed.Before(before) {
		p.Errorf("touch,now of a changed row is %v, want the time of the change", got.Changed)
	}
	wantSame(p, "all but touch", got, order{1, "paid", long, got.Changed, &long})

	p.exec("UPDATE orders SET seen = NULL, changed = ?", long)
	put(p, tab, &order{ID: 1, State: "paid"}, updated)
	got = get[order](p, "SELECT * FROM orders")
	if got.Seen == nil || got.Seen.Before(before) || got.Changed.Before(before) {
		p.Errorf("fill,now of a NULL: %s, want seen and changed to be now", show(got))
	}
}

func clockInBatch(p *place) {
	createOrders(p)
	tab := table[order](p, "orders")
	putAll(p, tab, []order{{ID: 2, State: "a"}, {ID: 1, State: "a"}, {ID: 2, State: "a"}}, inserted, inserted, unchanged)
	p.exec("UPDATE orders SET created = ?, changed = ?, seen = ?", long, long, long)
	putAll(p, tab, []order{{ID: 2, State: "a"}, {ID: 3, State: "a"}, {ID: 1, State: "b"}}, unchanged, inserted, updated)
	wantRows(p, "SELECT * FROM orders WHERE id = 2", order{2, "a", long, long, &long})
	if got := get[order](p, "SELECT * FROM orders WHERE id = 1"); !got.Changed.After(long) || !got.Created.Equal(long) {
		p.Errorf("the changed row is %s, want changed to be now and created as it was", show(got))
	}
}

func clockRead(p *place) {
	createOrders(p)
	tab := table[order](p, "orders")
	row := order{ID: 1, State: "new"}
	if created, err := tab.GetOrCreate(p.ctx, p.db, &row); err != nil || !created {
		p.Fatalf("GetOrCreate = %v, %v; want true", created, err)
	}
	wantRows(p, "SELECT * FROM orders", row)
	again := order{ID: 1, State: "other"}
	if created, err := tab.GetOrCreate(p.ctx, p.db, &again); err != nil || created {
		p.Fatalf("GetOrCreate = %v, %v; want false", created, err)
	}
	wantSame(p, "the row found", again, row)
}
