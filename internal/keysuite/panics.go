package keysuite

import (
	"context"
	"runtime"

	"github.com/goupsert/upsert/keys"
)

func panicBehaviours() []behaviour {
	return []behaviour{
		{"roll back and go on", panics},
		{"runtime.Goexit rolls back", exits},
		{"leave Once's transaction usable", panicsInTx},
	}
}

func panics(p *place) {
	p.each(func(p *place) {
		func() {
			defer func() {
				if got := recover(); got != (asIs{7}) {
					p.Errorf("recovered %v, want fn's own value", got)
				}
			}()
			_, _, err := p.call(p.store, p.key("a"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
				if err := p.effect(ctx, tx, "a"); err != nil {
					p.Error(err)
				}
				panic(asIs{7})
			})
			p.Errorf("the call returned %v", err)
		}()
		p.wantNoTrace("a")
		p.wantPaid(p.store, "a")
	})
}

func exits(p *place) {
	p.each(func(p *place) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _, err := p.call(p.store, p.key("a"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
				if err := p.effect(ctx, tx, "a"); err != nil {
					p.Error(err)
				}
				runtime.Goexit()
				return "", nil
			})
			p.Errorf("the call returned %v", err)
		}()
		<-done
		p.wantNoTrace("a")
		p.wantPaid(p.store, "a")
	})
}

func panicsInTx(p *place) {
	tx := p.begin(nil)
	func() {
		defer func() { _ = recover() }()
		_, _, _ = keys.Once(p.ctx, p.store, tx, p.key("a"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
			if err := p.effect(ctx, tx, "a"); err != nil {
				p.Error(err)
			}
			panic("out of it")
		})
	}()
	if err := p.effect(p.ctx, tx, "after"); err != nil {
		p.Fatal(err)
	}
	p.commit(tx)
	p.wantEffects("after", 1)
	p.wantNoTrace("a")
}
