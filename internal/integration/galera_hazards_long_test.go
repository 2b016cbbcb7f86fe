package integration_test

import (
	"fmt"
	"strconv"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/jmoiron/sqlx"
)

// The tests of this file show behaviour of a Galera cluster that a single server does not have: E4, E5 and E7.
// TestLongGalera starts the cluster.

// must runs statements on a node and ends the test if a statement fails.
func (f *fleet) must(db upsert.DB, statements ...string) {
	f.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(f.ctx, s); err != nil {
			f.Fatalf("%s: %v", s, err)
		}
	}
}

// count returns the number that a query returns on a node.
func (f *fleet) count(db *sqlx.DB, query string) (n int) {
	f.Helper()
	if err := db.GetContext(f.ctx, &n, query); err != nil {
		f.Fatalf("%s: %v", query, err)
	}
	return n
}

func (f *fleet) want(what string, got, want any) {
	f.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		f.Errorf("%s: %v, want %v", what, got, want)
	}
}

// galeraStaleRead checks GetOrCreate on a node that has not yet applied another node's insert: the call does not create the
// row a second time.
func galeraStaleRead(f *fleet) {
	f.must(f.dbs[0], "CREATE TABLE pages (k VARCHAR(9) PRIMARY KEY, body VARCHAR(9) NOT NULL)")
	type page struct {
		K    string `upsert:"key"`
		Body string `upsert:"keep"`
	}
	pages := fleetTable[page](f, "pages")
	f.wantOnEveryNode("pages", "0", countOf(f, "pages"))

	late := f.conn(1)
	f.must(late, "SET SESSION wsrep_sync_wait = 0", "FLUSH TABLES WITH READ LOCK") // the node now applies no writes
	created, err := pages.GetOrCreate(f.ctx, f.dbs[0], &page{"a", "first"})
	f.want("GetOrCreate on a node", fmt.Sprint(created, err), "true <nil>")
	n := 0
	if err := late.GetContext(f.ctx, &n, "SELECT COUNT(*) FROM pages"); err != nil || n != 0 {
		f.Errorf("the hazard is gone: the other node has %d rows, err %v; want none yet", n, err)
	}
	mine := page{"a", "second"}
	meets := lab.Later(func() (err error) {
		created, err = pages.GetOrCreate(f.ctx, f.dbs[1], &mine)
		return err
	})
	f.must(late, "UNLOCK TABLES")
	f.want("GetOrCreate on the other node", <-meets, nil)
	f.want("what it says and has read", fmt.Sprint(created, mine), "false {a first}")
}

func countOf(f *fleet, table string) func(*sqlx.DB) (string, error) {
	return func(db *sqlx.DB) (string, error) {
		var n int
		err := db.GetContext(f.ctx, &n, "SELECT COUNT(*) FROM "+table)
		return strconv.Itoa(n), err
	}
}

// conn opens a connection to a node.
func (f *fleet) conn(node int) *sqlx.Conn {
	f.Helper()
	conn, err := f.dbs[node].Connx(f.ctx)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = conn.Close() })
	return conn
}

// galeraLostCertification lets two transactions on two nodes write one row. The COMMIT of the later transaction reports a
// deadlock.
func galeraLostCertification(f *fleet) {
	f.must(f.dbs[0], "INSERT INTO hot VALUES ('k00', 0, FALSE, 0)")
	f.wantOnEveryNode("hot", "1", countOf(f, "hot"))
	naive := f.conn(0)
	f.must(naive, "START TRANSACTION", "UPDATE hot SET high = 1")
	f.must(f.dbs[1], "UPDATE hot SET high = 2")
	f.want("the row as the first node has it", f.count(f.dbs[0], "SELECT high FROM hot"), 2)
	_, err := naive.ExecContext(f.ctx, "COMMIT")
	f.want("hazard: the class of a lost certification", dialect.Classify(err), dialect.Retryable)

	row := hotRow{K: "k00", Mask: -1}
	f.losesAfter("the first of two statements", 1, []hotRow{row, row})
	f.losesAfter("the last of two statements", 2, []hotRow{row, row})
	f.losesAfter("the last of statements that were prepared", 4, []hotRow{row, row, row, row})
	f.losesAfter("a staged batch", 1, []hotRow{row}, upsert.Via(upsert.Copy))
}

// losesAfter has another node write the rows after the given statement of a batch, in the first attempt only. The next
// statement of the batch then fails because the transaction is gone. Only this one statement fails: a COMMIT after it
// succeeds.
func (f *fleet) losesAfter(what string, statement int, rows []hotRow, opts ...upsert.PutOption) {
	f.Helper()
	f.must(f.dbs[0], "UPDATE hot SET high = 0, mask = 0")
	n, again := 0, 0
	table := fleetTable[hotRow](f, "hot", lab.Load, upsert.OnRetry(func(error) { again++ }))
	_, err := table.PutAll(f.ctx, f.dbs[0], rows, append(opts, upsert.Progress(func(int64) {
		if n++; n == statement {
			f.must(f.dbs[1], "UPDATE hot SET high = 7")
			f.want(what+": the row as the first node has it", f.count(f.dbs[0], "SELECT high FROM hot"), 7)
		}
	}))...)
	f.want(what+": PutAll's error and attempts after the first", fmt.Sprint(err, again), "<nil> 1")
	f.wantOnEveryNode(what+": hot", "7 -1", func(db *sqlx.DB) (string, error) {
		return fmt.Sprint(f.count(db, "SELECT high FROM hot"), f.count(db, "SELECT mask FROM hot")), nil
	})
}

// galeraRefusesToEnd checks a node that has lost its cluster. The node also refuses to end a transaction. The connection
// stays open, so that its next user would be inside the old transaction.
func galeraRefusesToEnd(f *fleet) {
	pool := f.nodes[0].On(f.ns).DB(engine.Param("wsrep_sync_wait", "7"))
	pool.SetMaxOpenConns(1)
	refuse := func(what string) { f.must(f.dbs[0], "SET GLOBAL wsrep_reject_queries = "+what) }
	defer refuse("NONE")

	f.must(pool, "START TRANSACTION", "INSERT INTO hot VALUES ('naive', 0, FALSE, 0)")
	refuse("ALL")
	_, err := pool.ExecContext(f.ctx, "ROLLBACK")
	refuse("NONE")
	f.want("hazard: the class of a ROLLBACK that is refused", dialect.Classify(err), dialect.Retryable)
	f.must(pool, "START TRANSACTION", "ROLLBACK")
	f.want("hazard: rows that were never committed", f.count(f.dbs[0], "SELECT COUNT(*) FROM hot"), 1)
	f.must(f.dbs[0], "DELETE FROM hot WHERE k = 'naive'")

	for refusedAfter, what := range map[int]string{1: "its ROLLBACK is refused", 2: "its COMMIT is refused"} {
		n := 0
		table := fleetTable[hotRow](f, "hot", upsert.Retries(0))
		lost := hotRow{K: "lost"}
		_, err = table.PutAll(f.ctx, pool, []hotRow{lost, lost}, upsert.Progress(func(int64) {
			if n++; n == refusedAfter {
				refuse("ALL")
			}
		}))
		refuse("NONE")
		f.want(what+": the class of PutAll's error", dialect.Classify(err), dialect.Retryable)
		o, err := table.Put(f.ctx, pool, &hotRow{K: "next"})
		f.want(what+": the next Put on the pool", fmt.Sprint(o, err), "inserted <nil>")
		f.want(what+": its rows in the eyes of another", f.count(f.dbs[0], "SELECT COUNT(*) FROM hot WHERE k = 'next'"), 1)
		f.must(pool, "START TRANSACTION", "ROLLBACK")
		f.want(what+": rows of the batch that failed", f.count(f.dbs[0], "SELECT COUNT(*) FROM hot WHERE k = 'lost'"), 0)
		f.must(f.dbs[0], "DELETE FROM hot")
	}
}

// galeraMyISAM shows that a MyISAM table is not replicated and that no error reports this.
func galeraMyISAM(f *fleet) {
	f.must(f.dbs[0], "CREATE TABLE local (k VARCHAR(9) PRIMARY KEY, high INT, odd BOOL, mask INT) ENGINE=MyISAM")
	table := fleetTable[hotRow](f, "local")
	o, err := table.Put(f.ctx, f.dbs[0], &hotRow{K: "a"})
	f.want("hazard: Put into a MyISAM table", fmt.Sprint(o, err), "inserted <nil>")
	f.want("hazard: its rows on another node", f.count(f.dbs[1], "SELECT COUNT(*) FROM local"), 0)
}

// galeraWithoutACluster checks the last of three nodes. Without a majority it refuses every statement until it sees another
// node.
func galeraWithoutACluster(f *fleet) {
	hasty := f.nodes[0].On(f.ns).DB() // with wsrep_sync_wait the node would refuse the wait, with error 1205
	for _, n := range f.nodes[1:] {
		if err := n.Kill(); err != nil {
			f.Fatal(err)
		}
	}
	table, err := upsert.New[hotRow](f.d, "hot", upsert.Retries(0))
	if err != nil {
		f.Fatal(err)
	}
	// Statements under way wait until the node notices the loss. They fail with different errors. All later statements fail
	// with error 1047.
	for number := 0; number != 1047; number, _ = dialect.MySQLNumber(err) {
		_, err = table.Put(f.ctx, hasty, &hotRow{K: "under way"})
		if c := dialect.Classify(err); err != nil && c != dialect.Retryable && c != dialect.Ambiguous && c != dialect.LockTimeout {
			f.Fatalf("Put after the other nodes are gone: %v, of class %v; want a class that says what to do", err, c)
		}
	}
	again := 0
	patient := fleetTable[hotRow](f, "hot", upsert.Retries(2), upsert.OnRetry(func(error) { again++ }))
	_, err = patient.Put(f.ctx, f.dbs[0], &hotRow{K: "refused"})
	f.want("the class of what a Put that waits is told", dialect.Classify(err), dialect.LockTimeout)
	again = 0
	_, err = patient.Put(f.ctx, hasty, &hotRow{K: "refused"})
	if number, _ := dialect.MySQLNumber(err); number != 1047 || again != 2 {
		f.Errorf("Put without a cluster: %v after %d more attempts; want 1047 after 2", err, again)
	}
	f.must(f.dbs[0], "SET GLOBAL wsrep_provider_options = 'pc.bootstrap=YES'")
	for _, n := range f.nodes[1:] {
		if err := n.Start(f.ctx); err != nil {
			f.Fatal(err)
		}
	}
	_, err = table.Put(f.ctx, f.nodes[2].On(f.ns).DB(), &hotRow{K: "back"})
	f.want("Put on a node that has come back", err, nil)
	f.want("rows that were refused", f.count(f.dbs[0], "SELECT COUNT(*) FROM hot WHERE k = 'refused'"), 0)
}
