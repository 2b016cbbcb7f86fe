package place

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	"github.com/goupsert/upsert/bench/internal/row"
	"github.com/goupsert/upsert/internal/engine"
	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
)

// Case is what the table accounts holds before the rows come.
type Case string

// The cases of the workload.
const (
	Fresh  Case = "fresh"  // nothing
	Half   Case = "half"   // the first half of the rows, with another payload
	Replay Case = "replay" // exactly these rows
)

// Cases are all of them.
func Cases() []Case { return []Case{Fresh, Half, Replay} }

// Place is a namespace of one engine with the tables accounts, which is measured, and ready and other, from which it is
// restored: all the rows, and the first half of them with another payload.
type Place struct {
	Engine  string
	Version string
	server  server
	t       testing.TB
	space   *engine.Namespace
	columns []row.Column
	rows    int
	db      *sql.DB // for what is outside the clock
}

// New makes an empty place for rows of a shape. The columns' first is the key.
func New(t testing.TB, e *engine.Engine, columns []row.Column) (*Place, error) {
	p := &Place{Engine: e.Name(), Version: e.Version(t), t: t, space: e.Namespace(t), columns: columns}
	var err error
	if p.server, err = serverOf(e.Dialect()); err != nil {
		return nil, err
	}
	if p.db, err = p.Open(p.server.driver(), p.server.aside()...); err != nil {
		return nil, err
	}
	for _, table := range []string{"accounts", "ready", "other"} {
		if err := p.exec(t.Context(), p.server.create(table, columns)); err != nil {
			return nil, err
		}
	}
	return p, p.server.settle(t.Context(), p.db)
}

// Dialect returns the name of the engine's dialect: sqlite, postgres, mariadb or mysql.
func (p *Place) Dialect() string { return p.space.Engine().Dialect() }

// Driver is the name database/sql knows the engine's own driver by.
func (p *Place) Driver() string { return p.server.driver() }

// Columns are the columns of the table accounts, the key first.
func (p *Place) Columns() []row.Column { return p.columns }

// Cleanup calls f when the place goes away.
func (p *Place) Cleanup(f func()) { p.t.Cleanup(f) }

// DSN returns the place's data source name for a driver, with further parameters in the driver's words.
func (p *Place) DSN(driver string, params ...engine.Option) string {
	opts := append([]engine.Option{engine.Driver(driver)}, p.server.params()...)
	return p.space.DSN(append(opts, params...)...)
}

// Open returns a pool on the place that is closed with it.
func (p *Place) Open(driver string, params ...engine.Option) (*sql.DB, error) {
	db, err := sql.Open(driver, p.DSN(driver, params...))
	if err != nil {
		return nil, err
	}
	p.t.Cleanup(func() {
		if err := db.Close(); err != nil {
			p.t.Errorf("close %s: %v", driver, err)
		}
	})
	return db, db.PingContext(p.t.Context())
}

// Fill makes the rows of every case, n of them in the whole ones.
func Fill[R any](ctx context.Context, p *Place, s *row.Shape[R], n int) error {
	p.rows = n
	for table, rows := range map[string][]R{"ready": s.Rows(n, row.Fresh), "other": s.Rows(n/2, row.Other)} {
		if err := fill(ctx, p, s, table, rows); err != nil {
			return fmt.Errorf("fill %s: %w", table, err)
		}
	}
	return nil
}

// Settings tells what the server is set to, as far as it matters here.
func (p *Place) Settings(ctx context.Context) ([]string, error) { return p.server.settings(ctx, p.db) }

// WAL returns how many bytes of log the server has written, or nil if the server does not tell.
func (p *Place) WAL() func(context.Context) (int64, error) {
	logged, ok := p.server.(interface {
		wal(ctx context.Context, db *sql.DB) (int64, error)
	})
	if !ok {
		return nil
	}
	return func(ctx context.Context) (int64, error) { return logged.wal(ctx, p.db) }
}

func (p *Place) exec(ctx context.Context, queries ...string) error {
	for _, q := range queries {
		if _, err := p.db.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	return nil
}
