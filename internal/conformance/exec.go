package conformance

import (
	"database/sql"
	"fmt"

	"github.com/goupsert/upsert"
)

func execBehaviours() []behaviour {
	return []behaviour{
		{name: "one statement, which SQL tells", run: execSendsSQL},
		{name: "writes what Put writes", run: execAsPut},
		{name: "by prepared statements", run: execPrepared},
		{name: "is refused before anything is sent", run: execRefused},
		{name: "add in a claim", run: execAdds},
		{name: "another unique key", run: execOtherKey},
	}
}

// execSendsSQL checks that a used table, which knows the types of its columns, sends the same statement as a new table.
func execSendsSQL(p *place) {
	p.create("t", "id {int} NOT NULL PRIMARY KEY, theme {text} NOT NULL DEFAULT 'light', lim {int} NOT NULL DEFAULT 10, v {text}, until {time}")
	tab := table[settings](p, "t")
	for turn := range 2 {
		for _, row := range []settings{{ID: 1, V: "a"}, {ID: 1, V: "b", Theme: "dark"}, {ID: 2, V: "a", Limit: 50, Until: defaultUntil}} {
			want, args, err := tab.SQL(row)
			if err != nil {
				p.Fatal(err)
			}
			sent := &recorder{DB: p.db}
			if _, err := tab.Exec(p.ctx, sent, &row); err != nil {
				p.Errorf("Exec(%s): %v", show(row), err)
			}
			if len(sent.sent) != 1 || sent.sent[0] != want || fmt.Sprint(sent.args) != fmt.Sprint(args) {
				p.Errorf("turn %d: Exec(%s) sent %q with %v; want once %q with %v", turn, show(row), sent.sent, sent.args, want, args)
			}
			if _, err := tab.Put(p.ctx, p.db, &row); err != nil {
				p.Errorf("Put(%s) of the stored row: %v", show(row), err)
			}
		}
	}
	p.wantCount("t", 2)
}

func execAsPut(p *place) {
	p.create("put", readingColumns)
	p.create("exec", readingColumns)
	put, exec := table[reading](p, "put"), table[reading](p, "exec")
	for _, h := range handles() {
		db, end := h.open(p)
		for id := range int64(3) {
			for _, row := range []reading{{id, 2, "a"}, {id, 3, "b"}, {id, 3, "b"}, {id, 2, "a"}} {
				one, other := row, row
				_, err := put.Put(p.ctx, db, &one)
				_, execErr := exec.Exec(p.ctx, db, &other)
				if err != nil || execErr != nil {
					p.Errorf("on a %s: Put(%s): %v; Exec: %v", h.name, show(row), err, execErr)
				}
			}
		}
		end(true)
	}
	wantSame(p, "what is stored", contents(p, "exec"), contents(p, "put"))
	p.wantCount("exec", 3)
}

func execPrepared(p *place) {
	p.create("t", readingColumns)
	prepared := prepare(p, table[reading](p, "t"), p.db)
	for _, row := range []reading{{1, 2, "a"}, {1, 3, "b"}, {1, 1, "late"}, {2, 1, "a"}} {
		if _, err := prepared.Exec(p.ctx, &row); err != nil {
			p.Errorf("Exec(%s): %v", show(row), err)
		}
	}
	wantRows(p, "SELECT * FROM t ORDER BY id", reading{1, 3, "b"}, reading{2, 1, "a"})
}

// execs returns the Exec method of the table and the Exec method of its prepared statements.
func execs[T any](p *place, tab *upsert.Table[T], db upsert.DB) map[string]func(*T) (sql.Result, error) {
	return map[string]func(*T) (sql.Result, error){
		"Exec":          func(row *T) (sql.Result, error) { return tab.Exec(p.ctx, db, row) },
		"Prepared.Exec": func(row *T) (sql.Result, error) { return prepare(p, tab, db).Exec(p.ctx, row) },
	}
}

func execRefused(p *place) {
	p.create("t", "k {int} UNIQUE, v {text}")
	tab := table[map[string]any](p, "t", upsert.Column("k", upsert.Key), upsert.Column("v", upsert.Replace))
	sent := &recorder{DB: p.begin(nil)}
	_, err := tab.Exec(p.ctx, sent, nil)
	wantRowError(p, err, "t", "", -1)
	_, err = tab.Exec(p.ctx, sent, &map[string]any{"k": nil, "v": "a"})
	wantIs(p, "Exec of a row without a key", err, upsert.ErrNullKey)
	wantRowError(p, err, "t", "k", -1)
	p.create("sums", "id {int} NOT NULL PRIMARY KEY, n {int}")
	_, err = table[counter](p, "sums").Exec(p.ctx, sent, &counter{1, ptr(int64(1))})
	wantIs(p, "Exec without a claim", err, upsert.ErrUnguarded)
	sent.wantNothing(p)
}

func execAdds(p *place) {
	p.create("t", "id {int} NOT NULL PRIMARY KEY, n {int}")
	tab := tableInTx[counter](p, "t")
	tx := p.begin(nil)
	for verb, exec := range execs(p, tab, &claim{DB: tx}) {
		if _, err := exec(&counter{1, ptr(int64(2))}); err != nil {
			p.Errorf("%s: %v", verb, err)
		}
	}
	if err := tx.Commit(); err != nil {
		p.Fatal(err)
	}
	wantSame(p, "the sum", get[int64](p, "SELECT n FROM t"), 4)
}

func execOtherKey(p *place) {
	type user struct {
		ID    int64  `db:"id" upsert:"key"`
		Email string `db:"email"`
	}
	p.create("t", "id {int} NOT NULL PRIMARY KEY, email {exact} NOT NULL UNIQUE")
	tab := table[user](p, "t")
	if _, err := tab.Exec(p.ctx, p.db, &user{1, "a"}); err != nil {
		p.Fatal(err)
	}
	for verb, exec := range execs(p, tab, p.db) {
		_, err := exec(&user{2, "a"})
		wantIs(p, verb, err, upsert.ErrOtherKey)
		wantRowError(p, err, "t", "", -1)
	}
	p.wantCount("t", 1)
}
