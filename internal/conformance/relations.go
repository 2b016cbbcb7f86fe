package conformance

import (
	"github.com/goupsert/upsert"
)

func relationBehaviours() []behaviour {
	return []behaviour{
		{name: "partitioned table", run: partitioned, only: "postgres"},
		{name: "view", run: view, only: "postgres"},
		{name: "inherited column order and dropped columns", run: droppedColumns, only: "postgres"},
		{name: "without rowid", run: withoutRowid, only: "sqlite"},
		{name: "with triggers that write elsewhere", run: withTriggers},
		{name: "with a foreign key to it", run: withForeignKey},
	}
}

func partitioned(p *place) {
	p.exec("CREATE TABLE t (" + p.types(readingColumns) + ") PARTITION BY RANGE (id)")
	p.exec("CREATE TABLE t_low PARTITION OF t FOR VALUES FROM (MINVALUE) TO (100)")
	p.exec("CREATE TABLE t_high PARTITION OF t FOR VALUES FROM (100) TO (MAXVALUE)")
	wantAsFarAsKnown(p)
}

func view(p *place) {
	p.create("stored", readingColumns)
	p.exec("CREATE VIEW t AS SELECT id, version, v FROM stored")
	wantAsFarAsKnown(p)
}

// wantAsFarAsKnown checks the outcomes that the database can report. Before PostgreSQL 18, inserts and updates are
// indistinguishable here, but rows that were not written are known.
func wantAsFarAsKnown(p *place) {
	p.Helper()
	known := func(o upsert.Outcome) upsert.Outcome {
		if p.pgVersion() < 18 && (o == inserted || o == updated) {
			return upsert.Unknown
		}
		return o
	}
	tab := table[reading](p, "t")
	put(p, tab, &reading{1, 2, "a"}, known(inserted))
	put(p, tab, &reading{1, 3, "b"}, known(updated))
	put(p, tab, &reading{1, 3, "b"}, unchanged)
	put(p, tab, &reading{1, 2, "a"}, stale)
	putAll(p, tab, []reading{{200, 1, "a"}, {1, 3, "b"}, {1, 4, "c"}, {200, 0, "z"}}, known(inserted), unchanged, known(updated), stale)
	res, err := tab.PutAll(p.ctx, p.db, []reading{{200, 1, "a"}, {300, 1, "a"}}, upsert.Outcomes())
	if err != nil {
		p.Fatal(err)
	}
	wantResult(p, "PutAll", res, resultOf([]upsert.Outcome{unchanged, known(inserted)}))
	row := reading{ID: 1}
	if created, err := tab.GetOrCreate(p.ctx, p.db, &row); err != nil || created {
		p.Errorf("GetOrCreate = %v, %v; want false", created, err)
	}
	wantSame(p, "the row found", row, reading{1, 4, "c"})
	wantRows(p, "SELECT * FROM t ORDER BY id", reading{1, 4, "c"}, reading{200, 1, "a"}, reading{300, 1, "a"})
}

func droppedColumns(p *place) {
	p.exec("CREATE TABLE parent (gone int, v text)")
	p.exec("CREATE TABLE t (version bigint NOT NULL, gone2 int, id bigint PRIMARY KEY) INHERITS (parent)")
	p.exec("ALTER TABLE parent DROP COLUMN gone")
	p.exec("ALTER TABLE t DROP COLUMN gone2")
	tab := table[reading](p, "t")
	putAll(p, tab, []reading{{2, 2, "a"}, {1, 2, "a"}, {2, 1, "b"}, {1, 3, "c"}}, inserted, inserted, stale, updated)
	wantRows(p, "SELECT id, version, v FROM t ORDER BY id", reading{1, 3, "c"}, reading{2, 2, "a"})
}

func withoutRowid(p *place) {
	p.exec("CREATE TABLE t (" + p.types(readingColumns) + ") WITHOUT ROWID")
	tab := table[reading](p, "t")
	putAll(p, tab, []reading{{2, 2, "a"}, {1, 2, "a"}, {2, 1, "b"}, {1, 3, "c"}, {1, 3, "c"}}, inserted, inserted, stale, updated, unchanged)
	put(p, tab, &reading{1, 4, "d"}, updated)
}

// withTriggers adds a trigger that inserts into an auto-increment column. The library must not take that value for the outcome.
func withTriggers(p *place) {
	p.create("t", readingColumns)
	p.create("seen", "id {serial}, n {int}")
	p.countUpdates("t", "seen")
	tab := table[reading](p, "t")
	put(p, tab, &reading{1, 1, "a"}, inserted)
	put(p, tab, &reading{1, 2, "b"}, updated)
	putAll(p, tab, []reading{{1, 3, "c"}, {2, 1, "a"}, {2, 2, "b"}, {1, 3, "c"}, {1, 1, "z"}}, updated, inserted, updated, unchanged, stale)
	if n := p.count("seen"); n < 3 {
		p.Errorf("the trigger saw %d updates, want at least 3; otherwise the test proves nothing", n)
	}
}

// withForeignKey checks that a child row survives if its parent is put again. A statement that replaced the parent row would
// delete the child.
func withForeignKey(p *place) {
	p.create("t", readingColumns)
	p.create("child", "id {int} NOT NULL PRIMARY KEY, parent {int} NOT NULL, FOREIGN KEY (parent) REFERENCES t (id) ON DELETE CASCADE")
	parents := table[reading](p, "t")
	put(p, parents, &reading{1, 1, "a"}, inserted)
	type child struct {
		ID     int64 `db:"id" upsert:"key"`
		Parent int64 `db:"parent"`
	}
	children := table[child](p, "child")
	put(p, children, &child{1, 1}, inserted)
	put(p, parents, &reading{1, 2, "b"}, updated)
	put(p, parents, &reading{1, 2, "b"}, unchanged)
	putAll(p, parents, []reading{{1, 3, "c"}, {2, 1, "a"}}, updated, inserted)
	p.wantCount("child", 1)
	if _, err := children.PutAll(p.ctx, p.db, []child{{2, 2}, {3, 99}}); err == nil {
		p.Error("PutAll of a child without a parent: no error")
	} else {
		wantRowError(p, err, "child", "", 1)
	}
	p.wantCount("child", 1)
}
