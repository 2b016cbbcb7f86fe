package conformance

import "github.com/goupsert/upsert"

func quietBehaviours() []behaviour {
	return []behaviour{
		{name: "an unchanged or stale row gets no new version", run: noNewVersion},
		{name: "no trigger fires for an unchanged or stale row", run: noTrigger},
	}
}

// noNewVersion counts what the database itself keeps of a row: PostgreSQL's tuples, MariaDB's history. SQLite keeps none, so
// there the changes are counted that its connection makes.
func noNewVersion(p *place) {
	p.create("t", readingColumns)
	if p.mysql() {
		if p.d.Name() != "mariadb" {
			return // noTrigger is what there is to see it by
		}
		p.exec("ALTER TABLE t ADD SYSTEM VERSIONING")
	}
	tab := table[reading](p, "t")
	rows := []reading{{1, 5, "a"}, {2, 5, "a"}, {3, 5, "a"}}
	putAll(p, tab, rows, inserted, inserted, inserted)
	trace := func() string {
		switch {
		case p.postgres():
			return get[string](p, "SELECT string_agg(ctid::text || ' ' || xmin::text, ', ' ORDER BY id) FROM t")
		case p.mysql():
			return get[string](p, "SELECT GROUP_CONCAT(ROW_START ORDER BY id, ROW_START) FROM t FOR SYSTEM_TIME ALL")
		}
		return get[string](p, "SELECT 'the counter tells'")
	}
	conn, err := p.db.Connx(p.ctx)
	if err != nil {
		p.Fatal(err)
	}
	defer conn.Close()
	changes := func() (n int) {
		if p.sqlite() {
			if err := conn.GetContext(p.ctx, &n, "SELECT total_changes()"); err != nil {
				p.Fatal(err)
			}
		}
		return n
	}
	was, made := trace(), changes()
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
	if now := trace(); now != was {
		p.Errorf("the stored rows' versions are %s, want them as they were, %s", now, was)
	}
	if n := changes(); n != made {
		p.Errorf("%d rows were written, want none", n-made)
	}
}

// noTrigger counts what an AFTER UPDATE trigger sees.
func noTrigger(p *place) {
	p.create("t", readingColumns)
	p.create("seen", "n {int}")
	for _, sql := range p.countUpdates("t", "seen") {
		p.exec(sql)
	}
	tab := table[reading](p, "t")
	rows := []reading{{1, 5, "a"}, {2, 5, "a"}}
	putAll(p, tab, rows, inserted, inserted)
	p.wantCount("seen", 0)
	put(p, tab, &reading{1, 5, "a"}, unchanged)
	put(p, tab, &reading{1, 4, "b"}, stale)
	putAll(p, tab, append(rows, reading{2, 4, "b"}), unchanged, unchanged, stale)
	p.wantCount("seen", 0)
	put(p, tab, &reading{1, 6, "b"}, updated)
	putAll(p, tab, []reading{{2, 6, "b"}, {1, 6, "b"}}, updated, unchanged)
	p.wantCount("seen", 2)
}

// countUpdates makes a trigger that adds a row to seen for every updated row.
func (p *place) countUpdates(table, seen string) []string {
	insert := "INSERT INTO " + seen + " (n) VALUES (1)"
	head := "CREATE TRIGGER " + table + "_seen AFTER UPDATE ON " + table + " FOR EACH ROW "
	if p.postgres() {
		return []string{
			"CREATE FUNCTION " + table + "_seen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + insert + "; RETURN NULL; END $$",
			head + "EXECUTE FUNCTION " + table + "_seen()",
		}
	}
	return []string{head + p.pick("BEGIN "+insert+"; END", "", insert)}
}
