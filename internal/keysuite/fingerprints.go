package keysuite

import (
	"reflect"

	"github.com/goupsert/upsert/keys"
)

func fingerprintBehaviours() []behaviour {
	return []behaviour{
		{"that differ are a mismatch, and nothing is touched", mismatch},
		{"that are zero on either side are not compared", zeroFingerprint},
		{"that differ from a final error's are a mismatch", mismatchFinal},
	}
}

func (p *place) fingerprint(v any) keys.Fingerprint {
	p.Helper()
	fp, err := keys.FingerprintOf(v)
	if err != nil {
		p.Fatal(err)
	}
	return fp
}

func mismatch(p *place) {
	one, other := p.fingerprint(map[string]int{"amount": 1}), p.fingerprint(map[string]int{"amount": 2})
	p.each(func(p *place) {
		if _, _, err := p.call(p.store, p.key("a"), one, pays(p, "a", "paid a")); err != nil {
			p.Fatal(err)
		}
		before := p.inspect(p.key("a"))
		for _, s := range []*keys.Store{p.store, p.open()} {
			for _, fp := range []keys.Fingerprint{other, keys.FingerprintBytes([]byte(`{"amount":1}`))} {
				r, _, err := p.call(s, p.key("a"), fp, p.never)
				wantIs(p, p.verb, err, keys.ErrMismatch)
				if r != "" {
					p.Errorf("%s = %q, want an empty result", p.verb, r)
				}
			}
		}
		if after := p.inspect(p.key("a")); !reflect.DeepEqual(before, after) {
			p.Errorf("the stored row was %+v and is %+v", before, after)
		}
		r, replayed, err := p.call(p.open(), p.key("a"), p.fingerprint(struct {
			Amount float64 `json:"amount"`
		}{1}), p.never)
		if err != nil || !replayed || r != "paid a" {
			p.Errorf("the same request = %q, replayed %v, %v; want its result", r, replayed, err)
		}
		p.wantEffects("a", 1)
	})
}

func zeroFingerprint(p *place) {
	fp := p.fingerprint(1)
	p.each(func(p *place) {
		for id, sides := range map[string][2]keys.Fingerprint{"stored": {fp, none()}, "asked": {none(), fp}, "both": {}} {
			if _, _, err := p.call(p.store, p.key(id), sides[0], pays(p, id, "paid")); err != nil {
				p.Fatal(err)
			}
			r, replayed, err := p.call(p.store, p.key(id), sides[1], p.never)
			if err != nil || !replayed || r != "paid" {
				p.Errorf("%s: %q, replayed %v, %v; want the result", id, r, replayed, err)
			}
			if got := p.inspect(p.key(id)).Fingerprint; got != sides[0] {
				p.Errorf("%s: the stored fingerprint is %v, want %v", id, got, sides[0])
			}
		}
	})
}

func mismatchFinal(p *place) {
	p.each(func(p *place) {
		_, _, err := p.call(p.store, p.key("a"), p.fingerprint(1), p.fails("a", keys.Final(asIs{3})))
		wantAs[*keys.FinalError](p, p.verb, err)
		_, _, err = p.call(p.store, p.key("a"), p.fingerprint(2), p.never)
		wantIs(p, p.verb, err, keys.ErrMismatch)
		p.wantEffects("a", 0)
	})
}
