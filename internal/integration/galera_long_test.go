package integration_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/jmoiron/sqlx"
)

const (
	fleetPatience = 10 * time.Minute // enough for a busy machine
	fleetKeys     = 12
	fleetBatch    = 7 // coprime to fleetKeys, so that batches overlap in every way
	fleetWriters  = 2 // per node
)

// fleet is a namespace on a Galera cluster, with a connection pool for each node.
type fleet struct {
	testing.TB
	ctx     context.Context //nolint:containedctx // it bounds every wait of the test
	nodes   []*engine.Node
	ns      *engine.Namespace
	dbs     []*sqlx.DB
	d       dialect.Dialect
	retries atomic.Int64
}

func newFleet(t testing.TB, nodes []*engine.Node, tables ...string) *fleet {
	t.Helper()
	f := &fleet{TB: t, nodes: nodes, ns: nodes[0].Namespace(t)}
	ctx, cancel := context.WithTimeout(t.Context(), fleetPatience)
	t.Cleanup(cancel)
	f.ctx = ctx
	for _, n := range nodes {
		f.dbs = append(f.dbs, n.On(f.ns).DB(engine.Param("wsrep_sync_wait", "7")))
	}
	for _, create := range tables {
		f.dbs[0].MustExecContext(ctx, create)
	}
	d, err := dialect.Detect(ctx, f.dbs[0])
	if err != nil {
		t.Fatal(err)
	}
	f.d = d
	return f
}

// fleetTable calls New for the fleet. The table retries so often that any number of conflicts is no error: an error means
// that the library did not retry.
func fleetTable[T any](f *fleet, name string, opts ...upsert.Option) *upsert.Table[T] {
	f.Helper()
	opts = append([]upsert.Option{upsert.Retries(1000), upsert.OnRetry(func(error) { f.retries.Add(1) })}, opts...)
	table, err := upsert.New[T](f.d, name, opts...)
	if err != nil {
		f.Fatalf("New: %v", err)
	}
	return table
}

// race starts writers on every node. Each writer calls write for its own rounds; no two writers share a round. race returns
// the number of rounds.
func (f *fleet) race(each int, write func(db *sqlx.DB, round int) error) (rounds int) {
	f.Helper()
	writers := fleetWriters * len(f.dbs)
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for n := range each {
				if err := write(f.dbs[w%len(f.dbs)], n*writers+w); err != nil {
					f.Errorf("round %d on node %d, after %d retries of all writers: %v", n*writers+w, w%len(f.dbs), f.retries.Load(), err)
				}
			}
		})
	}
	group.Wait()
	return each * writers
}

// hotKeys returns the keys of a round. Their order differs from round to round.
func hotKeys(round int) (keys []string) {
	for n := range fleetBatch {
		keys = append(keys, fmt.Sprintf("k%02d", (round*5+n)%fleetKeys))
	}
	if round%2 == 1 {
		slices.Reverse(keys)
	}
	return keys
}

type hotRow struct {
	K    string `upsert:"key"`
	High int    `upsert:"max"`
	Odd  bool   `upsert:"or"`
	Mask int    `upsert:"min"`
}

func hotRows(round int) (rows []hotRow) {
	for _, k := range hotKeys(round) {
		rows = append(rows, hotRow{k, round, round%2 == 1, -round})
	}
	return rows
}

func (f *fleet) wantHot(table string, rounds int) {
	f.Helper()
	want := map[string]hotRow{}
	for round := range rounds {
		for _, r := range hotRows(round) {
			old := want[r.K]
			want[r.K] = hotRow{r.K, max(old.High, r.High), old.Odd || r.Odd, min(old.Mask, r.Mask)}
		}
	}
	f.wantOnEveryNode(table, fmt.Sprint(want), func(db *sqlx.DB) (string, error) {
		var rows []hotRow
		err := db.SelectContext(f.ctx, &rows, "SELECT k, high, odd, mask FROM "+table)
		got := map[string]hotRow{}
		for _, r := range rows {
			got[r.K] = r
		}
		return fmt.Sprint(got), err
	})
}

func (f *fleet) wantOnEveryNode(what, want string, ask func(db *sqlx.DB) (string, error)) {
	f.Helper()
	for i, db := range f.dbs {
		if got, err := ask(db); err != nil || got != want {
			f.Errorf("%s on node %d: %s, err %v; want %s", what, i, got, err, want)
		}
	}
}

const createHot = "CREATE TABLE hot (k VARCHAR(9) PRIMARY KEY, high INT NOT NULL, odd BOOL NOT NULL, mask INT NOT NULL)"

// hotWrite writes the rows of a round on one node.
type hotWrite func(f *fleet, table *upsert.Table[hotRow], db *sqlx.DB, rows []hotRow) error

// hotWrites returns the ways to write the rows by name.
func hotWrites() map[string]hotWrite {
	putAll := func(opts ...upsert.PutOption) hotWrite {
		return func(f *fleet, table *upsert.Table[hotRow], db *sqlx.DB, rows []hotRow) error {
			_, err := table.PutAll(f.ctx, db, rows, opts...)
			return err
		}
	}
	return map[string]hotWrite{
		"Put":                  putEach,
		"Prepare":              prepareAndPut,
		"on a Conn":            putOnConn,
		"a table's first call": putAtFirst,
		"PutAll":               putAll(),
		"PutAll with Outcomes": putAll(upsert.Outcomes()),
		"PutAll with ChunkTx":  putAll(upsert.ChunkTx(3), upsert.EachOutcome(func(int, upsert.Outcome) {})),
		"PutAll by Copy":       putAll(upsert.Via(upsert.Copy)),
		"PutAll of rows twice": putDoubled,
		"PutSeq with ChunkTx":  putSeq,
	}
}

func putEach(f *fleet, table *upsert.Table[hotRow], db *sqlx.DB, rows []hotRow) error {
	for i := range rows {
		if _, err := table.Put(f.ctx, db, &rows[i]); err != nil {
			return err
		}
	}
	return nil
}

func prepareAndPut(f *fleet, table *upsert.Table[hotRow], db *sqlx.DB, rows []hotRow) error {
	p, err := table.Prepare(f.ctx, db)
	if err != nil {
		return err
	}
	defer func() { _ = p.Close() }()
	for i := range rows {
		if _, err := p.Put(f.ctx, &rows[i]); err != nil {
			return err
		}
	}
	return nil
}

func putOnConn(f *fleet, table *upsert.Table[hotRow], db *sqlx.DB, rows []hotRow) error {
	conn, err := db.Conn(f.ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := table.PutAll(f.ctx, conn, rows, upsert.Outcomes()); err != nil {
		return err
	}
	_, err = table.Put(f.ctx, conn, &rows[0])
	return err
}

func putAtFirst(f *fleet, _ *upsert.Table[hotRow], db *sqlx.DB, rows []hotRow) error {
	_, err := fleetTable[hotRow](f, "hot").PutAll(f.ctx, db, rows, upsert.Outcomes())
	return err
}

func putDoubled(f *fleet, table *upsert.Table[hotRow], db *sqlx.DB, rows []hotRow) error {
	_, err := table.PutAll(f.ctx, db, append(rows, rows...))
	return err
}

func putSeq(f *fleet, table *upsert.Table[hotRow], db *sqlx.DB, rows []hotRow) error {
	_, err := table.PutSeq(f.ctx, db, withoutErrors(slices.Values(rows)), upsert.ChunkTx(4))
	return err
}

func withoutErrors[T any](rows iter.Seq[T]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// TestLongGalera runs all tests that need a cluster, because the cluster takes a long time to start.
func TestLongGalera(t *testing.T) {
	t.Parallel()
	engine.NeedLong(t)
	nodes := engine.Galera(t).Nodes()
	run := func(name string, do func(f *fleet)) {
		t.Run(name, func(t *testing.T) { do(newFleet(t, nodes, createHot)) })
	}
	for name, write := range hotWrites() {
		run(name, func(f *fleet) { f.raceHot(write) })
	}
	run("newest version", galeraNewestVersion)
	run("GetOrCreate", galeraCreatedOnce)
	run("stale read", galeraStaleRead)
	run("lost certification", galeraLostCertification)
	run("refused end", galeraRefusesToEnd)
	run("MyISAM", galeraMyISAM)
	run("without a cluster", galeraWithoutACluster) // stops the other nodes
}

// raceHot has all nodes write the hot rows at the same time, and wants the result of writing the rounds one after the other.
func (f *fleet) raceHot(write hotWrite) {
	table := fleetTable[hotRow](f, "hot", lab.Load)
	rounds := f.race(engine.Size(0, 3000), func(db *sqlx.DB, round int) error {
		return write(f, table, db, hotRows(round))
	})
	f.wantHot("hot", rounds)
}

type versionRow struct {
	K    string `upsert:"key"`
	Ver  int    `upsert:"version"`
	Body string
}

// galeraNewestVersion checks that the newest version of each row stays, in whatever order the nodes write.
func galeraNewestVersion(f *fleet) {
	f.must(f.dbs[0], "CREATE TABLE docs (k VARCHAR(9) PRIMARY KEY, ver INT NOT NULL, body VARCHAR(99) NOT NULL)")
	docs := fleetTable[versionRow](f, "docs")
	want := map[string]versionRow{}
	rowsOf := func(round int) (rows []versionRow) {
		for _, k := range hotKeys(round) {
			rows = append(rows, versionRow{k, round, fmt.Sprintf("of %s in round %d", k, round)})
		}
		return rows
	}
	rounds := f.race(engine.Size(0, 3000), func(db *sqlx.DB, round int) error {
		r, err := docs.PutAll(f.ctx, db, rowsOf(round), upsert.Outcomes())
		if err == nil && (r.Rows() != fleetBatch || r.Unknown != 0) {
			err = fmt.Errorf("the outcomes are %+v; want the outcomes of %d rows", r, fleetBatch)
		}
		return err
	})
	for round := range rounds {
		for _, r := range rowsOf(round) {
			want[r.K] = r
		}
	}
	f.wantOnEveryNode("docs", fmt.Sprint(want), func(db *sqlx.DB) (string, error) {
		var rows []versionRow
		err := db.SelectContext(f.ctx, &rows, "SELECT k, ver, body FROM docs")
		got := map[string]versionRow{}
		for _, r := range rows {
			got[r.K] = r
		}
		return fmt.Sprint(got), err
	})
}

// galeraCreatedOnce checks that one call creates each row and that all other calls read the created row.
func galeraCreatedOnce(f *fleet) {
	type thing struct {
		K    string `upsert:"key"`
		ID   int    `upsert:"generated"`
		Body string `upsert:"keep"`
	}
	f.must(f.dbs[0], "CREATE TABLE things (id INT AUTO_INCREMENT PRIMARY KEY, k VARCHAR(99) UNIQUE, body VARCHAR(99) NOT NULL)")
	things := fleetTable[thing](f, "things")
	var mu sync.Mutex
	created, read := map[string]int{}, map[string]map[string]bool{}
	writers := fleetWriters * len(f.dbs)
	rounds := f.race(engine.Size(0, 3000), func(db *sqlx.DB, round int) error {
		row := thing{K: fmt.Sprintf("k%d", round/writers), Body: fmt.Sprintf("by %d", round)}
		made, err := things.GetOrCreate(f.ctx, db, &row)
		mu.Lock()
		defer mu.Unlock()
		if made {
			created[row.K]++
		}
		if read[row.K] == nil {
			read[row.K] = map[string]bool{}
		}
		read[row.K][fmt.Sprint(row.ID, row.Body)] = true
		return err
	})
	for k, rows := range read {
		if created[k] != 1 || len(rows) != 1 {
			f.Errorf("%s was created %d times and read as %v; want one creation and one row", k, created[k], rows)
		}
	}
	f.wantOnEveryNode("things", fmt.Sprint(rounds/writers), countOf(f, "things"))
}
