package keysuite

import (
	"context"
	"errors"
	"strings"

	"github.com/goupsert/upsert/keys"
)

func execBehaviours() []behaviour {
	return []behaviour{
		{"has its effect once", execOnce},
		{"replays what Run has recorded, and the other way round", execBesideRun},
		{"returns fn's errors", execErrors},
	}
}

// pay returns an fn without a result that writes the effect.
func (p *place) pay(id string, errs ...error) func(context.Context, *keys.Tx) error {
	return func(ctx context.Context, tx *keys.Tx) error {
		return errors.Join(append(errs, p.effect(ctx, tx, id))...)
	}
}

// wantExec expects how a call of Exec ends. It gives Exec a codec that Exec must not use.
func (p *place) wantExec(s *keys.Store, id string, want bool) {
	p.Helper()
	replayed, err := keys.Exec(p.ctx, s, p.key(id), none(), p.pay(id), keys.WithCodec(flipped{"flipped"}))
	if err != nil || replayed != want {
		p.Errorf("Exec of %s: replayed %v, %v; want %v", id, replayed, err, want)
	}
	p.wantEffects(id, 1)
}

func execOnce(p *place) {
	for i, s := range []*keys.Store{p.store, p.store, p.open()} {
		p.wantExec(s, "a", i > 0)
	}
	if info := p.inspect(p.key("a")); string(info.Result) != "{}" || info.Codec != "json" || info.State != keys.StateDone {
		p.Errorf("recorded as %+v", info)
	}
}

func execBesideRun(p *place) {
	p.wantPaid(p.store, "json")
	p.wantPaid(p.store, "flipped", keys.WithCodec(flipped{"other"}))
	for _, s := range []*keys.Store{p.store, p.open()} {
		p.wantExec(s, "json", true)
		p.wantExec(s, "flipped", true)
	}
	p.wantExec(p.store, "exec", false)
	_, replayed, err := keys.Run(p.ctx, p.store, p.key("exec"), none(), func(ctx context.Context, tx *keys.Tx) (struct{}, error) {
		return struct{}{}, errors.New("fn was called")
	})
	if err != nil || !replayed {
		p.Errorf("Run of a key of Exec: replayed %v, %v", replayed, err)
	}
}

func execErrors(p *place) {
	_, err := keys.Exec(p.ctx, p.store, p.key("a"), none(), p.pay("a", asIs{1}))
	wantIs(p, "Exec", err, asIs{1})
	p.wantNoTrace("a")
	for range 2 {
		_, err = keys.Exec(p.ctx, p.store, p.key("a"), none(), p.pay("a", keys.Final(asIs{2})))
		wantAs[*keys.FinalError](p, "Exec", err)
		p.wantEffects("a", 0)
	}
	_, err = keys.Exec(p.ctx, p.store, p.key("b"), none(), nil)
	wantText(p, "Exec without fn", err, "the function is nil")
	_, err = keys.Exec(p.ctx, nil, p.key("b"), none(), p.pay("b"))
	wantText(p, "Exec without a store", err, "Open returns one")
	_, err = keys.Exec(p.ctx, p.store, p.key("b"), none(), p.pay("b"), nil)
	wantText(p, "Exec with a nil option", err, "option is nil")
}

func txFromBehaviours() []behaviour {
	return []behaviour{
		{"is fn's, also in nested claims", txFromNested},
		{"is nothing outside of fn", txFromOutside},
	}
}

// wantTx expects that the context knows the transaction.
func wantTx(p *place, what string, ctx context.Context, want *keys.Tx) {
	p.Helper()
	if got, found := keys.TxFrom(ctx); got != want || found != (want != nil) {
		p.Errorf("%s: TxFrom = %p, %v; want %p", what, got, found, want)
	}
}

func txFromNested(p *place) {
	p.each(func(p *place) {
		_, _, err := p.call(p.store, p.key("a"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
			wantTx(p, p.verb, ctx, tx)
			_, _, err := keys.Once(ctx, p.store, tx, p.key("b"), none(), func(ctx context.Context, inner *keys.Tx) (string, error) {
				wantTx(p, "the inner claim", ctx, inner)
				return "", nil
			})
			wantTx(p, "after the inner claim", ctx, tx)
			return "", err
		})
		if err != nil {
			p.Error(err)
		}
	})
	err := keys.Consume(p.ctx, p.store, "c", []string{"m"}, strings.Clone, func(ctx context.Context, tx *keys.Tx, _ []string) error {
		wantTx(p, "Consume", ctx, tx)
		return nil
	})
	if err != nil {
		p.Error(err)
	}
}

func txFromOutside(p *place) {
	wantTx(p, "before", p.ctx, nil)
	var kept context.Context
	_, err := keys.Exec(p.ctx, p.store, p.key("a"), none(), func(ctx context.Context, _ *keys.Tx) error {
		kept = ctx
		wantTx(p, "Outside", keys.Outside(ctx), nil)
		return nil
	})
	if err != nil {
		p.Error(err)
	}
	wantTx(p, "after fn", kept, nil)
}
