package keys_test

import (
	"bytes"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/keys"
)

// readGolden reads a file of vectors. The vectors must never change, because databases store their results.
func readGolden(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("testdata/%s: %v", file, err)
	}
}

func noError[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// goldenPart returns the Go value that a part of a vector stands for.
func goldenPart(kind, value string) any {
	switch kind {
	case "bool":
		return noError(strconv.ParseBool(value))
	case "int":
		return noError(strconv.Atoi(value))
	case "int64":
		return noError(strconv.ParseInt(value, 10, 64))
	case "uint8":
		return uint8(noError(strconv.ParseUint(value, 10, 8)))
	case "uint64":
		return noError(strconv.ParseUint(value, 10, 64))
	case "string":
		return value
	case "bytes":
		return noError(hex.DecodeString(value))
	case "byte array":
		return [3]byte(noError(hex.DecodeString(value)))
	case "time":
		return noError(time.Parse(time.RFC3339Nano, value))
	case "netip.Addr":
		return netip.MustParseAddr(value)
	}
	panic("no part of type " + kind)
}

func TestDeriveGolden(t *testing.T) {
	t.Parallel()
	var golden struct {
		README  []string
		Vectors []struct {
			Name    string
			Natural []struct{ Type, Value string }
			ID      string
		}
	}
	readGolden(t, "derive.json", &golden)
	if len(golden.Vectors) < 26 {
		t.Fatalf("%d vectors, want all vectors that ever existed", len(golden.Vectors))
	}
	for _, v := range golden.Vectors {
		var natural []any
		for _, part := range v.Natural {
			natural = append(natural, goldenPart(part.Type, part.Value))
		}
		got, err := keys.Derive("shop", "charge", natural...)
		if want := (keys.Key{Scope: "shop", Op: "charge", ID: v.ID}); got != want || err != nil {
			t.Errorf("%s: %v, %v, want %v for ever: a key that comes out differently runs its effect again", v.Name, got, err, want)
		}
	}
}

type (
	namedInt    int16
	namedUint   uint32
	namedBool   bool
	namedString string
	namedByte   byte
	namedBytes  []namedByte
	namedArray  [1]namedByte
	textLevel   int
	onPointer   struct{ name string }
)

func (l textLevel) MarshalText() ([]byte, error)  { return []byte("L" + strconv.Itoa(int(l))), nil }
func (p *onPointer) MarshalText() ([]byte, error) { return []byte(p.name), nil }

func deriveID(t *testing.T, natural ...any) string {
	t.Helper()
	k, err := keys.Derive("s", "o", natural...)
	if err != nil {
		t.Fatalf("Derive(%v): %v", natural, err)
	}
	return k.ID
}

func TestDeriveEqual(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 3, 1, 12, 0, 0, 1, time.UTC)
	now := time.Now()
	one, text := 1, "x"
	var boxed any = &one
	for _, parts := range [][]any{
		{1, int8(1), int16(1), int32(1), int64(1), uint(1), uint8(1), uint16(1), uint32(1), uint64(1), namedInt(1), namedUint(1), &one, boxed, &boxed},
		{true, namedBool(true)},
		{"x", namedString("x"), &text, json.Number("x"), onPointer{"x"}, &onPointer{"x"}},
		{[]byte("x"), [1]byte{'x'}, namedBytes{'x'}, namedArray{'x'}, json.RawMessage("x"), &[]byte{'x'}},
		{"L3", textLevel(3)},
		{"12", *big.NewInt(12), big.NewInt(12)},
		{"10.0.0.1", netip.MustParseAddr("10.0.0.1")},
		{day, &day, day.In(time.FixedZone("", 3600))},
		{now, now.Round(0), now.UTC()},
	} {
		for _, part := range parts[1:] {
			if deriveID(t, part) != deriveID(t, parts[0]) {
				t.Errorf("%T(%v) and %T(%v) make two keys, want one", parts[0], parts[0], part, part)
			}
		}
	}
}

func TestDeriveDiffers(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	seen := map[string]int{}
	lists := [][]any{
		{1}, {"1"}, {-1}, {[]byte("1")}, {true}, {"true"}, {false}, {0}, {""}, {[]byte{}}, {"", ""}, {"ab", "c"}, {"a", "bc"}, {"abc"},
		{"abc", ""}, {"", "abc"}, {1, 2}, {2, 1}, {12}, {uint64(1 << 63)}, {int64(-1 << 63)}, {now}, {now.Add(1)}, {now.Format(time.RFC3339Nano)},
		{now.Unix()}, {"a\x00"}, {"a"}, {"\xff"}, {"\ufffd"}, {"é"}, {"e\u0301"}, {"A"}, {"a "}, {textLevel(3)}, {3},
	}
	for i, natural := range lists {
		id := deriveID(t, natural...)
		if first, ok := seen[id]; ok {
			t.Errorf("%#v and %#v make one key, want two", lists[first], natural)
		}
		seen[id] = i
	}
}

type (
	noText    struct{}
	nullText  struct{ null bool }
	endless   *endless
	plainTime time.Time
)

var errNoText = errors.New("has none")

func (noText) MarshalText() ([]byte, error)   { return nil, errNoText }
func (nullText) MarshalText() ([]byte, error) { return []byte("null"), nil }
func (n nullText) Value() (driver.Value, error) {
	if n.null {
		return nil, nil
	}
	return "null", nil
}

func TestDeriveRefuses(t *testing.T) {
	t.Parallel()
	var loop endless
	loop = &loop
	var none any
	for _, c := range []struct {
		natural []any
		says    string
	}{
		{nil, "needs a natural part"},
		{[]any{nil}, "part 1 of the derived key is nil or NULL"},
		{[]any{1, (*int)(nil)}, "part 2 of the derived key is nil or NULL"},
		{[]any{&none}, "is nil or NULL"},
		{[]any{(*time.Time)(nil)}, "is nil or NULL"},
		{[]any{(*onPointer)(nil)}, "is nil or NULL"},
		{[]any{[]byte(nil)}, "is nil or NULL"},
		{[]any{struct{ *time.Time }{}}, "whose methods panic"},
		{[]any{nullText{null: true}}, "is nil or NULL"},
		{[]any{sql.NullString{}}, "is nil or NULL"},
		{[]any{sql.NullString{String: "x", Valid: true}}, "is a sql.NullString: give those of its fields"},
		{[]any{1.0}, "is a float64: give its text, or a whole number"},
		{[]any{float32(1)}, "is a float32: give its text"},
		{[]any{complex(1, 1)}, "is a complex128: give a text or a number"},
		{[]any{uintptr(1)}, "is a uintptr: give a text or a number"},
		{[]any{[]int{1}}, "is a []int: give its elements"},
		{[]any{[1]string{}}, "is a [1]string: give its elements"},
		{[]any{map[string]int{}}, "is a map[string]int: give its values"},
		{[]any{struct{ A int }{}}, "is a struct { A int }: give those of its fields"},
		{[]any{plainTime{}}, "is a keys_test.plainTime: give those of its fields"},
		{[]any{noText{}}, "is a keys_test.noText that has no text: has none"},
		{[]any{loop}, "a pointer that leads to no value"},
		{[]any{func() {}}, "is a func(): give a text or a number"},
	} {
		k, err := keys.Derive("s", "o", c.natural...)
		if err == nil || k != (keys.Key{}) || !strings.HasPrefix(err.Error(), "keys: ") || !strings.Contains(err.Error(), c.says) {
			t.Errorf("Derive(%#v) = %v, %v, want an error that says %q", c.natural, k, err, c.says)
		}
	}
	if deriveID(t, nullText{}) != deriveID(t, "null") {
		t.Error("Derive does not use the text of a Valuer that is not NULL")
	}
	if _, err := keys.Derive("s", "o", noText{}); !errors.Is(err, errNoText) {
		t.Errorf("%v, want an error that wraps the error of MarshalText", err)
	}
	if _, err := keys.Derive("", "o", 1); err == nil {
		t.Error("Derive accepts an empty scope")
	}
	if _, err := keys.Derive("s", strings.Repeat("o", 256), 1); err == nil {
		t.Error("Derive accepts an op of 256 bytes")
	}
}
