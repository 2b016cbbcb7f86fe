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

// pooled are the ways to connect to PgBouncer in transaction mode. The default mode of pgx is missing: it prepares
// statements by name, and the server connection of another transaction does not know the name.
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

// TestBulkPathsBehindATransactionPooler checks hazards E2 and E8. Each transaction gets one of a few server connections. A
// statement outside of a transaction may therefore run as another client's statement, and a temporary table may be missing.
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
	crowd      = 8 // number of clients: twice the number of PgBouncer's server connections
	crowdTurns = 6
	crowdRows  = 60
)

// crowd has many clients write through the pool, each client its own rows, into two tables with the same columns. A
// statement for one table would also fit the other table.
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

// inCrowd writes the rows of one client. In every second turn it uses a transaction, if the driver supports the path in a
// transaction.
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

// throughPgxFor returns throughPgx if the pool uses pgx, and otherwise an option without effect.
func throughPgxFor(db *sqlx.DB) upsert.Option {
	if db.DriverName() == "pgx" {
		return throughPgx
	}
	return upsert.CopyThrough(nil)
}
