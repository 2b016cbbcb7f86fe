package lincheck_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

const (
	clients   = 16
	processes = 3
	// forget is how long what is short is remembered, the least that there is.
	forget = time.Millisecond
	// gcEvery is how many operations there are between two calls of GC, so that a row has some time at which it cannot go.
	gcEvery = 40
)

// process stands for one: it has a pool of its own.
type process struct {
	db          *sqlx.DB
	long, short *keys.Store // by the retention
}

func (p process) store(short bool) *keys.Store {
	if short {
		return p.short
	}
	return p.long
}

// world is one engine with all that happens on it.
type world struct {
	t         *testing.T
	dialect   string
	levels    []sql.IsolationLevel
	processes []process
	ops       int64
	begun     atomic.Int64 // operations
	clock     atomic.Int64 // of the history
	sweep     chan struct{}
}

func newWorld(t *testing.T, e *engine.Engine, ops int) *world {
	t.Helper()
	w := &world{t: t, dialect: e.Dialect(), ops: int64(ops), sweep: make(chan struct{}, 1)}
	w.levels = []sql.IsolationLevel{sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable}
	if w.dialect == "sqlite" {
		w.levels = []sql.IsolationLevel{sql.LevelDefault} // it has no other
	}
	ns := e.Namespace(t)
	for range processes {
		db := ns.DB()
		db.SetMaxIdleConns(clients)
		w.processes = append(w.processes, process{db: db, long: w.open(db), short: w.open(db, keys.Retention(forget))})
	}
	p := w.processes[0]
	if err := p.long.Migrate(t.Context()); err != nil {
		t.Fatalf("Migrate: %v", err)
	}
	// No key at all: nothing but ours may keep an effect from being there twice.
	if _, err := p.db.ExecContext(t.Context(), "CREATE TABLE effects (id VARCHAR(100) NOT NULL, subject VARCHAR(100) NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) open(db *sqlx.DB, opts ...keys.Option) *keys.Store {
	w.t.Helper()
	store, err := keys.Open(w.t.Context(), db, append(opts, keys.MaxAttempts(maxAttempts), keys.WithHooks(keys.Hooks{Retry: noteRetry}))...)
	if err != nil {
		w.t.Fatalf("Open: %v", err)
	}
	return store
}

// retried is found in a call's context and told there of the library's beginning again.
type retried struct{}

func noteRetry(ctx context.Context, _ keys.Event) {
	if again, ok := ctx.Value(retried{}).(*bool); ok {
		*again = true
	}
}

// history is what a run has left.
type history struct {
	events  []event
	gc      collections
	removed int64
	tally   map[string]int
}

// run lets the clients and GC go at it.
func (w *world) run(seed uint64) history {
	w.t.Helper()
	var each, sweeper sync.WaitGroup
	all := make([]*client, clients)
	for i := range all {
		all[i] = newClient(w, i, seed)
		each.Go(all[i].run)
	}
	var h history
	sweeper.Go(func() { h.gc, h.removed = w.collect(rand.New(rand.NewPCG(seed, clients))) })
	each.Wait()
	close(w.sweep)
	sweeper.Wait()
	h.tally = map[string]int{}
	for _, c := range all {
		h.events = append(h.events, c.events...)
		for what, n := range c.tally {
			h.tally[what] += n
		}
	}
	return h
}

// next says which operation is the caller's, and has GC run at times. next waits for a GC that is far behind, because on SQLite a
// caller who writes again at once leaves others no turn.
func (w *world) next() (n int64, more bool) {
	n = w.begun.Add(1)
	if n%gcEvery == 0 {
		w.sweep <- struct{}{}
	}
	return n, n <= w.ops
}

// collect is GC beside the clients.
func (w *world) collect(r *rand.Rand) (spans collections, removed int64) {
	for range w.sweep {
		s := span{call: w.clock.Add(1)}
		n, err := w.processes[r.IntN(processes)].long.GC(context.Background(), keys.GCBatchSize(1+r.IntN(60)))
		if s.ret = w.clock.Add(1); n > 0 {
			spans = append(spans, s)
		}
		removed += n
		if err != nil {
			w.t.Errorf("GC: %v", err)
		}
	}
	return spans, removed
}

func (e event) operation() porcupine.Operation {
	return porcupine.Operation{Input: e, Call: e.call, Return: e.ret}
}

func operations(events []event) (ops []porcupine.Operation) {
	for _, e := range events {
		ops = append(ops, e.operation())
	}
	return ops
}

// report is what has been done, for the log.
func (h history) report() string {
	n := map[what]int{}
	for _, e := range h.events {
		n[e.what]++
	}
	return fmt.Sprintf("%d events %v, %d removed in %d collections, calls %v", len(h.events), n, h.removed, len(h.gc), h.tally)
}
