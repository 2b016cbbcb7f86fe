package integration_test

import (
	"context"
	"database/sql"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/jmoiron/sqlx"
)

// The tests of this file are not parallel, because allocations are counted for the whole process.

// mailAccount is an account with a text key.
type mailAccount struct {
	Email string `db:"email" upsert:"key"`
	accountRest
}

// branchAccount is an account with a key of two columns.
type branchAccount struct {
	ID    int64  `db:"id" upsert:"key"`
	Email string `db:"email" upsert:"key"`
	accountRest
}

type accountRest struct {
	Name      string    `db:"name"`
	Balance   int64     `db:"balance"`
	Score     float64   `db:"score"`
	Active    bool      `db:"active"`
	UpdatedAt time.Time `db:"updated_at"`
	Payload   string    `db:"payload"`
}

func restOf(a lab.Account) accountRest {
	return accountRest{a.Name, a.Balance, a.Score, a.Active, a.UpdatedAt, a.Payload}
}

// allocations returns the number of allocations of f. It is the smaller count of two runs, so that filling caches in the
// first run does not count.
func allocations(t *testing.T, before func(), f func() error) uint64 {
	t.Helper()
	least := ^uint64(0)
	for range 2 {
		before()
		runtime.GC()
		var from, to runtime.MemStats
		runtime.ReadMemStats(&from)
		if err := f(); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&to)
		least = min(least, to.Mallocs-from.Mallocs)
	}
	return least
}

const few, many = 4_000, 8_000

// allocationsARow returns the additional allocations per additional row, so that the fixed cost of a call does not count.
func allocationsARow(t *testing.T, before func(), f func(n int) error) float64 {
	t.Helper()
	m := allocations(t, before, func() error { return f(many) })
	n := allocations(t, before, func() error { return f(few) })
	return (float64(m) - float64(n)) / (many - few)
}

// putAllocations returns the allocations per row of PutAll with new rows.
func putAllocations[T any](t *testing.T, db *sqlx.DB, d dialect.Dialect, name string, row func(lab.Account) T, path upsert.Path) float64 {
	t.Helper()
	return allocationsARow(t, func() { empty(t, db, d, name) }, putter(t, db, d, name, row, path))
}

// putter returns a function that puts the first n rows. The rows are unordered.
func putter[T any](t *testing.T, db *sqlx.DB, d dialect.Dialect, name string, row func(lab.Account) T, path upsert.Path) func(n int) error {
	t.Helper()
	table, err := upsert.New[T](d, name, upsert.Via(path))
	if err != nil {
		t.Fatal(err)
	}
	rows := make([]T, many)
	for i, a := range lab.NewAccounts(many, lab.Payload) {
		rows[(i*7919)%many] = row(a)
	}
	return func(n int) error {
		_, err := table.PutAll(context.Background(), db, rows[:n])
		return err
	}
}

func empty(t *testing.T, db *sqlx.DB, d dialect.Dialect, name string) {
	t.Helper()
	query := "DELETE FROM "
	if d.Name() == "postgres" {
		query = "TRUNCATE "
	}
	db.MustExec(query + name)
}

// TestAllocationsOfBulkPaths checks the paths that write text. A single row of the benchmarks needs no allocation there, and
// the documentation promises at most one per row. The remaining allocations are for blocks of rows.
func TestAllocationsOfBulkPaths(t *testing.T) {
	db := engine.Newest("postgres").Open(t)
	const rest = ", name TEXT, balance BIGINT, score DOUBLE PRECISION, active BOOLEAN, updated_at TIMESTAMPTZ, payload TEXT)"
	db.MustExec("CREATE TABLE accounts (id BIGINT PRIMARY KEY, email TEXT" + rest)
	db.MustExec("CREATE TABLE mails (email TEXT PRIMARY KEY" + rest)
	db.MustExec("CREATE TABLE branches (id BIGINT, email TEXT, PRIMARY KEY (id, email)" + rest)
	const most = 0.25
	check := func(path upsert.Path, what string, n float64) {
		t.Logf("%v, %s: %.3f allocations a row", path, what, n)
		if n > most {
			t.Errorf("%v, %s: %.3f allocations a row, want %v at most", path, what, n, most)
		}
	}
	plain := func(a lab.Account) lab.Account { return a }
	for _, path := range []upsert.Path{upsert.Arrays, upsert.Copy} {
		check(path, "int64 key", putAllocations(t, db, dialect.Postgres, "accounts", plain, path))
		check(path, "rows that are there", allocationsARow(t, func() {}, putter(t, db, dialect.Postgres, "accounts", plain, path)))
		check(path, "text key", putAllocations(t, db, dialect.Postgres, "mails", func(a lab.Account) mailAccount { return mailAccount{a.Email, restOf(a)} }, path))
		check(path, "two-column key", putAllocations(t, db, dialect.Postgres, "branches", func(a lab.Account) branchAccount { return branchAccount{a.ID, a.Email, restOf(a)} }, path))
	}
}

// TestAllocationsOfValues checks that a row costs one boxed value per argument plus the driver's own allocations.
func TestAllocationsOfValues(t *testing.T) {
	db := benchSQLite(t)
	lib := putAllocations(t, db, dialect.SQLite, "accounts", func(a lab.Account) lab.Account { return a }, upsert.Values)
	driver := driverAllocations(t, db)
	const boxed = 7 // a boolean, one of eight fields, needs no box
	t.Logf("values: %.3f allocations a row, of which the driver makes %.3f", lib, driver)
	if lib-driver > boxed+0.5 {
		t.Errorf("%.3f allocations a row, want the driver's %.3f and %d boxes at most", lib, driver, boxed)
	}
}

func benchSQLite(t *testing.T) *sqlx.DB {
	t.Helper()
	db := engine.Get("sqlite").Open(t)
	db.MustExec(lab.CreateAccounts)
	return db
}

// driverAllocations returns the allocations of a prepared statement with the arguments of PutAll. The arguments are boxed
// before the count starts.
func driverAllocations(t *testing.T, db *sqlx.DB) float64 {
	t.Helper()
	const part = 80 // ten thousand rows divide into complete parts
	tab, err := upsert.New[lab.Account](dialect.SQLite, "accounts")
	if err != nil {
		t.Fatal(err)
	}
	var parts [][]any
	var query string
	for at := range many / part {
		var args []any
		if query, args, err = tab.SQL(lab.NewAccounts(many, lab.Payload)[at*part : at*part+part]...); err != nil {
			t.Fatal(err)
		}
		parts = append(parts, args)
	}
	return allocationsARow(t, func() { db.MustExec("DELETE FROM accounts") }, func(n int) error {
		return inTx(db, func(tx *sql.Tx) error {
			stmt, err := tx.Prepare(query)
			if err != nil {
				return err
			}
			for _, args := range parts[:n/part] {
				if _, err := stmt.Exec(args...); err != nil {
					return fmt.Errorf("by hand: %w", err)
				}
			}
			return stmt.Close()
		})
	})
}

func inTx(db *sqlx.DB, f func(tx *sql.Tx) error) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}
