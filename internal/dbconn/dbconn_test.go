package dbconn_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"runtime"
	"testing"

	"github.com/DATA-DOG/go-sqlmock"
	_ "github.com/go-sql-driver/mysql"
	"github.com/goupsert/upsert/internal/dbconn"
	_ "github.com/lib/pq"
	_ "github.com/mattn/go-sqlite3"
)

func TestFamilyOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"postgres": "postgres", "mysql": "mysql", "sqlite3": "sqlite"} {
		db, err := sql.Open(name, map[string]string{"mysql": "root@tcp(127.0.0.1:1)/x"}[name]) // opens no connection
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if path, family := dbconn.FamilyOf(db); family != want || path == "" {
			t.Errorf("the driver %s: %q, of family %q; want %q", name, path, family, want)
		}
		if _, family := dbconn.FamilyOf(struct{ dbconn.Handle }{db}); family != "" {
			t.Errorf("a handle of two methods: family %q; want none", family)
		}
	}
	db, _, err := sqlmock.New()
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, family := dbconn.FamilyOf(db); family != "" {
		t.Errorf("a driver that is not known: family %q; want none", family)
	}
}

// listed is a handle that cannot be compared.
type listed struct {
	dbconn.Handle
	list []int
}

func TestRecentRemembersTheLastHandles(t *testing.T) {
	t.Parallel()
	var recent dbconn.Recent[int]
	var handles []*sql.DB
	for i := range 17 {
		handles = append(handles, &sql.DB{})
		recent.Add(handles[i], i)
	}
	if v, ok := recent.Get(handles[0]); ok {
		t.Errorf("the first of 17 is remembered as %d", v)
	}
	for i, h := range handles[1:] {
		if v, ok := recent.Get(h); !ok || v != i+1 {
			t.Errorf("handle %d is remembered as %d, %v", i+1, v, ok)
		}
	}
	odd := listed{list: []int{1}}
	recent.Add(odd, 1)
	if _, ok := recent.Get(odd); ok {
		t.Error("a handle that cannot be compared is remembered")
	}
}

// TestOnDriver: however f ends, the connection is as usable as before.
func TestOnDriver(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite3", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // the pool has no other use for the connection
	if _, err := conn.ExecContext(t.Context(), "CREATE TABLE t (k)"); err != nil {
		t.Fatal(err)
	}
	alive := func(after string) {
		t.Helper()
		if _, err := conn.ExecContext(context.WithoutCancel(t.Context()), "INSERT INTO t VALUES (1)"); err != nil {
			t.Errorf("after %s: %v", after, err)
		}
	}
	if err := dbconn.OnDriver(conn, func(any) error { return driver.ErrBadConn }); !errors.Is(err, driver.ErrBadConn) {
		t.Errorf("ErrBadConn: %v", err)
	}
	alive("ErrBadConn")
	if err := dbconn.OnDriver(conn, func(any) error { runtime.Goexit(); return nil }); err == nil {
		t.Error("the goroutine's end: nil; want an error")
	}
	alive("the goroutine's end")
	func() {
		defer func() {
			if p := recover(); p != "panic" {
				t.Errorf("recovered %v", p)
			}
		}()
		_ = dbconn.OnDriver(conn, func(any) error { panic("panic") })
	}()
	alive("a panic")
}
