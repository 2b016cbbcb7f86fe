package keysuite

import (
	"context"
	"errors"

	"github.com/goupsert/upsert/keys"
)

func cancelBehaviours() []behaviour {
	return []behaviour{
		{"before a call", cancelBefore},
		{"while a claim waits", cancelWaiting},
		{"inside fn", cancelInside},
		{"with fn's own context only", cancelStatement},
		{"before a call inside fn", cancelNested},
	}
}

func cancelBefore(p *place) {
	ctx, cancel := context.WithCancel(p.ctx)
	cancel()
	_, _, err := keys.Run(ctx, p.store, p.key("a"), none(), p.never)
	wantIs(p, "Run", err, context.Canceled)
	tx := p.begin(nil)
	_, _, err = keys.Once(ctx, p.store, tx, p.key("a"), none(), p.never)
	wantIs(p, "Once", err, context.Canceled)
	_, err = keys.Filter(ctx, p.store, tx, "c", []string{"a"}, same)
	wantIs(p, "Filter", err, context.Canceled)
	_ = tx.Rollback()
	_, err = p.store.Fail(ctx, "c", "a", nil)
	wantIs(p, "Fail", err, context.Canceled)
	_, err = p.store.GC(ctx)
	wantIs(p, "GC", err, context.Canceled)
	_, err = p.store.Inspect(ctx, p.key("a"))
	wantIs(p, "Inspect", err, context.Canceled)
	p.wantNoTrace("a")
	p.wantPaid(p.store, "a")
}

func cancelWaiting(p *place) {
	w, tx := p.watch(), p.holds("a")
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, _, err := keys.Run(ctx, p.store, p.key("a"), none(), p.never)
		done <- err
	}()
	w.until(1)
	cancel()
	wantIs(p, "Run", <-done, context.Canceled)
	p.commit(tx)
	p.wantReplayed(p.open(), "a")
}

// cancelInside cancels the context before the commit. The effect must not be stored.
func cancelInside(p *place) {
	ctx, cancel := context.WithCancel(p.ctx)
	_, _, err := keys.Run(ctx, p.store, p.key("a"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
		defer cancel()
		return "", p.effect(ctx, tx, "a")
	})
	wantIs(p, "Run", err, context.Canceled)
	p.wantNoTrace("a")
	p.wantPaid(p.store, "a")

	ctx, cancel = context.WithCancel(p.ctx)
	tx := p.begin(nil)
	_, _, err = keys.Once(ctx, p.store, tx, p.key("b"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
		defer cancel()
		return "", p.effect(ctx, tx, "b")
	})
	wantIs(p, "Once", err, context.Canceled)
	// The driver decides whether the caller's transaction can continue. A commit must not store the effect of fn.
	_ = tx.Commit()
	p.wantNoTrace("b")
	p.wantPaid(p.store, "b")
}

func cancelStatement(p *place) {
	_, _, err := keys.Run(p.ctx, p.store, p.key("a"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
		ctx, cancel := context.WithCancel(ctx)
		err := p.effect(ctx, tx, "a")
		cancel()
		_, late := tx.ExecContext(ctx, "INSERT INTO effects (id) VALUES ('late')")
		return "", errors.Join(err, late)
	})
	wantIs(p, "Run", err, context.Canceled)
	p.wantNoTrace("a")
	p.wantEffects("late", 0)
}

// cancelNested cancels the context inside fn. Work that fn still does in a context without cancellation must be rolled back.
func cancelNested(p *place) {
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	_, _, err := keys.Run(ctx, p.store, p.key("a"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
		cancel()
		lasting := context.WithoutCancel(ctx)
		_, _, err := keys.Once(lasting, p.store, tx, p.key("b"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
			return "", p.effect(ctx, tx, "b")
		})
		return "", errors.Join(err, p.effect(lasting, tx, "a"))
	})
	wantIs(p, "Run", err, context.Canceled)
	p.wantNoTrace("a")
	p.wantNoTrace("b")
	p.wantPaid(p.store, "a")
}
