package keys_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
)

// killers returns a query that finds a random session of the lab, and the statements that end a query or a session.
func (l *hazardLab) killers() (find string, kills []string) {
	if l.lab.Family() == "postgres" {
		find = "SELECT pid FROM pg_stat_activity WHERE application_name = '" + l.lab.NS.Name() + "' ORDER BY random() LIMIT 1"
		return find, []string{"SELECT pg_cancel_backend(%s)", "SELECT pg_terminate_backend(%s)"}
	}
	find = "SELECT id FROM information_schema.processlist WHERE db = '" + l.lab.NS.Name() + "' AND id <> CONNECTION_ID() ORDER BY RAND() LIMIT 1"
	if l.lab.D.Name() == "mysql" && !dialect.AtLeast(l.lab.D.Version(), 8) { // a session that misses its KILL keeps its locks forever
		return find, []string{"KILL QUERY %s"}
	}
	return find, []string{"KILL QUERY %s", "KILL %s"}
}

// killAtRandom kills queries and sessions until ctx ends, and counts the kills.
func (l *hazardLab) killAtRandom(ctx context.Context, n *atomic.Int64) {
	find, kills := l.killers()
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var id string
		if err := l.lab.DB.GetContext(l.lab.Context(), &id, find); err != nil {
			continue // no session exists at the moment
		}
		if _, err := l.lab.DB.ExecContext(l.lab.Context(), fmt.Sprintf(kills[rand.N(len(kills))], id)); err == nil {
			n.Add(1)
		}
	}
}

// TestPropertyUnderKills kills random queries and sessions. After all callers have repeated their failed calls, each key and
// each message must have its effect once, and no other rows may be stored.
func TestPropertyUnderKills(t *testing.T) {
	t.Parallel()
	hazards(t, lab.Postgres+" "+lab.MariaDB+" "+lab.MySQL, func(l *hazardLab) {
		const workers, each = 8, 4 // each: number of callers of one key
		opts := []engine.Option{}
		if l.lab.Family() == "postgres" {
			opts = append(opts, engine.Param("application_name", l.lab.NS.Name()))
		}
		db := l.lab.NS.DB(opts...)
		db.SetMaxOpenConns(workers)
		rounds := engine.Size(10, 20_000)
		run := func(s *keys.Store, n int) error {
			id := fmt.Sprint("k", n)
			_, _, err := keys.Run(l.lab.Context(), s, hazardKey(id), keys.Fingerprint{}, effect(id))
			return err
		}
		consume := func(s *keys.Store, n int) error {
			ids := []string{fmt.Sprint("m", n), fmt.Sprint("m", (n+1)%rounds)}
			return keys.Consume(l.lab.Context(), s, "lab", ids, func(id string) string { return id }, func(ctx context.Context, tx *keys.Tx, fresh []string) error {
				for _, id := range fresh {
					if _, err := effect(id)(ctx, tx); err != nil {
						return err
					}
				}
				return nil
			})
		}
		stores := make([]*keys.Store, workers) // one store per worker, as if each worker were a process
		for i := range stores {
			stores[i] = l.open(db)
		}
		ctx, stop := context.WithCancel(l.lab.Context())
		var all, killer sync.WaitGroup
		var kills atomic.Int64
		failed := make([]int, workers)
		killer.Go(func() { l.killAtRandom(ctx, &kills) })
		for w := range workers {
			s := stores[w]
			all.Go(func() {
				// All calls may end before the first kill. Then the workers repeat them.
				for n := 0; n < rounds*each/workers || kills.Load() == 0 && l.lab.Context().Err() == nil; n++ {
					at := (n*workers + w) / each % rounds
					for _, call := range []func(*keys.Store, int) error{run, consume} {
						if call(s, at) != nil { // the call has given up or its result is unknown
							failed[w]++
						}
					}
				}
			})
		}
		all.Wait()
		stop()
		killer.Wait()
		calm := l.open(l.lab.DB)
		for n := range rounds {
			l.lab.Want("Run, once it is calm", run(calm, n), nil)
			l.lab.Want("Consume, once it is calm", consume(calm, n), nil)
		}
		l.lab.Want("effects that are there other than once", l.lab.Text("SELECT COUNT(*) FROM (SELECT k FROM effects GROUP BY k HAVING COUNT(*) <> 1) AS x"), 0)
		l.lab.Want("effects", l.lab.Text("SELECT COUNT(*) FROM effects"), 2*rounds)
		l.lab.Want("keys and marks", l.lab.Text("SELECT COUNT(*) FROM idempotency_keys"), 2*rounds)
		l.lab.Logf("%d kills; calls that failed, by caller: %v of %d", kills.Load(), failed, 2*rounds*each/workers)
	})
}
