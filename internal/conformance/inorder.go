package conformance

import (
	"fmt"
	"slices"
	"sync"

	"github.com/goupsert/upsert"
)

func inOrderBehaviours() []behaviour {
	return []behaviour{
		{name: "a unique value that is handed on", run: handedOn},
		{name: "children after their parents in one table", run: parentsFirst},
		{name: "duplicates and outcomes", run: inOrderDuplicates},
		{name: "batches in opposite orders", run: inOppositeOrders},
		{name: "a path that keeps no order", run: inOrderPath},
	}
}

// inOrder returns options that send the rows of a call in their order, regardless of the path of the table.
func inOrder(more ...upsert.PutOption) []upsert.PutOption {
	return append([]upsert.PutOption{upsert.InOrder(), upsert.Via(upsert.Values)}, more...)
}

func handedOn(p *place) {
	p.create("users", userColumns)
	tab := table[user](p, "users")
	before := []user{{1, "a", "first", nil}, {2, "b", "second", nil}}
	putAll(p, tab, before, inserted, inserted)
	moved := []user{{2, "c", "second", nil}, {1, "b", "first", nil}}
	_, err := tab.PutAll(p.ctx, p.db, moved)
	wantOtherKey(p, "PutAll in key order", err)
	wantRows(p, "SELECT * FROM users ORDER BY id", before...)
	back := []user{{1, "a", "first", nil}, {2, "b", "second", nil}}
	for _, opts := range [][]upsert.PutOption{nil, {upsert.Outcomes()}, {upsert.EachOutcome(func(int, upsert.Outcome) {})}, {upsert.ChunkTx(1)}} {
		for _, rows := range [][]user{moved, back} {
			if _, err := tab.PutAll(p.ctx, p.db, rows, inOrder(opts...)...); err != nil {
				p.Errorf("PutAll in the caller's order: %v", err)
			}
			stored := slices.Clone(rows)
			slices.SortFunc(stored, func(a, b user) int { return int(a.ID - b.ID) })
			wantRows(p, "SELECT * FROM users ORDER BY id", stored...)
		}
	}
	if _, err := tab.PutSeq(p.ctx, p.db, sequence(moved...), inOrder()...); err != nil {
		p.Errorf("PutSeq in the caller's order: %v", err)
	}
	wantRows(p, "SELECT * FROM users ORDER BY id", moved[1], moved[0])

	// The error names the correct row in this order, too.
	_, err = tab.PutAll(p.ctx, p.db, []user{{9, "i", "new", nil}, {3, "c", "thief", nil}, {2, "x", "second", nil}}, inOrder()...)
	wantOtherKey(p, "PutAll of a row before the one that gives up its address", err)
	wantRowError(p, err, "users", "", 1)
}

func parentsFirst(p *place) {
	type node struct {
		ID     int64  `db:"id" upsert:"key"`
		Parent *int64 `db:"parent"`
	}
	p.create("nodes", "id {int} NOT NULL PRIMARY KEY, parent {int}, FOREIGN KEY (parent) REFERENCES nodes (id)")
	tab := table[node](p, "nodes")
	rows := make([]node, 2500)
	for i := range rows {
		rows[i].ID = int64(len(rows) - i)
		if i > 0 {
			rows[i].Parent = &rows[i-1].ID
		}
	}
	for _, want := range []upsert.Result{{Inserted: 2500}, {Unchanged: 2500}} {
		res, err := tab.PutAll(p.ctx, p.db, rows, inOrder(upsert.Outcomes())...)
		if err != nil {
			p.Fatalf("PutAll in the caller's order: %v", err)
		}
		wantResult(p, "PutAll in the caller's order", res, want)
	}
}

func inOrderDuplicates(p *place) {
	p.create("t", readingColumns)
	tab := table[reading](p, "t")
	rows := []reading{{2, 1, "a"}, {1, 1, "a"}, {2, 2, "b"}, {2, 2, "b"}, {1, 1, "a"}, {2, 1, "a"}, {3, 1, "a"}, {2, 2, "x"}, {2, 3, "c"}}
	want := []upsert.Outcome{inserted, inserted, updated, unchanged, unchanged, stale, inserted, stale, updated}
	got := make([]upsert.Outcome, len(rows))
	res, err := tab.PutAll(p.ctx, p.db, rows, inOrder(upsert.EachOutcome(func(i int, o upsert.Outcome) { got[i] = o }))...)
	if err != nil {
		p.Fatal(err)
	}
	wantSame(p, "outcomes", fmt.Sprint(got), fmt.Sprint(want))
	wantResult(p, "PutAll", res, resultOf(want))
	wantRows(p, "SELECT * FROM t ORDER BY id", reading{1, 1, "a"}, reading{2, 3, "c"}, reading{3, 1, "a"})
	_, err = tab.PutAll(p.ctx, p.db, []reading{{9, 1, "a"}, {8, 1, "a"}, {7, 1, "a"}}, inOrder(upsert.RefuseDuplicates())...)
	if err != nil {
		p.Errorf("PutAll of three keys, all different: %v", err)
	}
	_, err = tab.PutAll(p.ctx, p.db, []reading{{9, 2, "a"}, {8, 2, "a"}, {9, 3, "a"}}, inOrder(upsert.RefuseDuplicates())...)
	wantIs(p, "PutAll of a key twice", err, upsert.ErrDuplicateKey)
	wantRowError(p, err, "t", "id", 2)
}

// inOppositeOrders causes deadlocks, which the library must retry.
func inOppositeOrders(p *place) {
	p.create("t", readingColumns)
	tab := table[reading](p, "t")
	var wg sync.WaitGroup
	for worker := range int64(2) {
		wg.Go(func() {
			rows := make([]reading, 1200) // enough rows for several statements
			for i := range rows {
				rows[i] = reading{int64(i), worker, "a"}
			}
			if worker == 1 {
				slices.Reverse(rows)
			}
			if _, err := tab.PutAll(p.ctx, p.db, rows, inOrder()...); err != nil {
				p.Errorf("PutAll during a PutAll in the opposite order: %v", err)
			}
		})
	}
	wg.Wait()
	p.wantCount("t", 1200)
}

func inOrderPath(p *place) {
	tab := table[reading](p, "t")
	for _, via := range []upsert.Path{upsert.Arrays, upsert.Copy} {
		_, err := tab.PutAll(p.ctx, p.db, []reading{{1, 1, "a"}}, upsert.InOrder(), upsert.Via(via))
		wantWords(p, "PutAll via "+via.String(), err, "InOrder: ", "give the call Via(Values)")
	}
}
