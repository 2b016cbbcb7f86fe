package keysuite

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/goupsert/upsert/keys"
)

type payment struct {
	ID     int64     `json:"id"`
	Amount string    `json:"amount"`
	At     time.Time `json:"at"`
	Tags   []string  `json:"tags"`
}

func resultBehaviours() []behaviour {
	pay := payment{1 << 62, "12.50 €\x00", time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), []string{"a", "'"}}
	return []behaviour{
		{"are stored and replayed", func(p *place) {
			result(p, "struct", pay)
			result(p, "slice", []payment{pay, {}})
			result(p, "map", map[string]int{"a": 1, "ü": 2})
			result(p, "pointer", &pay)
			result(p, "nil pointer", (*payment)(nil))
			result(p, "nil slice", []string(nil))
			result(p, "string", strings.Repeat("é\x00'\\", 1000))
			result(p, "empty string", "")
			result(p, "bytes", []byte{0, 0xff, '\''})
			result(p, "nothing", struct{}{})
			result(p, "any", any(nil))
			result(p, "JSON", json.RawMessage(`{"a":1}`))
		}},
		{"that cannot be encoded roll back", notEncodable},
		{"that are too big roll back", tooBig},
		{"are refused as another type", otherType},
	}
}

// result expects the same value from the first call, from a repeated call, and from a call in another process.
func result[R any](p *place, id string, value R) {
	p.Helper()
	for i, s := range []*keys.Store{p.store, p.store, p.open()} {
		got, replayed, err := keys.Run(p.ctx, s, p.key(id), none(), pays(p, id, value))
		if err != nil || replayed != (i > 0) || !reflect.DeepEqual(got, value) {
			p.Errorf("call %d of %s = %+v, replayed %v, %v; want %+v", i, id, got, replayed, err, value)
		}
	}
	tx := p.begin(nil)
	got, replayed, err := keys.Once(p.ctx, p.store, tx, p.key(id), none(), pays(p, id, value))
	if err != nil || !replayed || !reflect.DeepEqual(got, value) {
		p.Errorf("Once of %s = %+v, replayed %v, %v; want %+v", id, got, replayed, err, value)
	}
	p.commit(tx)
	p.wantEffects(id, 1)
}

func notEncodable(p *place) {
	_, replayed, err := keys.Run(p.ctx, p.store, p.key("a"), none(), pays(p, "a", make(chan int)))
	wantText(p, "Run of a channel", err, "cannot be encoded as json")
	if replayed {
		p.Error("replayed, want fn to run")
	}
	tx := p.begin(nil)
	_, _, err = keys.Once(p.ctx, p.store, tx, p.key("a"), none(), pays(p, "a", make(chan int)))
	wantText(p, "Once of a channel", err, "cannot be encoded as json")
	p.commit(tx)
	p.wantNoTrace("a")
	p.wantPaid(p.store, "a")
}

func tooBig(p *place) {
	small := p.open(keys.MaxResult(10))
	p.each(func(p *place) {
		_, _, err := p.call(small, p.key("a"), none(), pays(p, "a", "123456789")) // the encoded text has two quotes more
		wantText(p, p.verb, err, "11 bytes, more than 10")
		p.wantNoTrace("a")
		r, _, err := p.call(small, p.key("a"), none(), pays(p, "a", "12345678"))
		if err != nil || r != "12345678" {
			p.Errorf("%s of a result that just fits: %q, %v", p.verb, r, err)
		}
		p.wantEffects("a", 1)
	})
}

func otherType(p *place) {
	p.wantPaid(p.store, "a")
	n, replayed, err := keys.Run(p.ctx, p.store, p.key("a"), none(), pays(p, "a", 5))
	wantText(p, "a text asked for as a number", err, "cannot be decoded as json into *int")
	if n != 0 || !replayed {
		p.Errorf("%d, replayed %v; want 0, true", n, replayed)
	}
	p.wantReplayed(p.store, "a")
}
