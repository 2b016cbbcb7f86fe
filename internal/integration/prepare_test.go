package integration_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
)

// handleOn is one of a pool's three kinds of handles; end ends it.
func handleOn(l *lab.Lab, kind string, db *sql.DB) (handle upsert.DB, end func()) {
	l.Helper()
	switch kind {
	case "conn":
		conn, err := db.Conn(l.Context())
		if err != nil {
			l.Fatal(err)
		}
		return conn, func() { _ = conn.Close() }
	case "tx":
		tx, err := db.BeginTx(l.Context(), nil)
		if err != nil {
			l.Fatal(err)
		}
		return tx, func() { _ = tx.Rollback() }
	}
	return db, func() {}
}

// watched is a pool of one connection, and what says what is sent on it: its kinds, and that without a word on the others.
func watched(l *lab.Lab) (db *sql.DB, sent func() []string) {
	l.Helper()
	if l.Family() == "sqlite" {
		pool := faults.Open(l, l.NS, nil)
		pool.SetMaxOpenConns(1)
		return pool.DB.DB, func() (kinds []string) {
			for _, p := range pool.Points() {
				kinds = append(kinds, string(p.Kind))
			}
			return kinds
		}
	}
	proxy := faults.NewProxy(l, l.NS)
	db, err := sql.Open(faults.DriverName(l.NS), proxy.DSN())
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	return db, func() (kinds []string) {
		for _, r := range proxy.Requests() {
			kinds = append(kinds, string(r.Kind))
		}
		return kinds
	}
}

// SQLite asks one statement after the other, and none of them is a round trip. The row before is Unchanged.
func TestPrepared_OneRoundTrip(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"pool", "conn", "tx"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			lab.Each(t, "sqlite "+lab.OnDuplicateKey+" "+lab.Postgres, func(l *lab.Lab) {
				l.Exec(lab.CreateThings)
				pool, sent := watched(l)
				db, end := handleOn(l, kind, pool)
				defer end()
				p := lab.Prepare(l, lab.Table[pair](l, "things"), db)
				for _, want := range []upsert.Outcome{upsert.Inserted, upsert.Updated, upsert.Unchanged} {
					lab.WantPut(l, p, pair{1, map[bool]int{true: 1, false: 2}[want == upsert.Inserted]}, want)
				}
				for _, c := range []struct {
					row  pair
					want upsert.Outcome
					sent map[string]string
				}{
					{pair{2, 1}, upsert.Inserted, map[string]string{"sqlite": "[exec]"}},
					{pair{3, 1}, upsert.Inserted, map[string]string{"sqlite": "[exec]"}},
					{pair{2, 2}, upsert.Updated, map[string]string{"sqlite": "[exec exec]"}},
					{pair{3, 2}, upsert.Updated, map[string]string{"sqlite": "[exec exec]"}},
					{pair{2, 2}, upsert.Unchanged, map[string]string{"sqlite": "[exec exec query]"}},
					{pair{2, 2}, upsert.Unchanged, map[string]string{"sqlite": "[exec query]"}},
				} {
					before := len(sent())
					lab.WantPut(l, p, c.row, c.want)
					want, ok := c.sent[l.Family()]
					if !ok {
						want = "[exec]"
					}
					l.Want(fmt.Sprintf("what is sent for a row that is %v", c.want), sent()[before:], want)
				}
			})
		})
	}
}

// What is wrong with the table is known before there is a row.
func TestPrepared_NoTable(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.All, func(l *lab.Lab) {
		p, err := lab.Table[pair](l, "nowhere").Prepare(l.Context(), l.DB)
		if p != nil || err == nil || !strings.HasPrefix(err.Error(), "upsert: table nowhere: ") {
			l.Errorf("Prepare: %v, %v; want nothing but an error of the table", p, err)
		}
	})
}

func TestPrepared_NothingIsLeft(t *testing.T) {
	t.Parallel()
	type row struct {
		K int `upsert:"key"`
		V int `upsert:"omitzero"`
		D int `upsert:"generated"`
	}
	open := map[string]func(l *lab.Lab, db upsert.DB) string{
		"postgres": func(l *lab.Lab, db upsert.DB) string {
			return l.TextOn(db, "SELECT count(*) FROM pg_prepared_statements")
		},
		"mysql": func(l *lab.Lab, db upsert.DB) string {
			// One that MySQL 8 prepares again by itself, because a parameter has another type, counts as prepared too.
			var closed, prepared, again int
			status := l.TextOn(db, "SHOW SESSION STATUS WHERE Variable_name IN ('Com_stmt_prepare', 'Com_stmt_close', 'Com_stmt_reprepare')")
			if _, err := fmt.Sscanf(status, "Com_stmt_close|%d Com_stmt_prepare|%d Com_stmt_reprepare|%d", &closed, &prepared, &again); err != nil {
				l.Fatalf("%q: %v", status, err)
			}
			if l.D.Name() == "mysql" {
				prepared -= again
			}
			return fmt.Sprint(prepared - closed)
		},
	}
	for _, kind := range []string{"pool", "conn", "tx"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			lab.Each(t, lab.OnDuplicateKey+" "+lab.Postgres, func(l *lab.Lab) {
				l.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT DEFAULT 5, d INT DEFAULT 7)")
				db, end := handleOn(l, kind, l.Pool().DB.DB)
				defer end()
				before := open[l.Family()](l, db)
				p := lab.Prepare(l, lab.Table[row](l, "things"), db)
				for i := range 3 {
					lab.WantPut(l, p, row{K: i}, upsert.Inserted)
					lab.WantPut(l, p, row{K: i, V: 1}, upsert.Updated)
				}
				want := "2" // one for each text of an insert
				if l.D.Name() == "mysql" {
					// A generated column takes a second statement there, and so a transaction, in which nothing is prepared.
					want = map[string]string{"pool": "1", "conn": "1", "tx": "3"}[kind]
				}
				l.Want("prepared statements on the server", open[l.Family()](l, db), want)
				if err := p.Close(); err != nil {
					l.Errorf("Close: %v", err)
				}
				l.Want("prepared statements on the server after Close", open[l.Family()](l, db), before)
			})
		})
	}
}

// The session's end is seen by Put as it is by Exec: on a pool not at all.
func TestPrepared_SessionKilled(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.OnDuplicateKey+" "+lab.Postgres, func(l *lab.Lab) {
		l.Exec(lab.CreateThings)
		table, pool := lab.Table[pair](l, "things"), l.Pool()
		p := lab.Prepare(l, table, pool)
		lab.WantPut(l, p, pair{1, 1}, upsert.Inserted)
		l.KillSession(pool.ID)
		lab.WantPut(l, p, pair{1, 2}, upsert.Updated)
		lab.WantPut(l, p, pair{1, 2}, upsert.Unchanged)

		conn := l.Session()
		p = lab.Prepare(l, table, conn)
		lab.WantPut(l, p, pair{2, 1}, upsert.Inserted)
		l.KillSession(conn.ID)
		for range 2 {
			if o, err := p.Put(l.Context(), &pair{2, 2}); err == nil {
				l.Errorf("Put on a connection whose session was killed = %v, want an error", o)
			}
		}
		_ = p.Close()
		l.Want("rows", l.Text("SELECT * FROM things ORDER BY k"), "1|2 2|1")
	})
}

// To ask for the way to the server takes a connection, and it may have died while nobody used it.
func TestPrepared_IdleConnectionHasDied(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.OnDuplicateKey+" "+lab.Postgres, func(l *lab.Lab) {
		l.Exec(lab.CreateThings)
		table := lab.Table[pair](l, "things")
		lab.Put(l, table, l.DB, pair{9, 9}) // the catalog is known
		for name, use := range map[string]func(db upsert.DB) error{
			"Put":     func(db upsert.DB) error { _, err := table.Put(l.Context(), db, &pair{1, 1}); return err },
			"PutAll":  func(db upsert.DB) error { _, err := table.PutAll(l.Context(), db, []pair{{2, 1}}); return err },
			"Prepare": func(db upsert.DB) error { _, err := table.Prepare(l.Context(), db); return err },
		} {
			pool := l.Pool()
			l.KillSession(pool.ID)
			if err := use(pool); err != nil {
				l.Errorf("%s on a pool whose connection has died: %v; want it to take another", name, err)
			}
		}
		l.Want("rows", l.Text("SELECT * FROM things ORDER BY k"), "1|1 2|1 9|9")
	})
}

// A context that ends while the statement waits for a lock ends the call, and not what comes after it.
func TestPrepared_ContextEndsWhileItWaits(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.OnDuplicateKey+" "+lab.Postgres, func(l *lab.Lab) {
		l.Exec(lab.CreateThings, "INSERT INTO things VALUES (1, 1)")
		tx, pool := l.Begin(nil), l.Pool()
		l.On(tx, "UPDATE things SET v = 2 WHERE k = 1")
		p := lab.Prepare(l, lab.Table[pair](l, "things"), pool)
		ctx, cancel := context.WithCancel(l.Context())
		defer cancel()
		done := lab.Later(func() error { _, err := p.Put(ctx, &pair{1, 3}); return err })
		l.UntilWaits(pool.ID)
		cancel()
		l.WantErr("Put whose context has ended", l.Result(done), context.Canceled, "table things")
		l.Commit(tx)
		lab.WantPut(l, p, pair{2, 1}, upsert.Inserted)
		lab.WantPut(l, p, pair{1, 4}, upsert.Updated)
	})
}

// A context ends a call that waits for a connection to prepare another text on.
func TestPrepared_ContextEndsWhileItPrepares(t *testing.T) {
	t.Parallel()
	type row struct {
		K int `upsert:"key"`
		V int `upsert:"omitzero"`
	}
	lab.Each(t, "sqlite "+lab.OnDuplicateKey+" "+lab.Postgres, func(l *lab.Lab) {
		l.Exec(lab.CreateThings)
		pool := l.Pool()
		p := lab.Prepare(l, lab.Table[row](l, "things"), pool)
		conn, err := pool.DB.DB.Conn(l.Context())
		if err != nil {
			l.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		for v := range 2 {
			ctx, cancel := context.WithCancel(l.Context())
			done := lab.Later(func() error { _, err := p.Put(ctx, &row{1, v}); return err })
			cancel()
			l.WantErr("Put whose context has ended", l.Result(done), context.Canceled, "table things")
		}
	})
}

// How the outcome is told costs no round trip, and where the statement is not kept no work of the server's.
func TestPut_AsksForTheResultWhereTheStatementIsKept(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec(lab.CreateThings)
		for kind, prepared := range map[string]string{"pool": "WITH", "conn": "WITH", "tx": "INSERT"} {
			proxy := faults.NewProxy(l, l.NS)
			pool, err := sql.Open("postgres", proxy.DSN())
			if err != nil {
				l.Fatal(err)
			}
			pool.SetMaxOpenConns(1)
			table := lab.Table[pair](l, "things")
			db, end := handleOn(l, kind, pool)
			p := lab.Prepare(l, table, db)
			for _, way := range []struct {
				text string
				most int // requests: lib/pq sends the text and its parameters apart
				put  func(*pair) (upsert.Outcome, error)
			}{
				{"INSERT", 2, func(row *pair) (upsert.Outcome, error) { return table.Put(l.Context(), db, row) }},
				{prepared, 1, func(row *pair) (upsert.Outcome, error) { return p.Put(l.Context(), row) }},
			} {
				_, _ = way.put(&pair{1, 1})
				before := len(proxy.Requests())
				if o, err := way.put(&pair{1, 1}); err != nil || o != upsert.Unchanged {
					l.Errorf("on a %s: %v, %v; want it unchanged", kind, o, err)
				}
				sent := proxy.Requests()[before:]
				if text := sent[len(sent)-1].Text; !strings.HasPrefix(text, way.text) {
					l.Errorf("on a %s was sent %s; want what begins with %s", kind, text, way.text)
				}
				if len(sent) > way.most {
					l.Errorf("on a %s was sent %v; want it sent once", kind, sent)
				}
			}
			_ = p.Close()
			end()
			_ = pool.Close()
		}
	})
}

// A table with many omitted columns has many statements, and each is kept by each connection's server.
func TestPrepared_StatementsAreFew(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		const columns = 9
		opts, ddl := []upsert.Option{upsert.Column("k", upsert.Key)}, "k INT PRIMARY KEY"
		for i := range columns {
			opts = append(opts, upsert.Column(fmt.Sprint("c", i), upsert.Replace, upsert.OmitZero()))
			ddl += fmt.Sprintf(", c%d INT DEFAULT 0", i)
		}
		l.Exec("CREATE TABLE things (" + ddl + ")")
		pool := l.Pool()
		p := lab.Prepare(l, lab.Table[map[string]any](l, "things", opts...), pool)
		for mask := range 1 << columns {
			row := map[string]any{"k": mask}
			for i := range columns {
				row[fmt.Sprint("c", i)] = mask >> i & 1
			}
			lab.WantPut(l, p, row, upsert.Inserted)
			lab.WantPut(l, p, row, upsert.Unchanged)
		}
		l.Want("rows", l.Text("SELECT count(*), sum(c0), sum(c8) FROM things"), "512|256|256")
		if n := l.TextOn(pool, "SELECT count(*) <= 128 FROM pg_prepared_statements"); n != "true" {
			l.Errorf("%s prepared statements on one connection, want at most 128", l.TextOn(pool, "SELECT count(*) FROM pg_prepared_statements"))
		}
		if err := p.Close(); err != nil {
			l.Error(err)
		}
		l.Want("prepared statements after Close", l.TextOn(pool, "SELECT count(*) FROM pg_prepared_statements"), 0)
	})
}
