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

// handleOn returns one of the three kinds of handles of a pool. end releases the handle.
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

// watched returns a pool of one connection, and a function that returns the kinds of the messages sent on the pool.
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

// TestPrepared_OneRoundTrip checks that a server executes a prepared Put in one round trip. SQLite takes up to three
// statements, which need no round trips. Their order is the same whatever was put before.
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
					{pair{2, 2}, upsert.Updated, map[string]string{"sqlite": "[exec query exec]"}},
					{pair{3, 2}, upsert.Updated, map[string]string{"sqlite": "[exec query exec]"}},
					{pair{2, 2}, upsert.Unchanged, map[string]string{"sqlite": "[exec query]"}},
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

// TestPrepared_NoTable checks that Prepare reports a missing table before a row is put.
func TestPrepared_NoTable(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.All, func(l *lab.Lab) {
		p, err := lab.Table[pair](l, "nowhere").Prepare(l.Context(), l.DB)
		if p != nil || err == nil || !strings.HasPrefix(err.Error(), "upsert: table nowhere: ") {
			l.Errorf("Prepare: %v, %v; want no statements and an error that names the table", p, err)
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
			// If the type of a parameter changes, MySQL 8 prepares a statement again by itself. Com_stmt_prepare counts this
			// too.
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
				want := "2" // one statement for each text of an insert
				if l.D.Name() == "mysql" {
					// On MySQL a generated column needs a second statement and so a transaction, in which no statement is
					// prepared.
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

// TestPrepared_SessionKilled checks that the end of a session has the same effect on a prepared Put as on Exec: no error on
// a pool, an error on a connection.
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

// TestPrepared_IdleConnectionHasDied checks that each verb takes another connection if the idle connection of the pool has
// died.
func TestPrepared_IdleConnectionHasDied(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.OnDuplicateKey+" "+lab.Postgres, func(l *lab.Lab) {
		l.Exec(lab.CreateThings)
		table := lab.Table[pair](l, "things")
		lab.Put(l, table, l.DB, pair{9, 9}) // Put loads the catalog
		for name, use := range map[string]func(db upsert.DB) error{
			"Put":     func(db upsert.DB) error { _, err := table.Put(l.Context(), db, &pair{1, 1}); return err },
			"PutAll":  func(db upsert.DB) error { _, err := table.PutAll(l.Context(), db, []pair{{2, 1}}); return err },
			"Prepare": func(db upsert.DB) error { _, err := table.Prepare(l.Context(), db); return err },
		} {
			pool := l.Pool()
			l.KillSession(pool.ID)
			if err := use(pool); err != nil {
				l.Errorf("%s on a pool whose connection has died: %v; want the call to take another connection", name, err)
			}
		}
		l.Want("rows", l.Text("SELECT * FROM things ORDER BY k"), "1|1 2|1 9|9")
	})
}

// TestPrepared_ContextEndsWhileItWaits checks that a context that ends while the statement waits for a lock ends this call
// and no later call.
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

// TestPrepared_ContextEndsWhileItPrepares checks that a context ends a call that waits for a connection to prepare another
// text.
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

// TestPut_AsksForTheResultWhereTheStatementIsKept checks that reporting the outcome takes no extra round trip. If the server
// does not keep the statement, reporting the outcome also costs the server no work.
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
				most int // number of requests: lib/pq sends the text and its parameters separately
				put  func(*pair) (upsert.Outcome, error)
			}{
				{"INSERT", 2, func(row *pair) (upsert.Outcome, error) { return table.Put(l.Context(), db, row) }},
				{prepared, 1, func(row *pair) (upsert.Outcome, error) { return p.Put(l.Context(), row) }},
			} {
				_, _ = way.put(&pair{1, 1})
				before := len(proxy.Requests())
				if o, err := way.put(&pair{1, 1}); err != nil || o != upsert.Unchanged {
					l.Errorf("on a %s: %v, %v; want unchanged", kind, o, err)
				}
				sent := proxy.Requests()[before:]
				if text := sent[len(sent)-1].Text; !strings.HasPrefix(text, way.text) {
					l.Errorf("on a %s %q was sent; want a text that begins with %q", kind, text, way.text)
				}
				if len(sent) > way.most {
					l.Errorf("on a %s %v was sent; want one statement", kind, sent)
				}
			}
			_ = p.Close()
			end()
			_ = pool.Close()
		}
	})
}

// TestPrepared_StatementsAreFew checks that the number of prepared statements stays small if a table has many omitzero
// columns. The rows of such a table need many texts, and the server keeps a prepared statement for each text and connection.
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
