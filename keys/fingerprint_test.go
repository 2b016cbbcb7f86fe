package keys_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/keys"
)

// hashOfCanonical is a second implementation of the fingerprint of canonical JSON.
func hashOfCanonical(canonical string) string {
	sum := sha256.Sum256([]byte("github.com/goupsert/upsert/keys fingerprint 1 json\x00" + canonical))
	return "v1:" + hex.EncodeToString(sum[:])
}

func fingerprintOfText(t *testing.T, text string, omit ...string) keys.Fingerprint {
	t.Helper()
	return fingerprintOf(t, json.RawMessage(text), omit...)
}

func fingerprintOf(t *testing.T, v any, omit ...string) keys.Fingerprint {
	t.Helper()
	fp, err := keys.FingerprintOf(v, omit...)
	if err != nil {
		t.Fatalf("FingerprintOf(%s, %q): %v", v, omit, err)
	}
	return fp
}

func TestFingerprintGolden(t *testing.T) {
	t.Parallel()
	var golden struct {
		README  []string
		Vectors []struct {
			Name, JSON, Canonical, Fingerprint string
			Omit                               []string
		}
		Bytes []struct{ Bytes, Fingerprint string }
	}
	readGolden(t, "fingerprint.json", &golden)
	if len(golden.Vectors) < 13 || len(golden.Bytes) < 5 {
		t.Fatalf("%d and %d vectors, want all vectors that ever existed", len(golden.Vectors), len(golden.Bytes))
	}
	for _, v := range golden.Vectors {
		if got := fingerprintOfText(t, v.JSON, v.Omit...).String(); got != v.Fingerprint {
			t.Errorf("%s: %s, want %s for ever: one that comes out differently makes every retry a mismatch", v.Name, got, v.Fingerprint)
		}
		if got := hashOfCanonical(v.Canonical); got != v.Fingerprint {
			t.Errorf("%s: the canonical JSON's hash is %s, want %s", v.Name, got, v.Fingerprint)
		}
	}
	for _, v := range golden.Bytes {
		if got := keys.FingerprintBytes(noError(hex.DecodeString(v.Bytes))).String(); got != v.Fingerprint {
			t.Errorf("bytes %s: %s, want %s for ever", v.Bytes, got, v.Fingerprint)
		}
	}
}

// TestFingerprintRFC8785 checks the example of RFC 8785, section 3.2.2, whose canonical form is given in hex in section
// 3.2.4.
func TestFingerprintRFC8785(t *testing.T) {
	t.Parallel()
	const sample = `{
		"numbers": [NUMBER, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
		"string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
		"literals": [null, true, false]
	}`
	want := hashOfCanonical(string(noError(hex.DecodeString(strings.Join(strings.Fields(`
		7b 22 6c 69 74 65 72 61 6c 73 22 3a 5b 6e 75 6c 6c 2c 74 72 75 65 2c 66 61 6c 73 65 5d 2c 22 6e 75 6d 62 65 72 73 22 3a
		5b 33 33 33 33 33 33 33 33 33 2e 33 33 33 33 33 33 33 2c 31 65 2b 33 30 2c 34 2e 35 2c 30 2e 30 30 32 2c 31 65 2d 32 37
		5d 2c 22 73 74 72 69 6e 67 22 3a 22 e2 82 ac 24 5c 75 30 30 30 66 5c 6e 41 27 42 5c 22 5c 5c 5c 5c 5c 22 2f 22 7d`), "")))))
	for _, number := range []string{"333333333.33333329", "333333333.3333333"} { // the number of the RFC, and its canonical form
		if got := fingerprintOfText(t, strings.Replace(sample, "NUMBER", number, 1)).String(); got != want {
			t.Errorf("with %s: %s, want %s", number, got, want)
		}
	}
	// The following example is from section 3.2.3.
	got := fingerprintOfText(t, `{"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
		"\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"}`).String()
	want = hashOfCanonical(`{"\r":"Carriage Return","1":"One","` + "\u0080" + `":"Control","ö":"Latin Small Letter O With Diaeresis",` +
		`"€":"Euro Sign","😀":"Emoji: Grinning Face","` + "\ufb33" + `":"Hebrew Letter Dalet With Dagesh"}`)
	if got != want {
		t.Errorf("the members' order: %s, want %s", got, want)
	}
}

// TestFingerprintDoubles checks the examples of appendix B of RFC 8785.
func TestFingerprintDoubles(t *testing.T) {
	t.Parallel()
	for bits, want := range map[uint64]string{
		0x0000000000000000: "0", 0x8000000000000000: "0", 0x0000000000000001: "5e-324", 0x8000000000000001: "-5e-324",
		0x7fefffffffffffff: "1.7976931348623157e+308", 0xffefffffffffffff: "-1.7976931348623157e+308", 0x4340000000000000: "9007199254740992",
		0xc340000000000000: "-9007199254740992", 0x4430000000000000: "295147905179352830000", 0x44b52d02c7e14af5: "9.999999999999997e+22",
		0x44b52d02c7e14af6: "1e+23", 0x44b52d02c7e14af7: "1.0000000000000001e+23", 0x444b1ae4d6e2ef4e: "999999999999999700000",
		0x444b1ae4d6e2ef4f: "999999999999999900000", 0x444b1ae4d6e2ef50: "1e+21", 0x3eb0c6f7a0b5ed8c: "9.999999999999997e-7",
		0x3eb0c6f7a0b5ed8d: "0.000001", 0x41b3de4355555553: "333333333.3333332", 0x41b3de4355555554: "333333333.33333325",
		0x41b3de4355555555: "333333333.3333333", 0x41b3de4355555556: "333333333.3333334", 0x41b3de4355555557: "333333333.33333343",
		0xbecbf647612f3696: "-0.0000033333333333333333", 0x43143ff3c1cb0959: "1424953923781206.2",
	} {
		if got := fingerprintOf(t, math.Float64frombits(bits)).String(); got != hashOfCanonical(want) {
			t.Errorf("the double %016x is not %s", bits, want)
		}
		if got := fingerprintOfText(t, want).String(); got != hashOfCanonical(want) {
			t.Errorf("the number %s is not itself", want)
		}
	}
	for _, bits := range []uint64{0x7fffffffffffffff, 0x7ff0000000000000} {
		if fp, err := keys.FingerprintOf(math.Float64frombits(bits)); err == nil {
			t.Errorf("the double %016x has the fingerprint %s", bits, fp)
		}
	}
}

type paymentBody struct {
	Customer string          `json:"customer"`
	Amount   int64           `json:"amount"`
	Note     string          `json:"note,omitempty"`
	Extra    json.RawMessage `json:"extra,omitempty"`
	secret   int
}

func TestFingerprintEqual(t *testing.T) {
	t.Parallel()
	p := paymentBody{Customer: "c<é>", Amount: 1999, secret: 1}
	raw, escaped := json.RawMessage(`{"amount":1999,"customer":"c<é>"}`), json.RawMessage(`"\ufffd"`)
	zeros := strings.Repeat("0", 200_000)
	for _, same := range [][]any{
		{raw, &raw, p, &p, paymentBody{Customer: "c<é>", Amount: 1999, secret: 2}, map[string]any{"customer": "c<é>", "amount": 1999.0},
			json.RawMessage("\t{ \"customer\" : \"c\\u003c\\u00E9>\" ,\r\n\"amount\" : 19.99E+2 } ")},
		{json.RawMessage(`1`), json.RawMessage(`1.0`), json.RawMessage(`1e0`), json.RawMessage(`0.1e1`), json.RawMessage(`10E-1`),
			json.RawMessage(`1e-0000000000000000000000`), 1, 1.0, json.Number("1.00"), json.RawMessage("0." + zeros + "1e200001"),
			json.RawMessage("1" + zeros + "e-200000")},
		{json.RawMessage(`0`), json.RawMessage(`-0`), json.RawMessage(`0e999999999999999999999`), json.RawMessage(`-0.0E-5`), math.Copysign(0, -1)},
		{json.RawMessage(`"\ud83d\ude00/"`), json.RawMessage(`"😀\/"`), "😀/"},
		{escaped, &escaped, json.RawMessage(`"\uFFFD"`), "\ufffd"},
		{nil, (*int)(nil), json.RawMessage(`null`), (*json.RawMessage)(nil)},
		{[]byte("x"), json.RawMessage(`"eA=="`)},
		{struct{ N big.Int }{*big.NewInt(7)}, &struct{ N big.Int }{*big.NewInt(7)}, json.RawMessage(`{"N":7}`)},
		{struct {
			ID int64 `json:",string"`
		}{9007199254740993}, json.RawMessage(`{"ID":"9007199254740993"}`)},
	} {
		want := fingerprintOf(t, same[0])
		for _, v := range same[1:] {
			if got := fingerprintOf(t, v); got != want {
				t.Errorf("%T %.60s and %T %.60s have two fingerprints, want one", same[0], same[0], v, v)
			}
		}
	}
}

func TestFingerprintDiffers(t *testing.T) {
	t.Parallel()
	seen := map[keys.Fingerprint]string{keys.FingerprintBytes(nil): "no bytes", keys.FingerprintBytes([]byte(`{}`)): "the bytes {}", {}: "zero"}
	for _, text := range []string{
		`{}`, `[]`, `null`, `0`, `1`, `"1"`, `-1`, `true`, `false`, `""`, `"null"`, `{"a":null}`, `{"a":1}`, `{"A":1}`, `{"a":[1,2]}`, `{"a":[2,1]}`,
		`{"a":{"b":1}}`, `{"a":1,"b":1}`, `[1,2]`, `[12]`, `[[1],2]`, `"é"`, `"e\u0301"`, `9007199254740992`, `9007199254740994`, `0.1`, `0.2`, `"\ufffd"`,
	} {
		fp := fingerprintOfText(t, text)
		if first, ok := seen[fp]; ok {
			t.Errorf("%s and %s have one fingerprint, want two", first, text)
		}
		seen[fp] = text
	}
}

func TestFingerprintOmits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		omit []string
		want string
	}{
		{`{"a":1,"t":2}`, []string{"t"}, `{"a":1}`},
		{`{"a":1,"\u0074":2}`, []string{"t", "t", "/t"}, `{"a":1}`},
		{`{"t":[{"x":"}]\""},[]],"a":1}`, []string{"/t"}, `{"a":1}`},
		{`{"a":1}`, []string{"t", "/t/u", "/a/0", "/a/b"}, `{"a":1}`},
		{`{"a":{"t":1},"t":2}`, []string{"t"}, `{"a":{"t":1}}`},
		{`{"a":{"t":1,"u":[]},"t":2}`, []string{"/a/t"}, `{"a":{"u":[]},"t":2}`},
		{`{"a.t":1,"a":{"t":1}}`, []string{"a.t"}, `{"a":{"t":1}}`},
		{`{"a":[{"t":1},{"t":2,"u":3},[4,5]]}`, []string{"/a/0", "/a/1/t", "/a/2/0", "/a/01", "/a/-", "/a/3", "/a/-1"}, `{"a":[{"u":3},[5]]}`},
		{`{"a":{"0":1,"01":2,"-":3}}`, []string{"/a/01", "/a/-"}, `{"a":{"0":1}}`},
		{`{"a/b":1,"c~d":2,"~1":3,"":4,"/x":5,"k":6}`, []string{"/a~1b", "/c~0d", "/~01", "/", "/~1x"}, `{"k":6}`},
		{`{"a":{"":{"":1,"b":2}}}`, []string{"/a//"}, `{"a":{"":{"b":2}}}`},
		{`{"a":1,"t":9007199254740993,"u":{"x":1e400,"y":"\ud800","y":1}}`, []string{"t", "u"}, `{"a":1}`},
		{`{"~":1,"a":2}`, []string{"~"}, `{"a":2}`},
	} {
		if fingerprintOfText(t, c.text, c.omit...) != fingerprintOfText(t, c.want) {
			t.Errorf("%s without %q is not %s", c.text, c.omit, c.want)
		}
	}
	if fingerprintOf(t, paymentBody{Amount: 1, Note: "x"}, "note") != fingerprintOf(t, paymentBody{Amount: 1}) {
		t.Error("a struct's member is not left out")
	}
}

// hidden is a type whose JSON contains an unexported field.
type hidden struct{ text string }

func (h hidden) MarshalJSON() ([]byte, error) { return json.Marshal(map[string]string{"text": h.text}) }

// spelled is a type whose MarshalText returns another text than its value.
type spelled string

func (s spelled) MarshalText() ([]byte, error) { return []byte(s + "!"), nil }

// TestFingerprintOfReplacementCharacter checks that a U+FFFD in the input is a character like any other, however it is
// written.
func TestFingerprintOfReplacementCharacter(t *testing.T) {
	t.Parallel()
	want := fingerprintOf(t, json.RawMessage(`{"a":"\ufffd","b":"\\ufffd"}`))
	for _, v := range []any{
		map[string]any{"a": "\ufffd", "b": `\ufffd`},
		map[string]any{"a": json.RawMessage(`"\ufffd"`), "b": json.RawMessage(`"\\ufffd"`)},
		struct {
			A json.RawMessage       `json:"a"`
			B string                `json:"b"`
			C hidden                `json:"-"`
			D *struct{ *time.Time } `json:"-"`
		}{json.RawMessage(`"\ufffd"`), `\ufffd`, hidden{}, &struct{ *time.Time }{}},
	} {
		if have := fingerprintOf(t, v); have != want {
			t.Errorf("%#v has the fingerprint %s, want %s", v, have, want)
		}
	}
}

func TestFingerprintRefuses(t *testing.T) {
	t.Parallel()
	type twice struct {
		S string `json:",string"`
	}
	text := func(s string) any { return json.RawMessage(s) }
	for _, c := range []struct {
		v    any
		omit []string
		says string
	}{
		{text(``), nil, "unexpected end of JSON input: send JSON, or use FingerprintBytes"},
		{json.RawMessage(nil), nil, "unexpected end of JSON input"},
		{text(`{"a":1} x`), nil, "invalid character 'x'"},
		{text(`01`), nil, "invalid character"},
		{text("\ufeff{}"), nil, "invalid character"},
		{text(`{"a":1,"b":2,"\u0061":1}`), nil, `Duplicate key: "a": send JSON with each name once`},
		{text(`{"x":[{"a":{},"a":{}}]}`), nil, `Duplicate key: "a"`},
		{text(`{"a":1,"\u0061":2}`), []string{"a"}, `an object has the member "a" twice`},
		{text("\"\xff\""), nil, "Invalid UTF-8"},
		{text("{\"\xff\":1}"), nil, "Invalid UTF-8"},
		{text("{\"\xff\":1}"), []string{"\ufffd"}, "send strings that are UTF-8"},
		{text("\"\xed\xa0\x80\""), nil, "Invalid UTF-8"},
		{text(`"\ud800"`), nil, "two requests could have the same one"},
		{text(`"\ud83dx"`), nil, "surrogate"},
		{text(`"\ude00\ud83d"`), nil, "surrogate"},
		{text(`{"\udead":1}`), []string{"\ufffd"}, "send strings that are UTF-8"},
		{"\xff", nil, "is not UTF-8, and encoding/json replaced the string's bytes by U+FFFD"},
		{paymentBody{Customer: "\xff"}, nil, "is not UTF-8, and encoding/json replaced the string's bytes by U+FFFD (keys_test.paymentBody.Customer)"},
		{map[string]int{"\xff": 1}, nil, "is not UTF-8"},
		{twice{"\xff"}, nil, "is not UTF-8"},
		{[]any{map[string]any{"a": []string{"\xff"}}}, nil, "is not UTF-8"},
		{hidden{"\xff"}, nil, "is not UTF-8"},
		{spelled("\xff"), nil, "is not UTF-8"},
		{map[spelled]int{spelled("\xff"): 1}, nil, "is not UTF-8"},
		{paymentBody{Extra: json.RawMessage("\"\xff\"")}, nil, "Invalid UTF-8"},
		{paymentBody{Extra: json.RawMessage(`{"a":1,"a":1}`)}, nil, "Duplicate key"},
		{text(`{"id":9007199254740993}`), nil, `the number 9007199254740993 in member "id" would change`},
		{text(`{"id":{"x":1},"ids":[{"no":1},9007199254740993]}`), nil, `in member "ids" would`},
		{paymentBody{Amount: math.MaxInt64}, nil, "send it as a string"},
		{uint64(1 << 62), nil, "the number 4611686018427387904 would"},
		{text(`12345678901234567890`), nil, "send it as a string"},
		{text(`9007199254740993.5`), nil, "send it as a string"},
		{text(`1e400`), nil, "send it as a string"},
		{text(`-1e400`), nil, "send it as a string"},
		{text(`1e-400`), nil, "send it as a string"},
		{text(`1e308999999`), nil, "send it as a string"},
		{text(`1.8e308`), nil, "send it as a string"},
		{text(`2e-324`), nil, "send it as a string"},
		{text(`3e-324`), nil, "send it as a string"},
		{text(`1e9999999999999999999`), nil, "send it as a string"},
		{text(`1e-9999999999999999999`), nil, "send it as a string"},
		{text(`[1]`), []string{"a"}, "is not an object"},
		{text(`[1]`), []string{"/0"}, "is not an object"},
		{nil, []string{"a"}, "is not an object"},
		{text(`{}`), []string{""}, "an empty omit"},
		{text(`{}`), []string{"a", "/a~"}, "not a JSON Pointer"},
		{text(`{}`), []string{"/a~2"}, "not a JSON Pointer"},
		{text(`{}`), []string{"/~/1"}, "not a JSON Pointer"},
		{text(`{}`), []string{"/~~01"}, "not a JSON Pointer"},
		{text(`{}`), []string{"/\xff"}, "is not UTF-8"},
		{make(chan int), nil, "has no JSON"},
		{math.NaN(), nil, "has no JSON"},
	} {
		fp, err := keys.FingerprintOf(c.v, c.omit...)
		if err == nil || !fp.IsZero() || !strings.HasPrefix(err.Error(), "keys: ") || !strings.Contains(err.Error(), c.says) {
			t.Errorf("FingerprintOf(%T %.60s, %q) = %s, %v, want an error that says %q", c.v, c.v, c.omit, fp, err, c.says)
		}
	}
}

// TestFingerprintBounds checks that the cost of a request is at most proportional to its length.
func TestFingerprintBounds(t *testing.T) {
	t.Parallel()
	digits := strings.Repeat("9", 1<<20)
	for _, text := range []string{
		strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001), strings.Repeat(`{"a":`, 10_001) + "1" + strings.Repeat("}", 10_001),
		strings.Repeat("[", 1<<20), digits, "1e" + digits, "1e-" + digits, "0." + digits, `{"` + digits + `":` + digits + `}`,
	} {
		fp, err := keys.FingerprintOf(json.RawMessage(text))
		if err == nil || len(err.Error()) > 400 {
			t.Errorf("%.20s… of %d bytes: %s, %.500v, want a short error", text, len(text), fp, err)
		}
	}
	fingerprintOfText(t, strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000))
	fingerprintOfText(t, `{"a":`+strings.Repeat("[", 9_999)+strings.Repeat("]", 9_999)+`}`, "a", "/a/0/0")
}

func TestFingerprintZero(t *testing.T) {
	t.Parallel()
	var zero keys.Fingerprint
	if !zero.IsZero() || zero.String() != "none" {
		t.Errorf("the zero fingerprint: IsZero %v, String %q", zero.IsZero(), zero)
	}
	if fp := keys.FingerprintBytes(nil); fp.IsZero() || fp != keys.FingerprintBytes([]byte{}) || fp == keys.FingerprintBytes([]byte{0}) {
		t.Errorf("the fingerprint of no bytes is %s", fp)
	}
}
