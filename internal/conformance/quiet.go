package conformance

import (
	"github.com/goupsert/upsert"
	"github.com/jmoiron/sqlx"
)

func quietBehaviours() []behaviour {
	return []behaviour{
		{name: "an unchanged or stale row is not written", run: notWritten},
		{name: "no trigger fires for an unchanged or stale row", run: noTrigger},
	}
}

// notWritten checks that an unchanged row is not written. It reads the database's own record of writes: row versions or a count
// of the connection's writes.
func notWritten(p *place) {
	p.create("t", readingColumns)
	tab := table[reading](p, "t")
	rows := []reading{{1, 5, "a"}, {2, 5, "a"}, {3, 5, "a"}}
	putAll(p, tab, rows, inserted, inserted, inserted)
	conn := p.conn()
	was := written(p, conn)
	for range 2 {
		if o, err := tab.Put(p.ctx, conn, &reading{1, 5, "a"}); err != nil || o != unchanged {
			p.Fatalf("Put = %v, %v; want unchanged", o, err)
		}
		if o, err := tab.Put(p.ctx, conn, &reading{1, 4, "b"}); err != nil || o != stale {
			p.Fatalf("Put = %v, %v; want stale", o, err)
		}
		for _, opts := range [][]upsert.PutOption{{upsert.Outcomes()}, nil} {
			if _, err := tab.PutAll(p.ctx, conn, append(rows, reading{2, 5, "a"}, reading{3, 1, "b"}), opts...); err != nil {
				p.Fatal(err)
			}
		}
		if _, err := tab.GetOrCreate(p.ctx, conn, &reading{1, 9, "z"}); err != nil {
			p.Fatal(err)
		}
	}
	if now := written(p, conn); now != was {
		p.Errorf("a repeated put changed the database's record of writes from %s to %s, want no change", was, now)
	}
	if o, err := tab.Put(p.ctx, conn, &reading{1, 6, "b"}); err != nil || o != updated {
		p.Fatalf("Put = %v, %v; want updated", o, err)
	}
	if now := written(p, conn); now == was {
		p.Errorf("the database's record of writes did not change after an update, %s, so the record proves no absence of writes", was)
	}
}

// written returns the position and transaction of each row on PostgreSQL. On the other databases it returns how many rows the
// connection has written.
func written(p *place, conn *sqlx.Conn) string {
	p.Helper()
	query := p.pick("SELECT 'changes', total_changes()", "SELECT 'rows', string_agg(ctid::text || xmin::text, ' ' ORDER BY id) FROM t", "SHOW SESSION STATUS LIKE 'Handler_update'")
	var name, value string
	if err := conn.QueryRowContext(p.ctx, query).Scan(&name, &value); err != nil {
		p.Fatalf("%s: %v", query, err)
	}
	return name + " " + value
}

// noTrigger counts the firings of an AFTER UPDATE trigger. On MySQL and MariaDB the trigger fires for every row that an upsert
// meets, even if the row does not change. There, the test counts the met rows.
func noTrigger(p *place) {
	p.create("t", readingColumns)
	p.create("seen", "n {int}")
	p.countUpdates("t", "seen")
	tab := table[reading](p, "t")
	want := func(changed, met int) {
		p.Helper()
		if p.mysql() {
			changed = met
		}
		p.wantCount("seen", changed)
	}
	rows := []reading{{1, 5, "a"}, {2, 5, "a"}}
	putAll(p, tab, rows, inserted, inserted)
	want(0, 0)
	put(p, tab, &reading{1, 5, "a"}, unchanged)
	put(p, tab, &reading{1, 4, "b"}, stale)
	putAll(p, tab, append(rows, reading{2, 4, "b"}), unchanged, unchanged, stale)
	want(0, 5)
	put(p, tab, &reading{1, 6, "b"}, updated)
	putAll(p, tab, []reading{{2, 6, "b"}, {1, 6, "b"}}, updated, unchanged)
	want(2, 8)
}

// countUpdates creates a trigger that adds a row to the table seen for every updated row.
func (p *place) countUpdates(table, seen string) {
	p.Helper()
	insert := "INSERT INTO " + seen + " (n) VALUES (1)"
	head := "CREATE TRIGGER " + table + "_seen AFTER UPDATE ON " + table + " FOR EACH ROW "
	if p.postgres() {
		p.exec("CREATE FUNCTION " + table + "_seen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + insert + "; RETURN NULL; END $$")
		p.exec(head + "EXECUTE FUNCTION " + table + "_seen()")
		return
	}
	p.exec(head + p.pick("BEGIN "+insert+"; END", "", insert))
}
