package keysuite

import (
	"context"
	"errors"
	"strings"

	"github.com/goupsert/upsert/keys"
)

// flipped is a codec that stores texts with every bit inverted.
type flipped struct{ name string }

func (c flipped) Name() string { return c.name }

func (c flipped) Encode(v any) ([]byte, error) { return flip([]byte(v.(string))), nil }

func (c flipped) Decode(data []byte, v any) error {
	if len(data) == 0 {
		return errors.New("nothing there")
	}
	*v.(*string) = string(flip(data))
	return nil
}

func flip(b []byte) []byte {
	out := make([]byte, len(b))
	for i := range b {
		out[i] = ^b[i]
	}
	return out
}

func codecBehaviours() []behaviour {
	return []behaviour{
		{"are the caller's to choose", ownCodec},
		{"other than the stored one are refused", otherCodec},
		{"that fail to decode say so", failingCodec},
		{"are checked", codecNames},
	}
}

func ownCodec(p *place) {
	codec := keys.WithCodec(flipped{"flipped"})
	p.wantPaid(p.store, "a", codec)
	p.wantReplayed(p.store, "a", codec)
	p.wantReplayed(p.open(), "a", codec)
	if info := p.inspect(p.key("a")); info.Codec != "flipped" || string(flip(info.Result)) != "paid a" {
		p.Errorf("stored as %q %x", info.Codec, info.Result)
	}
}

func otherCodec(p *place) {
	p.wantPaid(p.store, "a", keys.WithCodec(flipped{"flipped"}))
	p.wantPaid(p.store, "b")
	p.each(func(q *place) {
		_, _, err := q.call(p.store, p.key("a"), none(), p.never)
		wantText(p, "a flipped result asked for as JSON", err, `with the codec "flipped" and this call has the codec "json"`)
		_, _, err = q.call(p.store, p.key("b"), none(), p.never, keys.WithCodec(flipped{"flipped"}))
		wantText(p, "JSON asked for as flipped", err, `with the codec "json" and this call has the codec "flipped"`)
	})
	p.wantReplayed(p.store, "b")
}

func failingCodec(p *place) {
	codec := keys.WithCodec(flipped{strings.Repeat("x", 64)})
	_, _, err := keys.Run(p.ctx, p.store, p.key("a"), none(), pays(p, "a", ""), codec)
	wantText(p, "a result that its codec does not decode", err, "nothing there")
	p.wantNoTrace("a")

	p.wantPaid(p.store, "a")
	_, replayed, err := keys.Run(p.ctx, p.store, p.key("a"), none(), func(context.Context, *keys.Tx) (int, error) { return 0, errors.New("fn was called") })
	wantText(p, "a text that is asked for as a number", err, "cannot be decoded")
	if !replayed {
		p.Error("not replayed")
	}
}

func codecNames(p *place) {
	for _, name := range []string{"", "error", strings.Repeat("x", 65)} {
		p.each(func(p *place) {
			_, _, err := p.call(p.store, p.key("a"), none(), p.never, keys.WithCodec(flipped{name}))
			wantText(p, "a codec called "+name, err, "it must have 1 to 64")
			_, _, err = p.call(p.store, p.key("a"), none(), p.never, keys.WithCodec(nil))
			wantText(p, "no codec", err, "codec is nil")
			_, _, err = p.call(p.store, p.key("a"), none(), p.never, nil)
			wantText(p, "no option", err, "option is nil")
		})
	}
}
