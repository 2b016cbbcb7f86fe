package upserttest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/goupsert/upsert/upserttest"
	sqlite3 "github.com/mattn/go-sqlite3"
)

// plain is a driver that has nothing but what database/sql asks of every driver.
type plain struct{ dsn string }

func (p plain) Connect(context.Context) (driver.Conn, error) {
	c, err := (&sqlite3.SQLiteDriver{}).Open(p.dsn)
	return plainConn{c}, err
}
func (p plain) Driver() driver.Driver { return p }
func (p plain) Open(dsn string) (driver.Conn, error) {
	return plain{dsn}.Connect(context.Background())
}

type plainConn struct{ c driver.Conn }

func (p plainConn) Prepare(q string) (driver.Stmt, error) {
	s, err := p.c.Prepare(q)
	return plainStmt{s}, err
}
func (p plainConn) Close() error              { return p.c.Close() }
func (p plainConn) Begin() (driver.Tx, error) { return p.c.Begin() } //nolint:staticcheck // the point of this driver

type plainStmt struct{ s driver.Stmt }

func (p plainStmt) Close() error  { return p.s.Close() }
func (p plainStmt) NumInput() int { return p.s.NumInput() }
func (p plainStmt) Exec(args []driver.Value) (driver.Result, error) {
	return p.s.Exec(args) //nolint:staticcheck // the point of this driver
}
func (p plainStmt) Query(args []driver.Value) (driver.Rows, error) {
	return p.s.Query(args) //nolint:staticcheck // the point of this driver
}

// converting is plain with statements that convert their arguments.
type converting struct{ plain }

func (c converting) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.plain.Connect(ctx)
	return convertingConn{conn.(plainConn)}, err
}

type convertingConn struct{ plainConn }

func (c convertingConn) Prepare(q string) (driver.Stmt, error) {
	s, err := c.c.Prepare(q)
	return convertingStmt{plainStmt{s}}, err
}

type convertingStmt struct{ plainStmt }

func (convertingStmt) ColumnConverter(int) driver.ValueConverter { return sumConverter{} }

type sumConverter struct{}

func (sumConverter) ConvertValue(v any) (driver.Value, error) {
	if p, ok := v.(pairOf); ok {
		return int64(p.a + p.b), nil
	}
	return driver.DefaultParameterConverter.ConvertValue(v)
}

type pairOf struct{ a, b int }

// checking counts the calls of the optional methods, and has only the methods of a connection that is up to date.
type checking struct {
	plain
	resets, checks, pings *atomic.Int64
}

func (c checking) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := (&sqlite3.SQLiteDriver{}).Open(c.dsn)
	if err != nil {
		return nil, err
	}
	return checkingConn{conn.(sqliteConn), c}, nil
}

// sqliteConn is what database/sql uses of go-sqlite3's connection, which has fewer methods without cgo.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
}

type checkingConn struct {
	sqliteConn
	d checking
}

func (c checkingConn) ResetSession(context.Context) error { c.d.resets.Add(1); return nil }
func (c checkingConn) IsValid() bool                      { return true }
func (c checkingConn) Ping(context.Context) error         { c.d.pings.Add(1); return nil }
func (c checkingConn) CheckNamedValue(v *driver.NamedValue) (err error) {
	c.d.checks.Add(1)
	v.Value, err = sumConverter{}.ConvertValue(v.Value)
	return err
}

// use does what a handle can be asked, and tells what came of it.
func use(ctx context.Context, db *sql.DB) (told []string) {
	tell := func(what string, v any, err error) {
		if err != nil {
			v = err
		}
		told = append(told, fmt.Sprintf("%s: %v", what, v))
	}
	affected := func(r sql.Result, err error) (any, error) {
		if err != nil {
			return nil, err
		}
		return r.RowsAffected()
	}
	for i, args := range [][]any{{1}, {sql.Named("n", 2)}, {pairOf{1, 2}}, {1, 2}, {}, {make(chan int)}} {
		what := fmt.Sprint(i)
		n, err := affected(db.ExecContext(ctx, "INSERT INTO t (n) VALUES (?)", args...))
		tell("exec "+what, n, err)
		rows, err := db.QueryContext(ctx, "SELECT n FROM t WHERE n = ?", args...)
		if err == nil {
			err = errors.Join(rows.Close(), rows.Err())
		}
		tell("query "+what, nil, err)
	}
	for _, opts := range []sql.TxOptions{{}, {Isolation: sql.LevelSerializable}, {ReadOnly: true}} {
		tx, err := db.BeginTx(ctx, &opts)
		if err == nil {
			err = tx.Rollback()
		}
		tell(fmt.Sprint("begin ", opts), nil, err)
	}
	tell("ping", nil, db.PingContext(ctx))
	tell("syntax", nil, func() error { _, err := db.ExecContext(ctx, "NOT SQL"); return err }())
	return append(told, types(ctx, db)...)
}

func types(ctx context.Context, db *sql.DB) (told []string) {
	rows, err := db.QueryContext(ctx, "SELECT n, 'a' AS s, 1.5 FROM t ORDER BY n")
	if err != nil {
		return []string{err.Error()}
	}
	defer rows.Close()
	all, err := rows.ColumnTypes()
	if err != nil {
		return []string{err.Error()}
	}
	for _, c := range all {
		nullable, ok := c.Nullable()
		told = append(told, fmt.Sprint(c.Name(), c.DatabaseTypeName(), nullable, ok, c.ScanType()))
	}
	for rows.Next() {
		var n, s, f any
		err = errors.Join(err, rows.Scan(&n, &s, &f))
		told = append(told, fmt.Sprint(n, s, f))
	}
	return append(told, fmt.Sprint(errors.Join(err, rows.Err())))
}

// drivers returns a connector for each kind of driver.
func drivers(dsn string) map[string]driver.Connector {
	count := func() *atomic.Int64 { return &atomic.Int64{} }
	return map[string]driver.Connector{
		"plain": plain{dsn}, "converting": converting{plain{dsn}}, "checking": checking{plain{dsn}, count(), count(), count()},
	}
}

func openWith(t testing.TB, name string) *sql.DB {
	t.Helper()
	db := sql.OpenDB(drivers("file:" + t.TempDir() + "/x.db?_busy_timeout=3000&_synchronous=OFF")[name])
	if _, err := db.Exec("CREATE TABLE t (n INTEGER PRIMARY KEY, s TEXT)"); err != nil {
		t.Fatal(err)
	}
	return db
}

// A handle answers every call as it would without the helper between the handle and its driver.
func TestWrapperAnswersAsTheDriver(t *testing.T) {
	t.Parallel()
	for name := range drivers("") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bare := openWith(t, name)
			t.Cleanup(func() { _ = bare.Close() })
			want := use(t.Context(), bare)
			var got []string
			reportOf(t, func(t testing.TB) {
				upserttest.Idempotent(t, func(t testing.TB) *sql.DB { return openWith(t, name) }, func(ctx context.Context, db *sql.DB) error {
					if got == nil {
						got = use(ctx, db)
					}
					return errors.New("enough")
				})
			})
			if !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// A write is checked with each kind of driver.
func TestEveryDriver(t *testing.T) {
	t.Parallel()
	for name := range drivers("") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open := func(t testing.TB) *sql.DB { return openWith(t, name) }
			upserttest.Idempotent(t, open, func(ctx context.Context, db *sql.DB) error {
				tx, err := db.BeginTx(ctx, nil)
				if err != nil {
					return err
				}
				defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
				stmt, err := tx.PrepareContext(ctx, "INSERT INTO t (n) VALUES (?) ON CONFLICT DO NOTHING")
				if err != nil {
					return err
				}
				for n := range 2 {
					if _, err := stmt.ExecContext(ctx, n); err != nil {
						return err
					}
				}
				return tx.Commit()
			}, upserttest.MaxSchedules(6))
			out, failed := reportOf(t, func(t testing.TB) {
				upserttest.Idempotent(t, open, func(ctx context.Context, db *sql.DB) error {
					_, err := db.ExecContext(ctx, "INSERT INTO t (s) VALUES (?)", "a")
					return err
				})
			})
			if !failed || !strings.Contains(out, "doubled  2  a") {
				t.Error(out)
			}
		})
	}
}

// The driver's methods for its sessions are called.
func TestWrapperPassesOn(t *testing.T) {
	t.Parallel()
	var all []checking
	upserttest.Idempotent(t, func(t testing.TB) *sql.DB {
		c := drivers("file:" + t.TempDir() + "/x.db?_synchronous=OFF")["checking"].(checking)
		all = append(all, c)
		db := sql.OpenDB(c)
		if _, err := db.Exec("CREATE TABLE t (n INTEGER PRIMARY KEY)"); err != nil {
			t.Fatal(err)
		}
		return db
	}, func(ctx context.Context, db *sql.DB) error {
		if err := db.PingContext(ctx); err != nil {
			return err
		}
		_, err := db.ExecContext(ctx, "INSERT INTO t (n) VALUES (?) ON CONFLICT DO NOTHING", pairOf{1, 2})
		return err
	})
	if c := all[0]; c.resets.Load() == 0 || c.checks.Load() != 1 || c.pings.Load() != 1 {
		t.Errorf("ResetSession %d times, CheckNamedValue %d times, Ping %d times; want some, 1, 1", c.resets.Load(), c.checks.Load(), c.pings.Load())
	}
}
