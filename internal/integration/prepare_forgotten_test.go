package integration_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/lib/pq"
)

// forgetting are statements that make a prepared statement of the same connection unusable. code is the error code of its
// next use.
var forgetting = []struct{ name, statement, code string }{
	{"deallocated", "DEALLOCATE ALL", "26000"},
	{"of another result", "ALTER TABLE things ALTER COLUMN d TYPE text", "0A000"},
}

type readBackThing struct {
	K int    `upsert:"key"`
	V int    //
	D string `upsert:"generated"`
}

func TestPrepared_Forgotten(t *testing.T) {
	t.Parallel()
	for _, f := range forgetting {
		for _, kind := range []string{"pool", "conn"} {
			t.Run(f.name+" on a "+kind, func(t *testing.T) {
				t.Parallel()
				lab.Each(t, lab.Postgres, func(l *lab.Lab) {
					l.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT, d INT DEFAULT 7)")
					db, end := handleOn(l, kind, l.Pool().DB.DB)
					defer end()
					p := lab.Prepare(l, lab.Table[readBackThing](l, "things"), db)
					lab.WantPut(l, p, readBackThing{K: 1, V: 1}, upsert.Inserted)
					l.On(db, f.statement)
					row := readBackThing{K: 1, V: 2}
					if o, err := p.Put(l.Context(), &row); err != nil || o != upsert.Updated || row.D != "7" {
						l.Errorf("Put after %s = %v, %v, row %+v; want it updated and read back", f.statement, o, err, row)
					}
					lab.WantPut(l, p, readBackThing{K: 1, V: 3}, upsert.Updated)
					if err := p.Close(); err != nil {
						l.Errorf("Close: %v", err)
					}
				})
			})
		}
	}
}

// TestPrepared_ForgottenInATransaction checks the caller's transaction: the error ends the transaction, and the caller
// receives the error. From a savepoint the transaction can go on.
func TestPrepared_ForgottenInATransaction(t *testing.T) {
	t.Parallel()
	for _, f := range forgetting {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			lab.Each(t, lab.Postgres, func(l *lab.Lab) {
				l.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT, d INT DEFAULT 7)")
				tx := l.Begin(nil)
				p := lab.Prepare(l, lab.Table[readBackThing](l, "things"), tx)
				lab.WantPut(l, p, readBackThing{K: 1, V: 1}, upsert.Inserted)
				l.On(tx, f.statement)
				l.On(tx, "SAVEPOINT here")
				_, err := p.Put(l.Context(), &readBackThing{K: 1, V: 2})
				l.WantCode("Put after "+f.statement, err, f.code)
				_, err = p.Put(l.Context(), &readBackThing{K: 1, V: 2})
				l.WantCode("Put in a transaction that has failed", err, "25P02")
				l.On(tx, "ROLLBACK TO here")
				lab.WantPut(l, p, readBackThing{K: 1, V: 2}, upsert.Updated)
				lab.WantPut(l, p, readBackThing{K: 1, V: 2}, upsert.Unchanged)
				if err := p.Close(); err != nil {
					l.Errorf("Close: %v", err)
				}
				l.Commit(tx)
				l.Want("rows", l.Text("SELECT * FROM things"), "1|2|7")
			})
		})
	}
}

// widened is a row type with a larger integer than the column of lab.CreateThings.
type widened struct {
	K int   `upsert:"key"`
	V int64 //
}

// TestPrepared_WidenedColumn checks that Put prepares its statement again if a number fits only the widened column. The
// parameter of the old statement is too small for such a number.
func TestPrepared_WidenedColumn(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec(lab.CreateThings)
		table := lab.Table[widened](l, "things")
		p, other := lab.Prepare(l, table, l.DB), lab.Prepare(l, table, l.DB)
		lab.WantPut(l, p, widened{1, 1}, upsert.Inserted)
		lab.WantPut(l, other, widened{1, 2}, upsert.Updated)
		_, err := p.Put(l.Context(), &widened{1, 1 << 40})
		l.WantCode("a number too large", err, "22003")
		l.Exec("ALTER TABLE things ALTER COLUMN v TYPE bigint")
		lab.WantPut(l, p, widened{1, 1 << 40}, upsert.Updated)
		lab.WantPut(l, other, widened{1, 1 << 41}, upsert.Updated) // the types of the table have been read again
	})
}

// TestPrepared_ForgottenByMySQL checks two errors of MariaDB and MySQL: 1615, if the tables of a statement keep changing,
// and 1243, because a session that was reset has no prepared statements.
func TestPrepared_ForgottenByMySQL(t *testing.T) {
	t.Parallel()
	for _, number := range []uint16{1615, 1243} {
		t.Run(fmt.Sprint(number), func(t *testing.T) {
			t.Parallel()
			lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
				l.Exec(lab.CreateThings)
				var armed, failed atomic.Int64
				kind := faults.Query // kind of the statement that puts a row
				if l.D.Name() == "mysql" {
					kind = faults.Exec
				}
				db := faults.Open(l, l.NS, func(p *faults.Point) error {
					if p.Moment == faults.Before && p.Kind == kind && strings.HasPrefix(p.Text, "INSERT") && armed.Add(-1) >= 0 {
						failed.Add(1)
						return &mysql.MySQLError{Number: number, Message: "forgotten"}
					}
					return nil
				})
				db.SetMaxOpenConns(1)
				p := lab.Prepare(l, lab.Table[pair](l, "things"), db)
				lab.WantPut(l, p, pair{1, 1}, upsert.Inserted)
				before := len(db.Points())
				armed.Store(1)
				lab.WantPut(l, p, pair{1, 2}, upsert.Updated)
				var sent []faults.Kind
				for _, point := range db.Points()[before:] {
					sent = append(sent, point.Kind)
				}
				l.Want("what was sent", sent, fmt.Sprintf("[%s prepare %[1]s]", kind))
				armed.Store(1000)
				_, err := p.Put(l.Context(), &pair{1, 3})
				l.WantCode("Put where it is forgotten each time", err, fmt.Sprint(number))
				if n := failed.Load(); n > 10 {
					l.Errorf("the statement was sent %d times; want Put to give up earlier", n)
				}
				armed.Store(0)

				tx, err := db.BeginTx(l.Context(), nil)
				if err != nil {
					l.Fatal(err)
				}
				defer func() { _ = tx.Rollback() }()
				p = lab.Prepare(l, lab.Table[pair](l, "things"), tx)
				lab.WantPut(l, p, pair{2, 1}, upsert.Inserted)
				armed.Store(1)
				_, err = p.Put(l.Context(), &pair{2, 2})
				l.WantCode("Put in a transaction", err, fmt.Sprint(number))
				lab.WantPut(l, p, pair{2, 2}, upsert.Updated)
			})
		})
	}
}

// TestPrepared_ForgottenUnderACrowd checks many concurrent calls: one loss fails all calls that use the statements at that
// time, and each call finds the new statements.
func TestPrepared_ForgottenUnderACrowd(t *testing.T) {
	t.Parallel()
	const conns, clients, rounds = 6, 18, 30
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec(lab.CreateThings)
		db := l.NS.DB()
		db.SetMaxOpenConns(conns)
		db.SetMaxIdleConns(conns)
		p := lab.Prepare(l, lab.Table[pair](l, "things"), db)
		for round := range rounds {
			var all sync.WaitGroup
			var taken []*sql.Conn
			for range conns {
				conn, err := db.DB.Conn(l.Context())
				if err != nil {
					l.Fatal(err)
				}
				l.On(conn, "DEALLOCATE ALL")
				taken = append(taken, conn)
			}
			for client := range clients {
				all.Go(func() {
					for i := range 3 {
						if _, err := p.Put(l.Context(), &pair{client, 3*round + i}); err != nil {
							l.Errorf("round %d: %v", round, err)
						}
					}
				})
			}
			for _, conn := range taken {
				_ = conn.Close()
			}
			all.Wait()
		}
		l.Want("rows", l.Text(fmt.Sprintf("SELECT count(*) FROM things WHERE v = %d", 3*rounds-1)), clients)
	})
}

// TestPrepared_ForgottenWhileAnotherWaits checks that preparing again does not wait for other calls, because these calls may
// wait for the caller's own transaction.
func TestPrepared_ForgottenWhileAnotherWaits(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec(lab.CreateThings, "INSERT INTO things VALUES (1, 1)")
		tx, pool := l.Begin(nil), l.Pool()
		l.On(tx, "UPDATE things SET v = 2 WHERE k = 1")
		p := lab.Prepare(l, lab.Table[pair](l, "things"), pool)
		other := lab.Later(func() error { _, err := p.Put(l.Context(), &pair{1, 3}); return err })
		l.UntilWaits(pool.ID)
		pool.SetMaxOpenConns(2)
		lab.WantPut(l, p, pair{2, 1}, upsert.Inserted)
		l.On(pool, "DEALLOCATE ALL")
		own := lab.Later(func() error { _, err := p.Put(l.Context(), &pair{2, 2}); return err })
		if err := l.Result(own); err != nil {
			l.Errorf("Put while another Put waits: %v", err)
		}
		l.Commit(tx)
		if err := l.Result(other); err != nil {
			l.Errorf("the Put that waited: %v", err)
		}
		l.Want("rows", l.Text("SELECT * FROM things ORDER BY k"), "1|3 2|2")
	})
}

// TestPrepared_WidenedColumnOfAQuery is TestPrepared_WidenedColumn with a statement that returns a generated column and
// therefore is a query.
func TestPrepared_WidenedColumnOfAQuery(t *testing.T) {
	t.Parallel()
	type row struct {
		K int   `upsert:"key"`
		V int64 //
		D int   `upsert:"generated"`
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT, d INT DEFAULT 7)")
		p := lab.Prepare(l, lab.Table[row](l, "things"), l.DB)
		lab.WantPut(l, p, row{K: 1, V: 1}, upsert.Inserted)
		l.Exec("ALTER TABLE things ALTER COLUMN v TYPE bigint")
		lab.WantPut(l, p, row{K: 1, V: 1 << 40}, upsert.Updated)
	})
}

// TestPrepared_ForgottenAgainAndAgain checks that Put succeeds if the server forgets the statement several times in a row,
// each time before its use.
func TestPrepared_ForgottenAgainAndAgain(t *testing.T) {
	t.Parallel()
	for name, forgotten := range map[string]error{
		"1615": &mysql.MySQLError{Number: 1615}, "1243": &mysql.MySQLError{Number: 1243},
		"26000": &pq.Error{Code: "26000"}, "42P05": &pq.Error{Code: "42P05"},
		"0A000":  &pq.Error{Code: "0A000", Message: "cached plan must not change result type"},
		"closed": errors.New("sql: statement is closed"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
				l.Exec(lab.CreateThings)
				var armed atomic.Int64
				db := faults.Open(l, l.NS, func(p *faults.Point) error {
					if p.Moment == faults.Before && (p.Kind == faults.Query || p.Kind == faults.Exec) && strings.HasPrefix(p.Text, "INSERT") && armed.Add(-1) >= 0 {
						return forgotten
					}
					return nil
				})
				p := lab.Prepare(l, lab.Table[pair](l, "things"), db)
				armed.Store(3)
				lab.WantPut(l, p, pair{1, 1}, upsert.Inserted)
				lab.WantPut(l, p, pair{1, 2}, upsert.Updated)
			})
		})
	}
}

// TestPrepared_TableIsPartitioned checks that Put changes its statement if the table becomes partitioned. Such a table
// cannot tell an insert from an update.
func TestPrepared_TableIsPartitioned(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"pool", "conn"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			lab.Each(t, "postgres", func(l *lab.Lab) {
				l.Exec(lab.CreateThings)
				db, end := handleOn(l, kind, l.Pool().DB.DB)
				defer end()
				p := lab.Prepare(l, lab.Table[pair](l, "things"), db)
				lab.WantPut(l, p, pair{1, 1}, upsert.Inserted)
				l.Exec("DROP TABLE things", lab.CreateThings+" PARTITION BY HASH (k)",
					"CREATE TABLE part PARTITION OF things FOR VALUES WITH (MODULUS 1, REMAINDER 0)")
				lab.WantPut(l, p, pair{1, 2}, upsert.Unknown)
				lab.WantPut(l, p, pair{1, 2}, upsert.Unchanged)
				l.Want("rows", l.Text("SELECT * FROM things"), "1|2")
			})
		})
	}
}

// TestPrepared_FailedRowsLeaveNothing checks rows that do not fit the column. Each such row causes the statement to be
// prepared again and the old statement to be closed.
func TestPrepared_FailedRowsLeaveNothing(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec(lab.CreateThings)
		conn := l.Session()
		p := lab.Prepare(l, lab.Table[widened](l, "things"), conn)
		for range 5 {
			_, err := p.Put(l.Context(), &widened{1, 1 << 40})
			l.WantCode("a number too large", err, "22003")
		}
		lab.WantPut(l, p, widened{1, 1}, upsert.Inserted)
		l.Want("prepared statements on the server", l.TextOn(conn, "SELECT count(*) FROM pg_prepared_statements"), 1)
	})
}

// preparing is a connection that calls meanwhile after it has prepared a statement.
type preparing struct {
	*sql.Conn
	meanwhile *func()
}

func (c preparing) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	stmt, err := c.Conn.PrepareContext(ctx, query)
	(*c.meanwhile)()
	return stmt, err
}

// TestPrepared_ClosedWhileItPrepares checks that Close also closes a statement that is being prepared at the time, and that
// no statement is prepared after Close.
func TestPrepared_ClosedWhileItPrepares(t *testing.T) {
	t.Parallel()
	type row struct {
		K int `upsert:"key"`
		V int `upsert:"omitzero"`
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec(lab.CreateThings)
		calls, meanwhile := 0, func() {}
		conn := preparing{l.Session().Conn, &meanwhile}
		p := lab.Prepare(l, lab.Table[row](l, "things"), conn)
		meanwhile = func() {
			calls++
			if err := p.Close(); err != nil {
				l.Errorf("Close: %v", err)
			}
		}
		for _, r := range []row{{1, 1}, {1, 0}, {1, 1}, {1, 0}} { // Prepare has already prepared one of the two texts
			if o, err := p.Put(l.Context(), &r); calls > 0 && (err == nil || !strings.Contains(err.Error(), "are closed")) {
				l.Errorf("Put = %v, %v; want the error that the statements are closed", o, err)
			}
		}
		l.Want("statements prepared after Prepare", calls, 1)
		l.Want("prepared statements on the server", l.TextOn(conn, "SELECT count(*) FROM pg_prepared_statements"), 0)
	})
}
