package keys_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/keys"
)

// galeraRefusesToEnd checks a node that has lost its cluster. The node also refuses to end a transaction, and the connection
// stays open. The next BEGIN on the connection would commit the claim and the effect of the failed attempt, and the next
// attempt would take this claim for its own.
func galeraRefusesToEnd(f *fleet) {
	refuse := func(what string) { f.mustExec(f.dbs[0], "SET GLOBAL wsrep_reject_queries = "+what) }
	defer refuse("NONE")
	var refuseCommit atomic.Bool
	ns := f.nodes[0].On(f.ns)
	db := faults.OpenDSN(f, faults.DriverName(ns), ns.DSN(), func(p *faults.Point) error {
		if p.Kind == faults.Commit && p.Moment == faults.Before && refuseCommit.CompareAndSwap(true, false) {
			refuse("ALL")
		}
		return nil
	})
	db.SetMaxOpenConns(1)
	again := 0
	store, err := keys.Open(f.ctx, db.DB, keys.WithHooks(keys.Hooks{Retry: func(context.Context, keys.Event) {
		again++
		refuse("NONE")
	}}))
	if err != nil {
		f.Fatal(err)
	}
	refused := func(atCommit bool, id string) func(context.Context, *keys.Tx) (string, error) {
		first := true
		return func(ctx context.Context, tx *keys.Tx) (token string, err error) {
			if token, err = f.have(ctx, tx, id); err == nil && first {
				first = false
				if refuseCommit.Store(atCommit); !atCommit {
					refuse("ALL")
					_, err = tx.ExecContext(ctx, "DO 0")
				}
			}
			return token, err
		}
	}
	for job, atCommit := range []bool{false, true} {
		id := fmt.Sprint("k", 2*job)
		token, _, err := keys.Run(f.ctx, store, hazardKey(id), keys.Fingerprint{}, refused(atCommit, id))
		if err != nil || again != 2*job+1 {
			f.Errorf("Run whose end is refused, at the commit: %v: %v, and %d attempts after the first; want no error and %d", atCommit, err, again, 2*job+1)
		}
		f.tell(id, token)

		id = fmt.Sprint("k", 2*job+1)
		fn := refused(atCommit, id)
		err = keys.Consume(f.ctx, store, "fleet", []string{id}, func(id string) string { return id }, func(ctx context.Context, tx *keys.Tx, _ []string) error {
			_, err := fn(ctx, tx)
			return err
		})
		if err != nil || again != 2*job+2 {
			f.Errorf("Consume whose end is refused, at the commit: %v: %v, and %d attempts after the first; want no error and %d", atCommit, err, again, 2*job+2)
		}
	}
	f.wantOnce(idsOf(4))
}

// galeraNodeIsKilled kills a node while callers use it, and starts it again. A call may fail with an error whose class says
// what to do. An answer that a call has returned stays true.
func galeraNodeIsKilled(f *fleet) {
	jobs := max(engine.Size(0, 1000), 20)
	victim := f.nodes[2]
	var kill sync.Once
	each := func(node, job int) error {
		if node == 1 && job == jobs/2 {
			kill.Do(func() {
				if err := errors.Join(victim.Kill(), victim.Start(f.ctx)); err != nil {
					f.Errorf("kill a node and start it: %v", err)
				}
			})
		}
		if job%2 == 0 {
			return f.run(node, fmt.Sprint("k", job))
		}
		return f.consume(node, []string{fmt.Sprint("k", job), fmt.Sprint("k", max(job-2, 1))})
	}
	f.race(jobs, each)
	for _, err := range f.failed {
		if c := dialect.Classify(err); c != dialect.Retryable && c != dialect.Ambiguous && c != dialect.LockTimeout {
			f.Errorf("%v, of class %v; want a class that says what to do", err, c)
		}
	}
	f.Logf("%d of %d calls failed", len(f.failed), 6*jobs)
	f.failed = nil
	f.race(jobs, each)
	f.wantNoErrors()
	f.wantOnce(idsOf(jobs))
}
