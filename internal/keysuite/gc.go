package keysuite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/goupsert/upsert/keys"
)

func gcBehaviours() []behaviour {
	return []behaviour{
		{"removes what is finished and expired only", gcOnlyExpired},
		{"removes what has been kept for as long as was asked", gcByTheClock},
		{"goes in batches and tells of them", gcBatches},
		{"keeps to its limit", gcLimit},
		{"ends with its context", gcCancelled},
		{"leaves what is locked alone", gcLocked},
		{"makes a removed key a new one", gcForgets},
		{"beside claims removes each row once", gcBesideClaims},
		{"refuses options that make no sense", gcOptions},
	}
}

func gcOnlyExpired(p *place) {
	for _, id := range []string{"old", "young"} {
		p.wantPaid(p.store, id)
		if _, _, err := keys.Run(p.ctx, p.store, p.key("final "+id), none(), p.fails("final", keys.Final(asIs{1}))); err == nil {
			p.Error("no final error")
		}
		if _, err := p.filter(p.store, "c", "handled "+id); err != nil {
			p.Fatal(err)
		}
	}
	s := p.open(keys.MaxAttempts(2))
	for _, id := range []string{"old waiting", "old dead", "old dead"} {
		_, _ = s.Fail(p.ctx, "c", id, nil)
	}
	for _, id := range []string{"waiting", "dead"} { // these messages do not expire
		if info, err := s.InspectMessage(p.ctx, "c", "old "+id); err != nil || info.ExpiresAt.Year() != 9999 {
			p.Errorf("a %s message expires at %v, %v", id, info.ExpiresAt, err)
		}
	}
	p.expire("id LIKE '%old%'")
	if n, err := p.store.GC(p.ctx); n != 3 || err != nil {
		p.Errorf("GC = %d, %v; want 3", n, err)
	}
	want := []string{"final young", "handled young", "old dead", "old waiting", "young"}
	got := list[string](p, "SELECT id FROM idempotency_keys")
	slices.Sort(got)
	if !slices.Equal(got, want) {
		p.Errorf("left are %q, want %q", got, want)
	}
	if n, err := p.store.GC(p.ctx); n != 0 || err != nil {
		p.Errorf("GC again = %d, %v; want 0", n, err)
	}
}

// gcByTheClock waits until keys expire by the database's clock. The client's clock does not count.
func gcByTheClock(p *place) {
	p.wantPaid(p.store, "short", keys.Retain(time.Millisecond))
	p.wantPaid(p.open(keys.Retention(time.Millisecond)), "shorter")
	p.wantPaid(p.store, "long", keys.Retain(time.Hour))
	for expires := p.inspect(p.key("shorter")).ExpiresAt; !p.now().After(expires.Add(2 * time.Millisecond)); {
		// the loop takes a few milliseconds
	}
	p.wantReplayed(p.store, "short") // the key is replayed until GC removes it
	if n, err := p.store.GC(p.ctx); n != 2 || err != nil {
		p.Errorf("GC = %d, %v; want 2", n, err)
	}
	p.wantNoMemory("short")
	p.wantNoMemory("shorter")
	p.wantReplayed(p.store, "long")
}

// wantNoMemory expects that a key is forgotten although its effect is stored.
func (p *place) wantNoMemory(id string) {
	p.Helper()
	_, err := p.store.Inspect(p.ctx, p.key(id))
	wantIs(p, id, err, keys.ErrNotFound)
}

// expired creates n handled messages that have expired.
func (p *place) expired(n int) {
	p.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprint("expired ", i)
	}
	if _, err := p.filter(p.store, "expired", ids...); err != nil {
		p.Fatal(err)
	}
	p.expire("scope = 'expired'")
}

func gcBatches(p *place) {
	var removed, told []int64
	s := p.open(keys.WithHooks(keys.Hooks{Remove: func(_ context.Context, e keys.Event) { removed = append(removed, e.Count) }}))
	p.expired(25)
	n, err := s.GC(p.ctx, keys.GCBatchSize(10), keys.GCProgress(func(n int64) { told = append(told, n) }))
	if n != 25 || err != nil || fmt.Sprint(told) != "[10 20 25]" || fmt.Sprint(removed) != "[10 10 5]" {
		p.Errorf("GC = %d, %v; progress %v, batches %v; want 25, [10 20 25], [10 10 5]", n, err, told, removed)
	}
	p.expired(20)
	if n, err := s.GC(p.ctx, keys.GCBatchSize(10)); n != 20 || err != nil {
		p.Errorf("GC of two full batches = %d, %v; want 20", n, err)
	}
}

func gcLimit(p *place) {
	p.expired(12)
	var told []int64
	n, err := p.store.GC(p.ctx, keys.GCBatchSize(5), keys.GCLimit(7), keys.GCProgress(func(n int64) { told = append(told, n) }))
	if n != 7 || err != nil || fmt.Sprint(told) != "[5 7]" {
		p.Errorf("GC = %d, %v; progress %v; want 7, [5 7]", n, err, told)
	}
	if n := p.rows(); n != 5 {
		p.Errorf("%d rows are left, want 5", n)
	}
	if n, err := p.store.GC(p.ctx, keys.GCLimit(100)); n != 5 || err != nil {
		p.Errorf("GC of the rest = %d, %v; want 5", n, err)
	}
}

func gcCancelled(p *place) {
	p.expired(9)
	ctx, cancel := context.WithCancel(p.ctx)
	n, err := p.store.GC(ctx, keys.GCBatchSize(3), keys.GCProgress(func(int64) { cancel() }))
	wantIs(p, "GC", err, context.Canceled)
	if n != 3 || p.rows() != 6 {
		p.Errorf("GC = %d and %d rows are left; want 3, 6: committed batches count", n, p.rows())
	}
}

// gcLocked checks GC beside a locked row. SQLite has one lock for all rows.
func gcLocked(p *place) {
	p.expired(5)
	if !p.sqlite() {
		tx := p.begin(p.at(sql.LevelReadCommitted)) // at the higher level InnoDB locks all rows that it reads
		var id string
		if err := tx.GetContext(p.ctx, &id, "SELECT id FROM idempotency_keys WHERE id = 'expired 2' FOR UPDATE"); err != nil {
			p.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(p.ctx, timeout/6)
		defer cancel()
		if n, err := p.store.GC(ctx); n != 4 || err != nil {
			p.Errorf("GC beside a locked row = %d, %v; want 4", n, err)
		}
		p.wantPaid(p.store, "beside it")
		p.commit(tx)
	}
	if n, err := p.store.GC(p.ctx); err != nil || n == 0 || p.left("expired") > 0 {
		p.Errorf("GC = %d, %v; want GC to remove the remaining rows", n, err)
	}
}

// left counts the rows of a scope.
func (p *place) left(scope string) int {
	p.Helper()
	return get[int](p, "SELECT COUNT(*) FROM idempotency_keys WHERE scope = '"+scope+"'")
}

func gcForgets(p *place) {
	p.wantPaid(p.store, "a")
	p.expire("id = 'a'")
	p.wantReplayed(p.store, "a")
	if n, err := p.store.GC(p.ctx); n != 1 || err != nil {
		p.Errorf("GC = %d, %v; want 1", n, err)
	}
	r, replayed, err := keys.Run(p.ctx, p.store, p.key("a"), none(), pays(p, "a", "again"))
	if err != nil || replayed || r != "again" {
		p.Errorf("Run of a forgotten key = %q, replayed %v, %v; want fn to run", r, replayed, err)
	}
	p.wantEffects("a", 2)
}

// gcBesideClaims runs collections beside claims. Every execution creates a row. Each row must be removed by exactly one
// collection or still be stored.
func gcBesideClaims(p *place) {
	const claimers, collectors, rounds = 8, 3, 12
	p.db.SetMaxIdleConns(claimers + collectors)
	var claiming, collecting sync.WaitGroup
	var removed atomic.Int64
	done := make(chan struct{})
	for range collectors {
		collecting.Go(func() {
			for {
				n, err := p.store.GC(p.ctx, keys.GCBatchSize(3))
				removed.Add(n)
				if err != nil {
					p.Errorf("GC: %v", err)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for c := range claimers {
		claiming.Go(func() {
			for i := range rounds {
				id := fmt.Sprint((c + i) % 5)
				r, _, err := keys.Run(p.ctx, p.store, p.key(id), none(), pays(p, id, "paid"), keys.Retain(time.Millisecond))
				if err != nil || r != "paid" {
					p.Errorf("Run = %q, %v", r, err)
				}
			}
		})
	}
	claiming.Wait()
	close(done)
	collecting.Wait()
	if ran, left := get[int](p, "SELECT COUNT(*) FROM effects"), p.rows(); ran != left+int(removed.Load()) {
		p.Errorf("%d executions, %d rows removed and %d left", ran, removed.Load(), left)
	}
}

func gcOptions(p *place) {
	for _, o := range []keys.GCOption{keys.GCBatchSize(0), keys.GCBatchSize(1 << 20), keys.BatchSize(0), keys.GCLimit(0), nil} { //nolint:staticcheck // BatchSize is an old name
		n, err := p.store.GC(p.ctx, o)
		if n != 0 || err == nil || !strings.HasPrefix(err.Error(), "keys: ") {
			p.Errorf("GC = %d, %v; want an error about the option", n, err)
		}
	}
}
