package keysuite

import (
	"context"
	"errors"

	"github.com/goupsert/upsert/keys"
)

func nestedBehaviours() []behaviour {
	return []behaviour{
		{"keys are committed with the outer one", innerCommits},
		{"keys that fail do not hurt the outer one", innerFails},
		{"keys' final errors are committed with the outer one", innerFinal},
		{"keys go with an outer one that fails", outerFails},
		{"keys that panic do not hurt the outer one", innerPanics},
		{"keys that are the outer one are refused", innerIsOuter},
		{"keys are replayed in the transaction that claimed them", innerTwice},
		{"batches are filtered in fn", innerFilter},
	}
}

// inner returns an fn that claims an inner key. The fn has its own effects before and after the inner call.
func inner(p *place, f fn, look func(replayed bool, err error) error) fn {
	return func(ctx context.Context, tx *keys.Tx) (string, error) {
		if err := p.effect(ctx, tx, "outer"); err != nil {
			return "", err
		}
		_, replayed, err := keys.Once(ctx, p.store, tx, p.key("inner"), none(), f)
		if err := look(replayed, err); err != nil {
			return "", err
		}
		return "paid outer", p.effect(ctx, tx, "after")
	}
}

// wantOuter expects that the outer key and its effects are stored, and that the inner key's effect is stored n times.
func wantOuter(p *place, r string, err error, n int) {
	p.Helper()
	if err != nil || r != "paid outer" {
		p.Errorf("%s = %q, %v", p.verb, r, err)
	}
	p.wantReplayed(p.open(), "outer")
	p.wantEffects("after", 1)
	p.wantEffects("inner", n)
}

func innerCommits(p *place) {
	p.each(func(p *place) {
		r, _, err := p.call(p.store, p.key("outer"), none(), inner(p, pays(p, "inner", "paid inner"), func(_ bool, err error) error { return err }))
		wantOuter(p, r, err, 1)
		p.wantReplayed(p.open(), "inner")
	})
}

func innerFails(p *place) {
	p.each(func(p *place) {
		r, _, err := p.call(p.store, p.key("outer"), none(), inner(p, p.fails("inner", asIs{1}), func(_ bool, err error) error {
			wantIs(p, "the inner key", err, asIs{1})
			return nil
		}))
		wantOuter(p, r, err, 0)
		p.wantNoTrace("inner")
	})
}

func innerFinal(p *place) {
	p.each(func(p *place) {
		r, _, err := p.call(p.store, p.key("outer"), none(), inner(p, p.fails("inner", keys.Final(asIs{1})), func(_ bool, err error) error {
			wantAs[*keys.FinalError](p, "the inner key", err)
			return nil
		}))
		wantOuter(p, r, err, 0)
		_, replayed, err := p.call(p.open(), p.key("inner"), none(), p.never)
		wantAs[*keys.FinalError](p, "the inner key", err)
		if !replayed {
			p.Error("the inner key was not replayed")
		}
	})
}

func outerFails(p *place) {
	p.each(func(p *place) {
		_, _, err := p.call(p.store, p.key("outer"), none(), inner(p, pays(p, "inner", "paid"), func(_ bool, err error) error {
			return errors.Join(err, asIs{1})
		}))
		wantIs(p, p.verb, err, asIs{1})
		p.wantNoTrace("outer")
		p.wantNoTrace("inner")
	})
}

func innerPanics(p *place) {
	p.each(func(p *place) {
		r, _, err := p.call(p.store, p.key("outer"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
			func() {
				defer func() { _ = recover() }()
				_, _, _ = keys.Once(ctx, p.store, tx, p.key("inner"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
					if err := p.effect(ctx, tx, "inner"); err != nil {
						p.Error(err)
					}
					panic("inner")
				})
			}()
			return "paid outer", errors.Join(p.effect(ctx, tx, "outer"), p.effect(ctx, tx, "after"))
		})
		wantOuter(p, r, err, 0)
		p.wantNoTrace("inner")
	})
}

// innerIsOuter claims the outer key again inside its own fn. The call must fail, because it would wait for itself forever.
func innerIsOuter(p *place) {
	p.each(func(p *place) {
		again := func(ctx context.Context, tx *keys.Tx) error {
			_, _, err := keys.Once(ctx, p.store, tx, p.key("outer"), none(), p.never)
			wantText(p, "the outer key again", err, "fn claims a key that its own transaction has claimed already")
			return err
		}
		_, _, err := p.call(p.store, p.key("outer"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
			return "", errors.Join(p.effect(ctx, tx, "outer"), again(ctx, tx))
		})
		if err == nil {
			p.Error("no error")
		}
		p.wantNoTrace("outer")
		r, _, err := p.call(p.store, p.key("outer"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
			_ = again(ctx, tx)
			return "paid outer", errors.Join(p.effect(ctx, tx, "outer"), p.effect(ctx, tx, "after"))
		})
		wantOuter(p, r, err, 0)
	})
}

func innerTwice(p *place) {
	p.each(func(p *place) {
		r, _, err := p.call(p.store, p.key("outer"), none(), inner(p, pays(p, "inner", "paid inner"), func(_ bool, err error) error { return err }))
		wantOuter(p, r, err, 1)
		// A second transaction that meets the stored key can continue.
		r, _, err = p.call(p.store, p.key("second"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
			for range 2 {
				r, replayed, err := keys.Once(ctx, p.store, tx, p.key("inner"), none(), p.never)
				if err != nil || !replayed || r != "paid inner" {
					p.Errorf("the stored key = %q, replayed %v, %v", r, replayed, err)
				}
			}
			for i := range 2 {
				_, replayed, err := keys.Once(ctx, p.store, tx, p.key("new"), none(), pays(p, "new", "paid new"))
				if err != nil || replayed != (i > 0) {
					p.Errorf("call %d of a new key: replayed %v, %v", i, replayed, err)
				}
			}
			return "paid second", p.effect(ctx, tx, "second")
		})
		if err != nil || r != "paid second" {
			p.Errorf("%q, %v", r, err)
		}
		p.wantEffects("second", 1)
		p.wantReplayed(p.open(), "new")
	})
}

func innerFilter(p *place) {
	p.each(func(p *place) {
		batch := func(ctx context.Context, tx *keys.Tx) ([]string, error) {
			return keys.Filter(ctx, p.store, tx, p.prefix+"c", []string{"1", "2"}, same)
		}
		_, _, err := p.call(p.store, p.key("fails"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
			fresh, err := batch(ctx, tx)
			wantList(p, "fresh in the first", fresh, err, "1", "2")
			return "", asIs{1}
		})
		wantIs(p, p.verb, err, asIs{1})
		_, _, err = p.call(p.store, p.key("a"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
			fresh, err := batch(ctx, tx)
			wantList(p, "fresh after a rollback", fresh, err, "1", "2")
			return "", err
		})
		if err != nil {
			p.Error(err)
		}
		_, _, err = p.call(p.store, p.key("b"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
			fresh, err := batch(ctx, tx)
			wantList(p, "fresh the second time", fresh, err)
			return "", err
		})
		if err != nil {
			p.Error(err)
		}
	})
}
