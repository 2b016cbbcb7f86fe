package keys_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

func TestMigrateTwice(t *testing.T) {
	t.Parallel()
	eachDDL(t, func(x ddl) {
		x.migrate()
		x.insert(plainName, 1)
		x.migrate()
		if n := x.count(plainName); n != 1 {
			x.Errorf("%d rows are left, want 1", n)
		}
		if !x.indexed(plainName) {
			x.Error("there is no index on expires_at")
		}
	})
}

// TestMigrateAtOnce checks processes that start and migrate at the same time. Each process must find a correct table.
func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) { migrateAtOnce(t, e.Namespace(t)) })
}

// TestHazard_E2_MigrateBehindATransactionPooler checks hazards E2 and E8: behind a transaction pooler each statement may use
// another connection.
func TestHazard_E2_MigrateBehindATransactionPooler(t *testing.T) {
	t.Parallel()
	migrateAtOnce(t, engine.Pooler(engine.Newest("postgres").Namespace(t)))
}

func migrateAtOnce(t *testing.T, ns *engine.Namespace) {
	t.Helper()
	pools := make([]*sqlx.DB, 16)
	for i := range pools {
		pools[i] = ns.DB()
	}
	for table := range 3 {
		open := func(pool *sqlx.DB) *keys.Store {
			s, err := keys.Open(t.Context(), pool, keys.Table(fmt.Sprint("keys", table)))
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		stores := make([]*keys.Store, len(pools))
		for i, pool := range pools {
			stores[i] = open(pool)
		}
		start := make(chan struct{})
		var all sync.WaitGroup
		for _, s := range stores {
			all.Go(func() {
				<-start
				if err := s.Migrate(t.Context()); err != nil {
					t.Errorf("Migrate: %v", err)
				}
			})
		}
		close(start)
		all.Wait()
		open(pools[0])
	}
}

// TestMigrateInASchema checks that a table may be in another schema than the connection's default schema, even if the
// default schema has an unrelated table of the same name.
func TestMigrateInASchema(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		x := newDDL(t, e.Open(t))
		schema := "other.one"
		if e.Dialect() == "sqlite" {
			x.db.SetMaxOpenConns(1) // an attached database belongs to its connection
			x.exec("ATTACH ':memory:' AS " + x.d.Quote(schema))
		} else {
			schema = e.Namespace(t).Name()
		}
		x.exec("CREATE TABLE idempotency_keys (a INT)")
		option := keys.Table(`"` + schema + `".idempotency_keys`)
		x.migrate(option)
		x.migrate(option)
		qualified := x.d.QuoteTable(dialect.Table{Schema: schema, Name: plainName})
		x.insert(qualified, 1)
		if n := x.count(qualified); n != 1 {
			x.Errorf("%d rows, want 1", n)
		}
		_, err := keys.Open(x.Context(), x.db)
		if wrong := new(*keys.SchemaError); !errors.As(err, wrong) {
			x.Errorf("Open of the other table: %v, want a SchemaError", err)
		}
		x.exec(x.part(indexFile, "Down", option))
		x.migrate(option)
		x.exec(x.part(createFile, "Down", option))
		x.migrate(option)
	})
}

func TestMigrateInSQLitesMain(t *testing.T) {
	t.Parallel()
	x := newDDL(t, engine.Get("sqlite").Open(t))
	x.migrate(keys.Table("main.x"))
	x.insert("x", 1)
	x.open(keys.Table("x"))
}

func TestMigrateInASchemaThatIsNotThere(t *testing.T) {
	t.Parallel()
	eachDDL(t, func(x ddl) {
		s, err := keys.Open(x.Context(), x.db, keys.Table("nowhere_at_all.x"))
		if err == nil {
			err = s.Migrate(x.Context())
		}
		if err == nil || !strings.Contains(err.Error(), "nowhere_at_all") || !strings.HasPrefix(err.Error(), "keys: table nowhere_at_all.x: ") {
			x.Errorf("%v, want an error that names the schema", err)
		}
	})
}

func TestMigrateOddNames(t *testing.T) {
	t.Parallel()
	eachDDL(t, func(x ddl) {
		for _, name := range []string{
			"Größe", "order", `it's a "name"`, "back`tick\\slash\\", "%s $1 ? :x @y", "a - b", "/* neither", `{{.}} ${HOME}`, "Idempotency_Keys_2",
		} {
			option := keys.Table(`"` + strings.ReplaceAll(name, `"`, `""`) + `"`)
			x.migrate(option)
			x.migrate(option)
			x.insert(x.d.Quote(name), 1)
			x.exec(x.part(indexFile, "Down", option))
			x.migrate(option)
			x.exec(x.part(indexFile, "Down", option) + x.part(createFile, "Down", option))
			x.exec(keys.Schema(x.d, option))
			x.open(option)
		}
	})
}

// TestMigrateBesideANameInOtherCase checks Open and Migrate if another table has a name that differs only by case. On some
// databases the two names are two tables.
func TestMigrateBesideANameInOtherCase(t *testing.T) {
	t.Parallel()
	eachDDL(t, func(x ddl) {
		folds := x.d.Name() == "sqlite"
		if strings.Contains("mysql mariadb", x.d.Name()) {
			if err := x.db.GetContext(x.Context(), &folds, "SELECT @@lower_case_table_names <> 0"); err != nil {
				x.Fatal(err)
			}
		}
		x.exec("CREATE TABLE " + x.d.Quote("Idempotency_Keys") + " (a INT)")
		_, err := keys.Open(x.Context(), x.db)
		if folds != (err != nil) {
			x.Fatalf("Open beside a table named in capitals: %v", err)
		}
		if !folds {
			x.migrate()
			x.insert(plainName, 1)
		}
	})
}

// TestMigrateUpgrades checks that Migrate adds the missing parts and keeps the rows if a table was made by an older version,
// or by hand without its index.
func TestMigrateUpgrades(t *testing.T) {
	t.Parallel()
	eachDDL(t, func(x ddl) {
		x.exec(x.part(createFile, "Up"))
		x.insert(plainName, 1)
		x.insert(plainName, 2)
		x.migrate()
		if n := x.count(plainName); n != 2 {
			x.Errorf("%d rows are left, want 2", n)
		}
		if !x.indexed(plainName) {
			x.Error("there is no index on expires_at")
		}
	})
}

// TestMigrateLeavesANewerColumn checks that Migrate does not change a column of a newer version.
func TestMigrateLeavesANewerColumn(t *testing.T) {
	t.Parallel()
	eachDDL(t, func(x ddl) {
		x.migrate()
		x.exec("ALTER TABLE idempotency_keys ADD COLUMN later VARCHAR(10) NOT NULL DEFAULT 'x'")
		x.migrate()
		x.insert(plainName, 1)
		if n := x.count("idempotency_keys WHERE later = 'x'"); n != 1 {
			x.Errorf("the newer column has gone: %d rows with it, want 1", n)
		}
	})
}

// TestMigrateWhereTheIndexNameIsTaken checks that the error names the migration if an unrelated index already has the name
// that the migration needs.
func TestMigrateWhereTheIndexNameIsTaken(t *testing.T) {
	t.Parallel()
	eachDDL(t, func(x ddl) {
		x.exec(x.part(createFile, "Up"))
		x.exec("CREATE INDEX idempotency_keys_expires_at ON idempotency_keys (claimed_at)")
		err := x.open().Migrate(x.Context())
		if err == nil || !strings.Contains(err.Error(), "keys: table idempotency_keys: migration 00002_index_expires_at.sql: ") {
			x.Errorf("Migrate: %v, want an error that names the migration", err)
		}
	})
}

func TestMigrateWrongTable(t *testing.T) {
	t.Parallel()
	eachDDL(t, func(x ddl) {
		s := x.open()
		x.exec("CREATE TABLE idempotency_keys (key_hash INT PRIMARY KEY, expires_at INT)")
		var wrong *keys.SchemaError
		if err := s.Migrate(x.Context()); !errors.As(err, &wrong) || len(wrong.Problems) < 15 || wrong.Table != plainName {
			x.Errorf("Migrate: %v, want a SchemaError with all problems", err)
		}
		x.exec("CREATE INDEX idempotency_keys_expires_at ON idempotency_keys (expires_at)") // succeeds, so Migrate has not created the index
	})
}
