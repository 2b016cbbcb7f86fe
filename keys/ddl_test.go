package keys_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

const plainName = "idempotency_keys"

// ddl is a database in which the tests create and inspect tables of keys.
type ddl struct {
	*testing.T
	db *sqlx.DB
	d  dialect.Dialect
}

func newDDL(t *testing.T, db *sqlx.DB) ddl {
	t.Helper()
	d, err := dialect.Detect(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return ddl{t, db, d}
}

func eachDDL(t *testing.T, fn func(x ddl)) {
	t.Helper()
	engine.Each(t, func(t *testing.T, e *engine.Engine) { fn(newDDL(t, e.Open(t))) })
}

// exec runs statements, one at a time. A statement ends in a semicolon and a line break.
func (x ddl) exec(text string) {
	x.Helper()
	for _, statement := range strings.Split(strings.TrimSpace(text)+"\n", ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := x.db.ExecContext(x.Context(), statement); err != nil {
			x.Fatalf("%s: %v", statement, err)
		}
	}
}

func (x ddl) open(opts ...keys.Option) *keys.Store {
	x.Helper()
	s, err := keys.Open(x.Context(), x.db, opts...)
	if err != nil {
		x.Fatalf("Open: %v", err)
	}
	return s
}

func (x ddl) migrate(opts ...keys.Option) {
	x.Helper()
	if err := x.open(opts...).Migrate(x.Context()); err != nil {
		x.Fatalf("Migrate: %v", err)
	}
}

// indexed reports whether Open finds the index on expires_at. Open reports a missing index only together with another
// problem, so indexed adds one.
func (x ddl) indexed(table string) bool {
	x.Helper()
	x.exec("ALTER TABLE " + table + " ADD COLUMN spoiler INTEGER")
	x.exec("CREATE UNIQUE INDEX spoiler ON " + table + " (spoiler)")
	_, err := keys.Open(x.Context(), x.db)
	var wrong *keys.SchemaError
	if !errors.As(err, &wrong) {
		x.Fatalf("Open: %v, want a SchemaError about index spoiler", err)
	}
	return !strings.Contains(err.Error(), "no index on expires_at")
}

// part returns one direction of a migration.
func (x ddl) part(file, direction string, opts ...keys.Option) string {
	x.Helper()
	text, err := fs.ReadFile(keys.Migrations(opts...), x.d.Name()+"/"+file)
	if err != nil {
		x.Fatal(err)
	}
	_, part, _ := strings.Cut(string(text), "-- +goose "+direction+"\n")
	part, _, _ = strings.Cut(part, "-- +goose")
	return part
}

// insert stores a row with a hand-written statement.
func (x ddl) insert(table string, n int) {
	x.Helper()
	bytes := func(hex string) string {
		if x.d.Name() == "postgres" {
			return "decode('" + hex + "', 'hex')"
		}
		return "X'" + hex + "'"
	}
	const then = "'2026-01-02 03:04:05.678'"
	x.exec(fmt.Sprintf("INSERT INTO %s (key_hash, scope, op, id, state, fingerprint_version, codec, attempts, fence, owner, lease_until, claimed_at, expires_at) "+
		"VALUES (%s, 's', 'o', 'i', 1, 0, '', 1, 1, %s, %s, %s, %s)",
		table, bytes(fmt.Sprintf("%064x", n)), bytes(strings.Repeat("00", 16)), then, then, then))
}

func (x ddl) count(table string) (n int) {
	x.Helper()
	if err := x.db.GetContext(x.Context(), &n, "SELECT count(*) FROM "+table); err != nil {
		x.Fatal(err)
	}
	return n
}

const (
	createFile = "00001_create_idempotency_keys.sql"
	indexFile  = "00002_index_expires_at.sql"
)
