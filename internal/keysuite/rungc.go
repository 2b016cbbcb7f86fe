package keysuite

import (
	"context"
	"sync"
	"time"

	"github.com/goupsert/upsert/keys"
)

func runGCBehaviours() []behaviour {
	return []behaviour{
		{"collects until its context ends", runGCCollects},
		{"goes on after failures", runGCFails},
		{"refuses what makes no sense", runGCWrong},
	}
}

// runGC starts RunGC, and returns a function that ends it and expects nil.
func (p *place) runGC(s *keys.Store, opts ...keys.GCOption) (stop func()) {
	ctx, cancel := context.WithCancel(p.ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.RunGC(ctx, opts...) }()
	return sync.OnceFunc(func() {
		p.Helper()
		cancel()
		if err := <-ended; err != nil {
			p.Errorf("RunGC = %v, want nil", err)
		}
	})
}

// runGCCollects expects a collection at once, and others without another call.
func runGCCollects(p *place) {
	removed := make(chan int64, 10)
	s := p.open(keys.WithHooks(keys.Hooks{Remove: func(_ context.Context, e keys.Event) { removed <- e.Count }}))
	p.expired(5)
	stop := p.runGC(s)
	if n := <-removed; n != 5 {
		p.Errorf("%d keys removed at once, want 5", n)
	}
	stop()
	stop = p.runGC(s, keys.GCEvery(time.Millisecond), keys.GCBatchSize(2), keys.GCShare(1))
	defer stop()
	for range 2 {
		p.expired(3)
		for n := int64(0); n < 3; {
			n += <-removed
		}
	}
	stop()
	ctx, cancel := context.WithCancel(p.ctx)
	cancel()
	if err := s.RunGC(ctx); err != nil {
		p.Errorf("RunGC after the end = %v, want nil", err)
	}
}

// runGCFails takes the table away and brings it back. RunGC must tell of the failure, not end, and not hammer.
func runGCFails(p *place) {
	failed, removed := make(chan keys.Event, 1), make(chan int64, 10)
	s := p.open(keys.Table("other"), keys.WithHooks(keys.Hooks{
		Retry: func(_ context.Context, e keys.Event) {
			select {
			case failed <- e:
			default: // the test has seen enough
			}
		},
		Remove: func(_ context.Context, e keys.Event) { removed <- e.Count },
	}))
	began := time.Now()
	stop := p.runGC(s, keys.GCEvery(time.Millisecond))
	defer stop()
	e := <-failed
	if e.Count != 1 || e.Duration <= 0 || e.Key != (keys.Key{}) {
		p.Errorf("told of %+v", e)
	}
	wantText(p, "the failure", e.Err, "keys: GC: ")
	wantText(p, "the failure", e.Err, "run Store.Migrate")
	p.wantPaid(p.store, "a")
	p.exec("ALTER TABLE idempotency_keys RENAME TO other")
	p.exec("UPDATE other SET expires_at = " + p.pick("'2001-01-01 00:00:00.000'", "'2001-01-01 00:00:00+00'", "'2001-01-01 00:00:00'"))
	if n := <-removed; n != 1 || time.Since(began) < 500*time.Millisecond {
		p.Errorf("%d keys removed %v after the start; want 1, and half a second at least after a failure", n, time.Since(began))
	}
}

func runGCWrong(p *place) {
	for _, o := range []keys.GCOption{keys.GCBatchSize(0), keys.GCEvery(0), keys.GCEvery(1 << 62), nil} {
		if err := p.store.RunGC(p.ctx, o); err == nil {
			p.Error("RunGC returned nil for a wrong option")
		}
	}
	wantText(p, "RunGC", (&keys.Store{}).RunGC(p.ctx), "Open returns one")
	_, err := keys.Exec(p.ctx, p.store, p.key("a"), none(), func(ctx context.Context, tx *keys.Tx) error {
		return p.store.RunGC(ctx)
	})
	wantText(p, "RunGC inside fn", err, "inside the fn of me/pay/a")
}
