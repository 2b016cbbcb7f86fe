package upserttest_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/keys"
	"github.com/goupsert/upsert/upserttest"
	"github.com/jmoiron/sqlx"
)

type item struct {
	ID   int64  `db:"id" upsert:"key"`
	Name string `db:"name"`
}

type account struct {
	Name    string `db:"name" upsert:"key"`
	Balance int64  `db:"balance" upsert:"add"`
}

// openItems has tables for the library's writes.
func openItems(e *engine.Engine) func(testing.TB) *sqlx.DB {
	return func(t testing.TB) *sqlx.DB {
		t.Helper()
		db := e.Open(t)
		db.MustExec("CREATE TABLE items (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(40) NOT NULL)")
		db.MustExec("CREATE TABLE balances (name VARCHAR(40) NOT NULL PRIMARY KEY, balance BIGINT NOT NULL)")
		return db
	}
}

// A table that lives longer than one run is as good as a new one, though the first run fills its caches.
func TestLibrary(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		e.LeaveTo(t, "postgres18", "mariadb")
		var d dialect.Dialect
		open := func(t testing.TB) *sqlx.DB {
			db := openItems(e)(t)
			var err error
			if d, err = dialect.Detect(context.Background(), db); err != nil {
				t.Fatal(err)
			}
			return db
		}
		open(t)
		items, err := upsert.New[item](d, "items")
		if err != nil {
			t.Fatal(err)
		}
		upserttest.Idempotent(t, open, func(ctx context.Context, db *sqlx.DB) error {
			_, err := items.Put(ctx, db, &item{1, "a"})
			return err
		}, upserttest.Quiet(), upserttest.MaxSchedules(10))
		if !engine.IsLong() && e.Dialect() != "sqlite" {
			return
		}
		upserttest.Idempotent(t, open, func(ctx context.Context, db *sqlx.DB) error {
			_, err := items.PutAll(ctx, db, []item{{1, "a"}, {2, "b"}})
			return err
		}, upserttest.Quiet(), upserttest.MaxSchedules(10))
	})
}

// What a table sends for a row does not depend on the rows before it: the row is changed on a fresh database, and is unchanged in the
// second of two runs.
func TestLibraryChangesARow(t *testing.T) {
	t.Parallel()
	open := func(t testing.TB) *sqlx.DB {
		db := openItems(engine.Get("sqlite"))(t)
		db.MustExec("INSERT INTO items VALUES (1, 'old')")
		return db
	}
	items, err := upsert.New[item](dialect.SQLite, "items")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := items.Plain(t.Context(), open(t), upsert.Ignore(upsert.CheckLength))
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []*upsert.Table[item]{items, plain} {
		upserttest.Idempotent(t, open, func(ctx context.Context, db *sqlx.DB) error {
			_, err := table.Put(ctx, db, &item{1, "new"})
			return err
		}, upserttest.Quiet(), upserttest.MaxSchedules(10))
		upserttest.Idempotent(t, open, func(ctx context.Context, db *sqlx.DB) error {
			p, err := table.Prepare(ctx, db)
			if err != nil {
				return err
			}
			_, err = p.Put(ctx, &item{1, "new"})
			return errors.Join(err, p.Close())
		}, upserttest.Quiet(), upserttest.MaxSchedules(10))
	}
}

// A claim makes a column that adds safe.
func TestLongLibraryKeys(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		e.LeaveTo(t, "postgres18", "mariadb")
		engine.NeedLong(t) // TestPlanted has the same on SQLite
		var table *upsert.Table[account]
		open := func(t testing.TB) *sqlx.DB {
			db := openItems(e)(t)
			d, err := dialect.Detect(context.Background(), db)
			if err != nil {
				t.Fatal(err)
			}
			if table, err = upsert.New[account](d, "balances"); err != nil {
				t.Fatal(err)
			}
			store, err := keys.Open(context.Background(), db)
			if err != nil {
				t.Fatal(err)
			}
			if err := store.Migrate(context.Background()); err != nil {
				t.Fatal(err)
			}
			return db
		}
		upserttest.Idempotent(t, open, func(ctx context.Context, db *sqlx.DB) error {
			store, err := keys.Open(ctx, db)
			if err != nil {
				return err
			}
			k := keys.Key{Scope: "shop", Op: "pay", ID: "r1"}
			_, _, err = keys.Run(ctx, store, k, keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
				_, err := table.Put(ctx, tx, &account{"ada", 40})
				return "done", err
			})
			return err
		}, upserttest.Tables("balances"), upserttest.MaxSchedules(engine.Size(5, 100)))
	})
}

// A handle may embed its *sql.DB at any depth, and keeps its other fields.
func TestHandles(t *testing.T) {
	t.Parallel()
	type named struct {
		*sqlx.DB
		name string
	}
	write := func(ctx context.Context, db upserttest.DB) error {
		_, err := db.ExecContext(ctx, "DELETE FROM payments")
		return err
	}
	upserttest.Idempotent(t, func(t testing.TB) *sqlx.DB { return sqlx.NewDb(openBank(t), "sqlite3") }, func(ctx context.Context, db *sqlx.DB) error {
		_, err := db.NamedExecContext(ctx, "DELETE FROM payments WHERE id = :id", map[string]any{"id": 1})
		return err
	})
	upserttest.Idempotent(t, func(t testing.TB) named { return named{sqlx.NewDb(openBank(t), "sqlite3"), "x"} }, func(ctx context.Context, db named) error {
		if db.name != "x" || db.DriverName() != "sqlite3" {
			t.Error(db)
		}
		return write(ctx, db)
	})
	upserttest.Idempotent(t, func(t testing.TB) *named { return &named{sqlx.NewDb(openBank(t), "sqlite3"), "x"} }, func(ctx context.Context, db *named) error {
		return write(ctx, db)
	})
	upserttest.Idempotent(t, func(t testing.TB) upserttest.DB { return openBank(t) }, write)
	var shared *sql.DB
	out, failed := reportOf(t, func(t testing.TB) {
		upserttest.Idempotent(t, func(t testing.TB) *sql.DB {
			if shared == nil {
				shared = openBank(t)
			}
			return shared
		}, func(ctx context.Context, db *sql.DB) error { return write(ctx, db) })
	})
	if !failed || !strings.Contains(out, "same handle twice") {
		t.Error(out)
	}
}
