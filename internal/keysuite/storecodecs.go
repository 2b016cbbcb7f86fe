package keysuite

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"

	"github.com/goupsert/upsert/keys"
)

func storeCodecBehaviours() []behaviour {
	return []behaviour{
		{"read what other codecs have stored", codecChanged},
		{"encrypt", codecSealed},
		{"encrypt errors", errorSealed},
		{"may write a value in many forms", codecRandom},
		{"keep the checks of the form that they seal", sealedChecks},
		{"are checked", storeCodecNames},
	}
}

// encrypted returns a codec with AES-GCM and a key of its own.
func encrypted(p *place, name string) keys.Codec {
	p.Helper()
	block, err := aes.NewCipher(bytes.Repeat([]byte(name), 16)[:16])
	if err != nil {
		p.Fatal(err)
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		p.Fatal(err)
	}
	return keys.Sealed(name, nil,
		func(data []byte) ([]byte, error) { return gcm.Seal(nil, nil, data, nil), nil },
		func(data []byte) ([]byte, error) { return gcm.Open(nil, nil, data, nil) })
}

// codecChanged changes the codec of a store twice. All results stay readable, by Run and by Once.
func codecChanged(p *place) {
	p.wantPaid(p.store, "json")
	second := p.open(keys.Codecs(flipped{"second"}))
	p.wantPaid(second, "second")
	third := p.open(keys.Codecs(encrypted(p, "third"), flipped{"second"}))
	p.wantPaid(third, "third")
	p.wantPaid(third, "own", keys.WithCodec(flipped{"own"}))
	for _, id := range []string{"json", "second", "third"} {
		for range 2 {
			p.wantReplayed(third, id)
			p.wantReplayed(third, id, keys.WithCodec(flipped{"own"}))
		}
		r, replayed, err := p.once(third, p.key(id), none(), p.never)
		if err != nil || !replayed || r != "paid "+id {
			p.Errorf("Once of %s = %q, replayed %v, %v", id, r, replayed, err)
		}
	}
	p.wantReplayed(third, "own", keys.WithCodec(flipped{"own"}))
	_, _, err := p.run(third, p.key("own"), none(), p.never)
	wantText(p, "a codec that is nowhere named", err, `stored with the codec "own" and this call has the codec "third"`)
	_, _, err = p.run(second, p.key("third"), none(), p.never)
	wantText(p, "a newer codec", err, `stored with the codec "third"`)
	for id, want := range map[string]string{"json": "json", "second": "second", "third": "third", "own": "own"} {
		if got := p.inspect(p.key(id)).Codec; got != want {
			p.Errorf("%s is stored with %q, want %q", id, got, want)
		}
	}
}

func codecSealed(p *place) {
	s := p.open(keys.Codecs(encrypted(p, "aes")))
	p.wantPaid(s, "secret")
	if stored := p.inspect(p.key("secret")).Result; bytes.Contains(stored, []byte("secret")) || len(stored) < 28+len(`"paid secret"`) {
		p.Errorf("stored as %q; want it encrypted", stored)
	}
	p.exec("UPDATE idempotency_keys SET codec = 'aes', result = (SELECT r FROM (SELECT result AS r FROM idempotency_keys) AS x) WHERE id = 'secret'")
	p.wantReplayed(p.open(keys.Codecs(encrypted(p, "aes"))), "secret")
	p.exec("UPDATE idempotency_keys SET result = " + p.pick("x'0102'", `'\x0102'`, "x'0102'") + " WHERE id = 'secret'")
	_, replayed, err := p.run(s, p.key("secret"), none(), p.never)
	wantText(p, "a forged result", err, "cannot be decoded as aes")
	if !replayed {
		p.Error("not replayed")
	}
	small := p.open(keys.Codecs(encrypted(p, "aes")), keys.MaxResult(20))
	_, _, err = p.run(small, p.key("big"), none(), pays(p, "big", "x"))
	wantText(p, "a result that is too big when sealed", err, "31 bytes, more than 20")
	p.wantNoTrace("big")
}

// errorSealed stores errors by a codec that encrypts. A later codec must not make them unreadable, and neither must the
// absence of their codec run fn again.
func errorSealed(p *place) {
	plain := p.open(keys.KnownErrors(errSecret))
	first := p.open(keys.KnownErrors(errSecret), keys.Codecs(keys.Sealed("outer", encrypted(p, "inner"), rotate(1), rotate(255))))
	later := p.open(keys.KnownErrors(errSecret), keys.Codecs(encrypted(p, "later"), keys.Sealed("outer", encrypted(p, "inner"), rotate(1), rotate(255))))
	_, _, _ = p.run(plain, p.key("plain"), none(), p.fails("plain", keys.Final(errSecret)))
	_, _, _ = p.run(first, p.key("first"), none(), p.fails("first", keys.Final(errSecret)))
	for id, s := range map[string]*keys.Store{"plain": first, "first": later} {
		for range 2 {
			_, replayed, err := p.run(s, p.key(id), none(), p.never)
			final := as[*keys.FinalError](p, id, err)
			if !replayed || final.Text != "the secret is out" || !errors.Is(err, errSecret) {
				p.Errorf("%s: replayed %v, %v", id, replayed, err)
			}
		}
	}
	if stored := p.inspect(p.key("first")).Result; bytes.Contains(stored, []byte("secret")) {
		p.Errorf("stored as %q; want it encrypted", stored)
	}
	_, _, err := p.run(p.store, p.key("first"), none(), p.never)
	wantText(p, "without the codec", err, `it is sealed by the codec "outer"`)

	unknown := func(context.Context, *keys.Held) (string, error) { return "", errSecret }
	_, _, _ = keys.Do(p.ctx, first, p.key("parked"), none(), unknown)
	p.exec("UPDATE idempotency_keys SET lease_until = claimed_at WHERE id = 'parked'")
	_, _, err = keys.Do(p.ctx, later, p.key("parked"), none(), unknown)
	if parked := as[*keys.ParkedError](p, "Do", err); !errors.Is(parked.Err, errSecret) {
		p.Errorf("parked because of %v", parked.Err)
	}
	if stored := p.inspect(p.key("parked")).Result; bytes.Contains(stored, []byte("secret")) {
		p.Errorf("stored as %q; want it encrypted", stored)
	}
}

var errSecret = errors.New("the secret is out")

// rotate returns a function that adds n to each byte.
func rotate(n byte) func([]byte) ([]byte, error) {
	return func(data []byte) ([]byte, error) {
		for i := range data {
			data[i] += n
		}
		return data, nil
	}
}

// dice writes a value with a random prefix, as a codec does that encrypts by itself.
type dice struct{}

func (dice) Name() string { return "dice" }

func (dice) Encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	return append([]byte(rand.Text()[:8]), b...), err
}

func (dice) Decode(data []byte, v any) error { return json.Unmarshal(data[8:], v) }

// loses writes the same prefix each time, and loses the value.
type loses struct{}

func (loses) Name() string                 { return "loses" }
func (loses) Encode(v any) ([]byte, error) { return []byte(v.(string)), nil }
func (loses) Decode(d []byte, v any) error { *v.(*string) = string(d) + "!"; return nil }

func codecRandom(p *place) {
	p.each(func(p *place) {
		for i := range 2 {
			r, replayed, err := p.call(p.store, p.key("a"), none(), pays(p, "a", "paid a"), keys.WithCodec(dice{}))
			if err != nil || r != "paid a" || replayed != (i > 0) {
				p.Errorf("call %d = %q, replayed %v, %v", i, r, replayed, err)
			}
		}
		_, _, err := p.call(p.store, p.key("b"), none(), pays(p, "b", "paid b"), keys.WithCodec(loses{}))
		wantText(p, "a codec that loses the value", err, "changes if it is stored and read back")
		p.wantNoTrace("b")
	})
}

func sealedChecks(p *place) {
	s := p.open(keys.Codecs(encrypted(p, "aes")))
	_, _, err := keys.Run(p.ctx, s, p.key("a"), none(), func(context.Context, *keys.Tx) (map[string]any, error) {
		return map[string]any{"n": int64(1)<<53 + 1}, nil
	})
	wantText(p, "a number that JSON loses", err, "changes if it is stored and read back")
	if strings.Contains(err.Error(), "9007199254740993") {
		p.Errorf("the error %q shows a result that is to be sealed", err)
	}
	_, _, err = keys.Run(p.ctx, s, p.key("a"), none(), func(context.Context, *keys.Tx) (struct{ secret string }, error) {
		return struct{ secret string }{"x"}, nil
	})
	wantText(p, "an unexported field", err, "is not exported")
	clone := func(d []byte) ([]byte, error) { return bytes.Clone(d), nil }
	for what, codec := range map[string]keys.Codec{
		"cannot be opened: open returns other data": keys.Sealed("s", nil, clone, func([]byte) ([]byte, error) { return nil, nil }),
		"cannot be opened: as is":                   keys.Sealed("s", nil, clone, func([]byte) ([]byte, error) { return nil, asIs{1} }),
		"encoded as s":                              keys.Sealed("s", nil, func([]byte) ([]byte, error) { return nil, errors.New("no key") }, clone),
	} {
		_, _, err := p.run(s, p.key("a"), none(), pays(p, "a", "x"), keys.WithCodec(codec))
		wantText(p, "a broken seal", err, what)
		p.wantNoTrace("a")
	}
	double := keys.WithCodec(keys.Sealed("double", encrypted(p, "inner"), clone, clone))
	p.wantPaid(s, "a", double)
	p.wantReplayed(p.open(), "a", double)
}

func storeCodecNames(p *place) {
	for what, o := range map[string]keys.Option{
		"keys: Codecs: the codec is nil":            keys.Codecs(nil),
		"must have 1 to 64 bytes":                   keys.Codecs(flipped{"error"}),
		`two codecs have the name "a"`:              keys.Codecs(flipped{"a"}, flipped{"a"}),
		`a function of the Sealed codec "b" is nil`: keys.Codecs(flipped{"a"}, keys.Sealed("b", nil, nil, nil)),
	} {
		_, err := keys.Open(p.ctx, p.db, o)
		wantText(p, "Open", err, what)
	}
}
