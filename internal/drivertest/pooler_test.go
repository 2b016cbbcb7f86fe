package drivertest_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/jmoiron/sqlx"
)

// pooled are the ways to PgBouncer in transaction mode. pgx's default mode is none: it prepares statements by name, which
// another transaction's connection to the server does not know.
var pooled = []struct {
	name string
	opts []engine.Option
}{
	{"lib pq", nil},
	{"lib pq with binary_parameters", []engine.Option{engine.Param("binary_parameters", "yes")}},
	{"pgx with cache_describe", []engine.Option{engine.Driver("pgx"), engine.Param("default_query_exec_mode", "cache_describe")}},
	{"pgx with exec", []engine.Option{engine.Driver("pgx"), engine.Param("default_query_exec_mode", "exec")}},
	{"pgx with simple_protocol", []engine.Option{engine.Driver("pgx"), engine.Param("default_query_exec_mode", "simple_protocol")}},
}

// Hazards E2 and E8: each transaction meets another of a few connections to the server, so that a statement outside of one
// may run as another client's, and a temporary table is not there any more.
func TestBulkPathsBehindATransactionPooler(t *testing.T) {
	t.Parallel()
	for _, w := range pooled {
		for _, path := range []upsert.Path{upsert.Values, upsert.Arrays, upsert.Copy} {
			t.Run(w.name+" via "+path.String(), func(t *testing.T) {
				t.Parallel()
				ns := engine.Get("postgres").Namespace(t)
				p := &place{T: t, space: ns, db: ns.DB()}
				p.crowd(engine.Pooler(ns).DB(w.opts...), path)
			})
		}
	}
}

const (
	crowd      = 8 // clients: twice what PgBouncer has connections
	crowdTurns = 6
	crowdRows  = 60
)

// crowd has many clients write through the pool, each its own rows, into two tables that one statement fits as well as
// the other.
func (p *place) crowd(db *sqlx.DB, path upsert.Path) {
	p.Helper()
	d, err := dialect.Detect(p.Context(), db)
	if err != nil {
		p.Fatal(err)
	}
	db.SetMaxIdleConns(crowd)
	var tables []*upsert.Table[thing]
	for _, name := range []string{"even", "odd"} {
		p.must(p.db, "CREATE TABLE "+name+" (id VARCHAR(20) PRIMARY KEY, v INT NOT NULL)")
		tab, err := upsert.New[thing](d, name, upsert.Via(path), throughPgxFor(db))
		if err != nil {
			p.Fatal(err)
		}
		tables = append(tables, tab)
	}
	var all sync.WaitGroup
	for client := range crowd {
		all.Go(func() { p.inCrowd(db, tables[client%2], client, path) })
	}
	all.Wait()
	for i, name := range []string{"even", "odd"} {
		if n := p.number(p.db, "SELECT count(*) FROM "+name+" WHERE v = $1 AND split_part(id, '-', 1)::int % 2 = $2", crowdTurns-1, i); n != crowd/2*crowdRows {
			p.Errorf("%s has %d of its rows, want %d", name, n, crowd/2*crowdRows)
		}
		if n := p.number(p.db, "SELECT count(*) FROM "+name+" WHERE split_part(id, '-', 1)::int % 2 <> $1", i); n != 0 {
			p.Errorf("%s has %d rows of the other table", name, n)
		}
	}
}

// inCrowd writes one client's rows, in its own transaction every other time, where the driver can go the path in one.
func (p *place) inCrowd(db *sqlx.DB, tab *upsert.Table[thing], client int, path upsert.Path) {
	p.Helper()
	rows := make([]thing, crowdRows)
	for turn := range crowdTurns {
		for i := range rows {
			rows[i] = thing{fmt.Sprint(client, "-", i), value(turn)}
		}
		want := upsert.Result{Updated: crowdRows}
		if turn == 0 {
			want = upsert.Result{Inserted: crowdRows}
		}
		var on upsert.DB = db
		end := func() error { return nil }
		if turn%2 == 1 && (path != upsert.Copy || db.DriverName() != "pgx") {
			tx := p.begin(db, nil)
			on, end = tx, tx.Commit
		}
		p.put(tab, on, rows, want)
		p.put(tab, on, rows, upsert.Result{Unchanged: crowdRows})
		if err := end(); err != nil {
			p.Error(err)
		}
	}
}

// throughPgxFor is CopyThrough pgx where the pool is of pgx's connections, and nothing elsewhere.
func throughPgxFor(db *sqlx.DB) upsert.Option {
	if db.DriverName() == "pgx" {
		return throughPgx
	}
	return upsert.CopyThrough(nil)
}
