package keysuite

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/conformance"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

// place is the environment of one behaviour: a namespace with an empty table of keys and a table of effects. The table of effects
// has no unique index, so only the keys prevent duplicate effects.
//
// Statements on the pool contain their values as text. Behind a transaction pooler, a statement with arguments may execute on the
// wrong server connection (hazard E2).
type place struct {
	*testing.T
	ctx    context.Context
	db     *sqlx.DB
	store  *keys.Store
	server conformance.Server
	verb   string // the verb of call, see each
	prefix string // prefix of the ids of keys and effects
	call   caller
}

// timeout is much longer than any test here takes, so that a hanging call produces an error.
const timeout = time.Minute

func newPlace(t *testing.T, s conformance.Server) *place {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	t.Cleanup(cancel)
	p := &place{T: t, ctx: ctx, db: s.Open(t), server: s}
	p.Cleanup(p.wantGivenBack)
	p.store = p.open()
	if err := p.store.Migrate(ctx); err != nil {
		t.Fatalf("Migrate: %v", err)
	}
	p.exec("CREATE TABLE effects (id VARCHAR(300) NOT NULL)")
	return p
}

// open returns another store on the same table. The store has met no key, as in another process.
func (p *place) open(opts ...keys.Option) *keys.Store {
	p.Helper()
	s, err := keys.Open(p.ctx, p.db, opts...)
	if err != nil {
		p.Fatalf("Open: %v", err)
	}
	return s
}

// wantGivenBack checks that calls return their connections. After the end of a context, another goroutine returns the connection.
func (p *place) wantGivenBack() {
	for end := time.Now().Add(timeout); p.db.Stats().InUse > 0; {
		if time.Now().After(end) {
			p.Errorf("%d connections were not given back", p.db.Stats().InUse)
			return
		}
	}
}

// on runs f as a subtest in the same place.
func (p *place) on(name string, f func(*place)) {
	p.Helper()
	p.Run(name, func(t *testing.T) { // not parallel, because the subtests share the namespace
		q := *p
		q.T = t
		f(&q)
	})
}

func (p *place) sqlite() bool   { return p.server.Dialect == "sqlite" }
func (p *place) postgres() bool { return p.server.Dialect == "postgres" }

// pick returns the SQL for the server's family.
func (p *place) pick(sqlite, postgres, mysql string) string {
	switch {
	case p.sqlite():
		return sqlite
	case p.postgres():
		return postgres
	}
	return mysql
}

func (p *place) exec(query string) {
	p.Helper()
	if _, err := p.db.ExecContext(p.ctx, query); err != nil {
		p.Fatalf("%s: %v", query, err)
	}
}

// get returns the only row of a query.
func get[T any](p *place, query string) (row T) {
	p.Helper()
	if err := p.db.GetContext(p.ctx, &row, query); err != nil {
		p.Fatalf("%s: %v", query, err)
	}
	return row
}

// list returns the rows of a query.
func list[T any](p *place, query string) (rows []T) {
	p.Helper()
	if err := p.db.SelectContext(p.ctx, &rows, query); err != nil {
		p.Fatalf("%s: %v", query, err)
	}
	return rows
}

// begin begins a transaction. The end of the test rolls the transaction back if the test has not ended it.
func (p *place) begin(opts *sql.TxOptions) *sqlx.Tx {
	p.Helper()
	tx, err := p.db.BeginTxx(p.ctx, opts)
	if err != nil {
		p.Fatalf("begin: %v", err)
	}
	p.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

func (p *place) commit(tx *sqlx.Tx) {
	p.Helper()
	if err := tx.Commit(); err != nil {
		p.Fatalf("commit: %v", err)
	}
}

// levels returns the isolation levels of the database. SQLite has a single level, which accepts every name.
func (p *place) levels() []sql.IsolationLevel {
	return []sql.IsolationLevel{sql.LevelDefault, sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable}
}

// at returns the options of a transaction at the level.
func (p *place) at(level sql.IsolationLevel) *sql.TxOptions {
	if p.sqlite() {
		return nil // SQLite's drivers accept no level
	}
	return &sql.TxOptions{Isolation: level}
}

// now returns the current time of the database's clock.
func (p *place) now() time.Time {
	p.Helper()
	text := get[string](p, p.pick("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')",
		"SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')", "SELECT CAST(UTC_TIMESTAMP(6) AS CHAR)"))
	at, err := time.Parse("2006-01-02 15:04:05.999999", text)
	if err != nil {
		p.Fatal(err)
	}
	return at
}

// expire makes the keys that match a condition expire.
func (p *place) expire(where string) {
	p.Helper()
	p.exec("UPDATE idempotency_keys SET expires_at = " + p.pick("'2001-01-01 00:00:00.000'", "'2001-01-01 00:00:00+00'", "'2001-01-01 00:00:00'") + " WHERE " + where)
}

func (p *place) rows() int {
	p.Helper()
	return get[int](p, "SELECT COUNT(*) FROM idempotency_keys")
}
