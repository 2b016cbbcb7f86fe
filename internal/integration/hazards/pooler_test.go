package hazards_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/jmoiron/sqlx"
)

// beside are two tables with the same columns, so that a statement fits either table.
var beside = []string{"even", "odd"}

// pooled runs f in a lab on PostgreSQL with both tables. through is the same namespace behind PgBouncer in transaction mode.
func pooled(t *testing.T, f func(l *lab.Lab, through *engine.Namespace)) {
	t.Helper()
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		for _, name := range beside {
			l.Exec("CREATE TABLE " + name + " (k INT PRIMARY KEY, v INT)")
		}
		f(l, engine.Pooler(l.NS))
	})
}

// wantUnsupported wants a refusal that gives the reason and a remedy.
func wantUnsupported(l *lab.Lab, what string, err error, hints ...string) {
	l.Helper()
	var lacks *dialect.UnsupportedError
	if !errors.As(err, &lacks) || lacks.Dialect != "postgres" || !strings.Contains(lacks.Feature, "E2") {
		l.Errorf("%s: %v; want a *dialect.UnsupportedError of hazard E2", what, err)
		return
	}
	for _, hint := range hints {
		if !strings.Contains(lacks.Hint, hint) {
			l.Errorf("%s: the hint %q does not have %q", what, lacks.Hint, hint)
		}
	}
}

// TestHazard_E2_PreparedStatementIsAnotherClients prepares a statement on one server connection and executes the statement
// on another one. On the second connection the statement's name belongs to the statement of another client.
func TestHazard_E2_PreparedStatementIsAnotherClients(t *testing.T) {
	t.Parallel()
	pooled(t, func(l *lab.Lab, through *engine.Namespace) {
		for try := range 20 { // only this test uses the pool, so one try suffices unless the pooler's housekeeping interferes
			one, other, third := through.DB(), through.DB(), through.DB()
			stmt, err := one.PrepareContext(l.Context(), "INSERT INTO even VALUES ($1, $2)")
			if err != nil {
				continue
			}
			busy, err := third.BeginTx(l.Context(), nil) // occupies the server connection
			if err != nil {
				l.Fatal(err)
			}
			_, _ = busy.ExecContext(l.Context(), "SELECT 1")
			_, err = other.PrepareContext(l.Context(), "INSERT INTO odd VALUES ($1, $2)")
			if err == nil {
				_, err = stmt.ExecContext(l.Context(), try, try)
			}
			_ = busy.Rollback()
			if err == nil && l.Text("SELECT count(*) FROM odd") != "0" {
				l.Want("hazard: rows of a statement on even, in even and in odd", l.Text("SELECT (SELECT count(*) FROM even), (SELECT count(*) FROM odd)"), "0|1")
				return
			}
			l.Logf("try %d: %v", try, err)
		}
		l.Error("the hazard is gone: no prepared statement ran as another client's")
	})
}

const (
	poolClients = 16
	poolCalls   = 40
)

// TestHazard_E2_PutBehindATransactionPooler checks that the library's own statements are correct with the default settings
// of lib/pq too.
func TestHazard_E2_PutBehindATransactionPooler(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 5} {
		t.Run(fmt.Sprintf("%d rows", n), func(t *testing.T) {
			t.Parallel()
			pooled(t, func(l *lab.Lab, through *engine.Namespace) {
				db := through.DB()
				db.SetMaxIdleConns(poolClients)
				var all sync.WaitGroup
				for client := range poolClients {
					table := lab.Table[pair](l, beside[client%2])
					all.Go(func() {
						rows := make([]pair, n)
						for call := range poolCalls {
							for i := range rows {
								rows[i] = pair{100*client + i, call}
							}
							if err := putRows(l, table, db, rows, call == 0); err != nil {
								l.Errorf("call %d of client %d: %v", call, client, err)
								return
							}
						}
					})
				}
				all.Wait()
				for i, name := range beside {
					l.Want("rows of "+name+", those of their last call, those of the other table",
						l.Text(fmt.Sprintf("SELECT count(*), count(*) FILTER (WHERE v = %d), count(*) FILTER (WHERE k / 100 %% 2 <> %d) FROM %s", poolCalls-1, i, name)),
						fmt.Sprintf("%d|%[1]d|0", poolClients/2*n))
				}
			})
		})
	}
}

// putRows writes a single row with Put and several rows with PutAll. It wants each row inserted if fresh is true, else
// updated.
func putRows(l *lab.Lab, table *upsert.Table[pair], db upsert.DB, rows []pair, fresh bool) error {
	want, all := upsert.Updated, upsert.Result{Updated: int64(len(rows))}
	if fresh {
		want, all = upsert.Inserted, upsert.Result{Inserted: int64(len(rows))}
	}
	if len(rows) == 1 {
		o, err := table.Put(l.Context(), db, &rows[0])
		if err == nil && o != want {
			err = fmt.Errorf("the outcome is %v; want %v", o, want)
		}
		return err
	}
	res, err := table.PutAll(l.Context(), db, rows, upsert.Outcomes())
	if err == nil && res != all {
		err = fmt.Errorf("the result is %v; want %v", res, all)
	}
	return err
}

func TestHazard_E2_PrepareIsRefusedBehindATransactionPooler(t *testing.T) {
	t.Parallel()
	pooled(t, func(l *lab.Lab, through *engine.Namespace) {
		table := lab.Table[pair](l, "even")
		for _, opts := range [][]engine.Option{nil, {engine.Param("binary_parameters", "yes")}} {
			db := through.DB(opts...)
			conn, err := db.Connx(l.Context())
			if err != nil {
				l.Fatal(err)
			}
			for _, handle := range []upsert.DB{db, db.DB, conn, conn.Conn} {
				for range 2 { // the second time the library knows the answer already
					_, err := table.Prepare(l.Context(), handle)
					wantUnsupported(l, fmt.Sprintf("Prepare on a %T", handle), err, "use Put")
				}
			}
			_ = conn.Close()
		}
		l.Want("rows", l.Text("SELECT * FROM even"), "")
		lab.Prepare(l, table, l.DB) // Prepare refuses the handle and not the table
	})
}

// TestHazard_E2_PrepareInATransactionBehindAPooler checks Prepare in a transaction, which keeps its server connection. The
// statements must be closed before the transaction ends, because another client may use the connection afterwards.
func TestHazard_E2_PrepareInATransactionBehindAPooler(t *testing.T) {
	t.Parallel()
	pooled(t, func(l *lab.Lab, through *engine.Namespace) {
		var all sync.WaitGroup
		for client := range poolClients / 2 {
			all.Go(func() {
				db := through.DB()
				for call := range 5 {
					if err := prepareInTx(l, db, client, call); err != nil {
						l.Errorf("call %d of client %d: %v", call, client, err)
						return
					}
				}
			})
		}
		all.Wait()
		for i, name := range beside {
			l.Want("rows of "+name+", those of the other table",
				l.Text(fmt.Sprintf("SELECT count(*), count(*) FILTER (WHERE k / 100 %% 2 <> %d) FROM %s", i, name)), "20|0")
		}
	})
}

func prepareInTx(l *lab.Lab, db *sqlx.DB, client, call int) error {
	tx, err := db.BeginTxx(l.Context(), nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	p, err := lab.Table[pair](l, beside[client%2]).Prepare(l.Context(), tx)
	if err != nil {
		return err
	}
	for i, want := range []upsert.Outcome{upsert.Inserted, upsert.Updated, upsert.Unchanged} {
		if o, err := p.Put(l.Context(), &pair{100*client + call, min(i, 1)}); err != nil || o != want {
			return fmt.Errorf("Put = %v, %w; want %v", o, err, want)
		}
	}
	return errors.Join(p.Close(), tx.Commit())
}

// TestHazard_E2_PrepareThroughAWrappedDriver checks that Prepare is refused if the driver is wrapped, because a wrapped
// driver does not tell the library the address of the server. In a transaction Prepare is allowed.
func TestHazard_E2_PrepareThroughAWrappedDriver(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec(lab.CreateThings)
		table, db := lab.Table[pair](l, "things"), faults.Open(l, l.NS, nil)
		_, err := table.Prepare(l.Context(), db)
		wantUnsupported(l, "Prepare", err, "cannot be seen through this driver", "Prepare in a transaction")
		tx, err := db.BeginTx(l.Context(), nil)
		if err != nil {
			l.Fatal(err)
		}
		lab.WantPut(l, lab.Prepare(l, table, tx), pair{1, 1}, upsert.Inserted)
		l.Commit(tx)
		l.Want("Put", lab.Put(l, table, db, pair{1, 1}), upsert.Unchanged)
	})
}

func TestHazard_E2_DirectConnectionIsNotRefused(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec(lab.CreateThings)
		table := lab.Table[pair](l, "things")
		for i, dsn := range []string{
			l.NS.DSN(),
			l.NS.DSN(engine.Param("binary_parameters", "yes")),
			faults.NewProxy(l, l.NS).DSN(),
			unixSocket(l, l.NS.DSN()),
			unixSocket(l, l.NS.DSN(engine.Param("binary_parameters", "yes"))),
		} {
			db, err := sql.Open("postgres", dsn)
			if err != nil {
				l.Fatal(err)
			}
			p := lab.Prepare(l, table, db)
			lab.WantPut(l, p, pair{i, 1}, upsert.Inserted)
			lab.WantPut(l, p, pair{i, 1}, upsert.Unchanged)
			_ = p.Close()
			_ = db.Close()
		}
	})
}

// unixSocket returns a DSN that reaches the server through a Unix socket.
func unixSocket(l *lab.Lab, dsn string) string {
	l.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		l.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "pg") // the path of a socket must be short, and l.TempDir contains the name of the test
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { _ = os.RemoveAll(folder) })
	server, q := u.Host, u.Query()
	door, err := new(net.ListenConfig).Listen(l.Context(), "unix", filepath.Join(folder, ".s.PGSQL.5432"))
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { _ = door.Close() })
	go func() {
		for {
			client, err := door.Accept()
			if err != nil {
				return
			}
			go relay(client, server)
		}
	}()
	q.Set("host", folder)
	q.Set("port", "5432")
	u.Host, u.RawQuery = "", q.Encode()
	return u.String()
}

func relay(client net.Conn, addr string) {
	server, err := new(net.Dialer).DialContext(context.Background(), "tcp", addr)
	if err != nil {
		_ = client.Close()
		return
	}
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	}()
	_, _ = io.Copy(client, server)
	_ = client.Close()
}

// TestPut_BeginsBehindAPoolerIfItMust checks that Put behind a pooler begins a transaction only if the driver sends a
// text and its parameters separately.
func TestPut_BeginsBehindAPoolerIfItMust(t *testing.T) {
	t.Parallel()
	pooled(t, func(l *lab.Lab, through *engine.Namespace) {
		table := lab.Table[pair](l, "even")
		for binary, want := range map[string]bool{"no": true, "yes": false} {
			proxy := faults.NewProxy(l, through)
			db, err := sql.Open("postgres", proxy.DSN(engine.Param("binary_parameters", binary)))
			if err != nil {
				l.Fatal(err)
			}
			lab.Put(l, table, db, pair{1, 1})
			before := len(proxy.Requests())
			lab.Put(l, table, db, pair{1, 2})
			sent := proxy.Requests()[before:]
			if began := sent[0].Kind == faults.Begin; began != want {
				l.Errorf("with binary_parameters=%s %v was sent; want a transaction: %v", binary, sent, want)
			}
			_ = db.Close()
		}
	})
}
