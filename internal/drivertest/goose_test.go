package drivertest_test

import (
	"io/fs"
	"slices"
	"testing"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/keys"
	"github.com/pressly/goose/v3"
)

// TestGooseRunsTheMigrations checks that goose can run the migrations up and down, and that they create the same table as
// Migrate.
func TestGooseRunsTheMigrations(t *testing.T) {
	t.Parallel()
	each(t, slices.Concat(sqliteServers, postgresServers, mysqlServers), func(p *place) {
		d, err := dialect.Detect(p.Context(), p.db)
		if err != nil {
			p.Fatal(err)
		}
		p.goose(d, "idempotency_keys")
		p.goose(d, "Ordered by 'x', $1 - /* and y")
	})
}

func (p *place) goose(d dialect.Dialect, name string) {
	p.Helper()
	migrations, err := fs.Sub(keys.Migrations(keys.Table(name)), d.Name())
	if err != nil {
		p.Fatal(err)
	}
	known := map[string]goose.Dialect{"sqlite": goose.DialectSQLite3, "postgres": goose.DialectPostgres, "mariadb": goose.DialectMySQL, "mysql": goose.DialectMySQL}
	runs, err := goose.NewProvider(known[d.Name()], p.db.DB, migrations)
	if err != nil {
		p.Fatal(err)
	}
	up, down := func() error { _, err := runs.Up(p.Context()); return err }, func() error { _, err := runs.DownTo(p.Context(), 0); return err }
	empty := "SELECT key_hash FROM " + d.Quote(name)
	for _, step := range []struct {
		what string
		do   func() error
		made bool
	}{
		{"up", up, true}, {"Migrate behind it", func() error { return p.migrate(name) }, true}, {"down", down, false},
		{"up again", up, true}, {"down again", down, false}, {"Migrate alone", func() error { return p.migrate(name) }, true},
	} {
		if err := step.do(); err != nil {
			p.Fatalf("%s: %s: %v", name, step.what, err)
		}
		if err := p.exec(p.db, empty); (err == nil) != step.made {
			p.Fatalf("%s: %s: then %s: %v", name, step.what, empty, err)
		}
	}
	if d.Name() == "mysql" {
		p.must(p.db, "DROP TABLE "+d.Quote(name)) // MySQL has no CREATE INDEX IF NOT EXISTS
	} else if err := up(); err != nil {
		p.Errorf("%s: up on the table that Migrate has created: %v", name, err)
	}
	if err := down(); err != nil {
		p.Errorf("%s: down at the end: %v", name, err)
	}
}

func (p *place) migrate(name string) error {
	s, err := keys.Open(p.Context(), p.db, keys.Table(name))
	if err != nil {
		return err
	}
	return s.Migrate(p.Context())
}
