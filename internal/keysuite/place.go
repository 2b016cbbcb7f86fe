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

// place is where one behaviour is tried out: a namespace with an empty table of keys, and one of effects that nothing but
// the keys keeps from being there twice.
//
// Statements on the pool have their values in the text: behind a transaction pooler one with arguments may meet another
// connection's (hazard E2).
type place struct {
	*testing.T
	ctx    context.Context
	db     *sqlx.DB
	store  *keys.Store
	server conformance.Server
	verb   string // by which the place calls, see each
	prefix string // of the ids of keys and effects
	call   caller
}

// timeout is far beyond what anything here takes: a call that hangs says so.
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

// open returns another store on the same table, as another process has it: it has met no key.
func (p *place) open(opts ...keys.Option) *keys.Store {
	p.Helper()
	s, err := keys.Open(p.ctx, p.db, opts...)
	if err != nil {
		p.Fatalf("Open: %v", err)
	}
	return s
}

// wantGivenBack: no call keeps a connection. After a context's end it is given back by another goroutine.
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
	p.Run(name, func(t *testing.T) { // not parallel: it shares the namespace with those beside it
		q := *p
		q.T = t
		f(&q)
	})
}

func (p *place) sqlite() bool   { return p.server.Dialect == "sqlite" }
func (p *place) postgres() bool { return p.server.Dialect == "postgres" }

// pick returns what is written for the server's family.
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

// get returns the one row of a query.
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

// begin begins a transaction that ends with the test if it has not ended before.
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

// levels are the isolation levels that the database has. SQLite has one, by every name.
func (p *place) levels() []sql.IsolationLevel {
	return []sql.IsolationLevel{sql.LevelDefault, sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable}
}

// at are the options of a transaction of the level.
func (p *place) at(level sql.IsolationLevel) *sql.TxOptions {
	if p.sqlite() {
		return nil // its drivers know none
	}
	return &sql.TxOptions{Isolation: level}
}

// now is the database's clock.
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

// expire puts the keys that a condition names past their retention.
func (p *place) expire(where string) {
	p.Helper()
	p.exec("UPDATE idempotency_keys SET expires_at = " + p.pick("'2001-01-01 00:00:00.000'", "'2001-01-01 00:00:00+00'", "'2001-01-01 00:00:00'") + " WHERE " + where)
}

func (p *place) rows() int {
	p.Helper()
	return get[int](p, "SELECT COUNT(*) FROM idempotency_keys")
}
