package keys_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

const fleetPatience = 10 * time.Minute // enough for a busy machine

// fleet is a namespace on a Galera cluster, with a connection pool and a store for each node.
type fleet struct {
	testing.TB
	ctx    context.Context //nolint:containedctx // it bounds every wait of the test
	nodes  []*engine.Node
	ns     *engine.Namespace
	dbs    []*sqlx.DB
	stores []*keys.Store
	late   []*sqlx.DB // pools that wait for the commits of the other nodes, whatever the setting of dbs is
	counts *upsert.Table[tally]
	tokens atomic.Int64
	mu     sync.Mutex
	told   map[string][]string // the answers of the calls that returned no error, by key
	failed []error
}

// tally is a counter that an effect increments.
type tally struct {
	K string `upsert:"key"`
	N int    `upsert:"add"`
}

// tallies is the number of counters. It is small, so that effects of different keys meet in the same counter.
const tallies = 4

func newFleet(t testing.TB, nodes []*engine.Node, syncWait string) *fleet {
	t.Helper()
	f := &fleet{TB: t, nodes: nodes, told: map[string][]string{}}
	ctx, cancel := context.WithTimeout(t.Context(), fleetPatience)
	t.Cleanup(cancel)
	f.ctx = ctx
	f.ns = nodes[0].Namespace(t)
	for i, n := range nodes {
		on := n.On(f.ns)
		db := on.DB(engine.Param("wsrep_sync_wait", syncWait))
		f.dbs, f.late = append(f.dbs, db), append(f.late, on.DB(engine.Param("wsrep_sync_wait", "7")))
		store, err := keys.Open(ctx, db)
		if err == nil && i == 0 {
			err = store.Migrate(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
		f.stores = append(f.stores, store)
	}
	// The table of effects has no key, so that only the library prevents a second effect.
	f.dbs[0].MustExecContext(ctx, "CREATE TABLE effects (id VARCHAR(99) NOT NULL, token VARCHAR(99) NOT NULL)")
	f.dbs[0].MustExecContext(ctx, "CREATE TABLE counts (k VARCHAR(9) PRIMARY KEY, n INT NOT NULL)")
	d, err := dialect.Detect(ctx, f.dbs[0])
	if err == nil {
		f.counts, err = upsert.New[tally](d, "counts")
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		n.On(f.ns) // waits until the node has the tables
	}
	return f
}

// have is the effect of a key: it inserts a row of its own and increments a shared counter.
func (f *fleet) have(ctx context.Context, tx *keys.Tx, id string) (token string, err error) {
	n := f.tokens.Add(1)
	token = fmt.Sprint(id, " ", n)
	if _, err = f.counts.Put(ctx, tx, &tally{fmt.Sprint("c", n%tallies), 1}); err == nil {
		_, err = tx.ExecContext(ctx, "INSERT INTO effects VALUES (?, ?)", id, token)
	}
	return token, err
}

// race has callers on every node do each of the jobs once, all in the same order.
func (f *fleet) race(jobs int, do func(node, job int) error) {
	var group sync.WaitGroup
	for node := range f.dbs {
		for range 2 {
			group.Go(func() {
				for job := range jobs {
					if err := do(node, job); err != nil {
						f.mu.Lock()
						f.failed = append(f.failed, fmt.Errorf("node %d, job %d: %w", node, job, err))
						f.mu.Unlock()
					}
				}
			})
		}
	}
	group.Wait()
}

func (f *fleet) tell(id, token string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told[id] = append(f.told[id], token)
}

// run calls Run with the effect of a key.
func (f *fleet) run(node int, id string) error {
	token, _, err := keys.Run(f.ctx, f.stores[node], hazardKey(id), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
		return f.have(ctx, tx, id)
	})
	if err == nil {
		f.tell(id, token)
	}
	return err
}

// once calls Once with the effect of a key, and begins a new transaction while the error is retryable.
func (f *fleet) once(node int, id string) error {
	for {
		err := f.onceInTx(node, id)
		if dialect.Classify(err) != dialect.Retryable {
			return err
		}
	}
}

func (f *fleet) onceInTx(node int, id string) error {
	tx, err := f.dbs[node].BeginTxx(f.ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	token, _, err := keys.Once(f.ctx, f.stores[node], tx, hazardKey(id), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
		return f.have(ctx, tx, id)
	})
	if err == nil {
		err = tx.Commit()
	}
	if err == nil {
		f.tell(id, token)
	}
	return err
}

// consume calls Consume with messages that have the same effects as keys.
func (f *fleet) consume(node int, ids []string) error {
	same := func(id string) string { return id }
	return keys.Consume(f.ctx, f.stores[node], "fleet", ids, same, func(ctx context.Context, tx *keys.Tx, fresh []string) error {
		for _, id := range fresh {
			if _, err := f.have(ctx, tx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// wantNoErrors wants all calls so far to have succeeded.
func (f *fleet) wantNoErrors() {
	f.Helper()
	for _, err := range f.failed {
		f.Errorf("%v; want no error", err)
	}
}

// wantOnce wants, on every node, one effect and one record of each key or message, and wants all callers to have received
// this effect.
func (f *fleet) wantOnce(ids []string) {
	f.Helper()
	for node, db := range f.late {
		effects := f.effects(db)
		for _, id := range ids {
			if len(effects[id]) != 1 {
				f.Errorf("%s has the effects %v on node %d; want one", id, effects[id], node)
				continue
			}
			for _, token := range f.told[id] {
				if token != effects[id][0] {
					f.Errorf("a caller of %s was told of effect %q, and on node %d there is %q", id, token, node, effects[id][0])
				}
			}
		}
		f.wantCount(db, node, "SELECT COUNT(*) FROM effects", len(ids))
		f.wantCount(db, node, "SELECT SUM(n) FROM counts", len(ids))
		f.wantCount(db, node, "SELECT COUNT(*) FROM idempotency_keys", len(ids))
		f.wantCount(db, node, "SELECT COUNT(*) FROM idempotency_keys WHERE state = 2", len(ids))
	}
}

func (f *fleet) mustExec(db upsert.DB, query string) {
	f.Helper()
	if _, err := db.ExecContext(f.ctx, query); err != nil {
		f.Fatalf("%s: %v", query, err)
	}
}

func (f *fleet) effects(db *sqlx.DB) map[string][]string {
	f.Helper()
	var rows []struct{ ID, Token string }
	if err := db.SelectContext(f.ctx, &rows, "SELECT id, token FROM effects"); err != nil {
		f.Fatal(err)
	}
	effects := map[string][]string{}
	for _, r := range rows {
		effects[r.ID] = append(effects[r.ID], r.Token)
	}
	return effects
}

func (f *fleet) wantCount(db *sqlx.DB, node int, query string, want int) {
	f.Helper()
	var got sql.NullInt64
	if err := db.GetContext(f.ctx, &got, query); err != nil || got.Int64 != int64(want) {
		f.Errorf("%s on node %d: %d, err %v; want %d", query, node, got.Int64, err, want)
	}
}

func idsOf(jobs int) (ids []string) {
	for job := range jobs {
		ids = append(ids, fmt.Sprint("k", job))
	}
	return ids
}

// TestLongGaleraKeys runs all tests that need a cluster, because the cluster takes a long time to start.
func TestLongGaleraKeys(t *testing.T) {
	t.Parallel()
	engine.NeedLong(t)
	nodes := engine.Galera(t).Nodes()
	run := func(name string, do func(f *fleet)) {
		for _, syncWait := range []string{"0", "7"} {
			t.Run(name+", wsrep_sync_wait "+syncWait, func(t *testing.T) { do(newFleet(t, nodes, syncWait)) })
		}
	}
	run("Run", galeraRun)
	run("Once", galeraOnce)
	run("Consume", galeraConsume)
	run("refused end", galeraRefusesToEnd)
	run("killed", galeraNodeIsKilled)
}

// galeraRun has all nodes claim each key at the same time.
func galeraRun(f *fleet) {
	jobs := engine.Size(0, 5000)
	f.race(jobs, func(node, job int) error { return f.run(node, fmt.Sprint("k", job)) })
	f.wantNoErrors()
	f.wantOnce(idsOf(jobs))
}

func galeraOnce(f *fleet) {
	jobs := engine.Size(0, 5000)
	f.race(jobs, func(node, job int) error { return f.once(node, fmt.Sprint("k", job)) })
	f.wantNoErrors()
	f.wantOnce(idsOf(jobs))
}

// galeraConsume delivers each message to all nodes, in overlapping batches.
func galeraConsume(f *fleet) {
	const batch, step = 10, 5
	jobs := engine.Size(0, 2000)
	f.race(jobs, func(node, job int) error {
		ids := idsOf(job*step + batch)[job*step:]
		if node%2 == 1 {
			slices.Reverse(ids)
		}
		return f.consume(node, ids)
	})
	f.wantNoErrors()
	f.wantOnce(idsOf((jobs-1)*step + batch))
}
