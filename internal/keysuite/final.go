package keysuite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/goupsert/upsert/keys"
)

func finalBehaviours() []behaviour {
	return []behaviour{
		{"errors undo the effect and are replayed", finalError},
		{"errors that are known are found again", finalKnown},
		{"errors of any text are remembered", finalTexts},
		{"errors leave what fn wrote before to the caller", finalInTx},
	}
}

func finalError(p *place) {
	if keys.Final(nil) != nil {
		p.Error("Final(nil) is an error")
	}
	declined := errors.New("declined")
	p.each(func(p *place) {
		for i, s := range []*keys.Store{p.store, p.store, p.open()} {
			f := p.never
			if i == 0 {
				f = func(ctx context.Context, tx *keys.Tx) (string, error) {
					return "ignored", errors.Join(p.effect(ctx, tx, "a"), fmt.Errorf("around: %w", keys.Final(declined)))
				}
			}
			r, replayed, err := p.call(s, p.key("a"), none(), f)
			final := as[*keys.FinalError](p, p.verb, err)
			if r != "" || replayed != (i > 0) || final == nil || final.Text != "around: declined" || final.Error() != "around: declined" {
				p.Errorf("call %d = %q, replayed %v, %v; want the final error", i, r, replayed, err)
			}
			if first := i == 0; errors.Is(err, declined) != first {
				p.Errorf("call %d: the error is fn's: %v, want %v", i, !first, first)
			}
		}
		p.wantEffects("a", 0)
		if info := p.inspect(p.key("a")); info.State != keys.StateFinalError {
			p.Errorf("state %v, want failed", info.State)
		}
	})
}

func finalKnown(p *place) {
	declined, empty := errors.New("declined"), errors.New("empty")
	store := func() *keys.Store { return p.open(keys.KnownErrors(declined, empty)) }
	p.each(func(p *place) {
		for i, s := range []*keys.Store{store(), store()} {
			f := p.never
			if i == 0 {
				f = p.fails("a", keys.Final(fmt.Errorf("card 4: %w", empty)))
			}
			_, _, err := p.call(s, p.key("a"), none(), f)
			wantIs(p, fmt.Sprint("call ", i), err, empty)
			if final := as[*keys.FinalError](p, p.verb, err); final == nil || final.Text != "card 4: empty" || errors.Is(err, declined) {
				p.Errorf("call %d: %v; want the whole text, and not the other error", i, err)
			}
		}
		_, replayed, err := p.call(p.open(), p.key("a"), none(), p.never)
		if final := as[*keys.FinalError](p, p.verb, err); !replayed || final == nil || final.Err != nil {
			p.Errorf("a store without the error value: replayed %v, %#v", replayed, err)
		}
	})
}

func finalTexts(p *place) {
	small := p.open(keys.MaxResult(100))
	p.each(func(p *place) {
		for i, text := range []string{"", "a\x00b", "\"'\\", strings.Repeat("ü", 5000)} {
			id := fmt.Sprint(i)
			_, _, first := p.call(small, p.key(id), none(), func(context.Context, *keys.Tx) (string, error) { return "", keys.Final(errors.New(text)) })
			_, replayed, second := p.call(p.open(), p.key(id), none(), p.never)
			a, b := as[*keys.FinalError](p, p.verb, first), as[*keys.FinalError](p, p.verb, second)
			if a == nil || b == nil || a.Text != b.Text || !replayed || !strings.HasPrefix(text, strings.TrimSuffix(a.Text, "\uFFFD")) {
				p.Errorf("%.20q: first %.20q, then %.20q, replayed %v; want the same", text, first, second, replayed)
			}
		}
	})
}

// finalInTx checks that only fn's writes are rolled back. The writes of Once's caller before and after the call remain.
func finalInTx(p *place) {
	tx := p.begin(nil)
	if err := p.effect(p.ctx, tx, "before"); err != nil {
		p.Fatal(err)
	}
	_, _, err := keys.Once(p.ctx, p.store, tx, p.key("a"), none(), p.fails("a", keys.Final(asIs{2})))
	wantAs[*keys.FinalError](p, "Once", err)
	if err := p.effect(p.ctx, tx, "after"); err != nil {
		p.Fatal(err)
	}
	p.commit(tx)
	p.wantEffects("before", 1)
	p.wantEffects("a", 0)
	p.wantEffects("after", 1)
	_, replayed, err := keys.Run(p.ctx, p.store, p.key("a"), none(), p.never)
	wantAs[*keys.FinalError](p, "Run", err)
	if !replayed {
		p.Error("not replayed")
	}
}
