package mapping_test

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/mapping"
)

// calls is a sink that writes down which methods were called, and with what.
type calls []string

func (c *calls) add(method string, v any) { *c = append(*c, fmt.Sprintf("%s %v", method, v)) }
func (c *calls) Null()                    { *c = append(*c, "Null") }
func (c *calls) Int(v int64)              { c.add("Int", v) }
func (c *calls) Uint(v uint64)            { c.add("Uint", v) }
func (c *calls) Float(v float64)          { c.add("Float", v) }
func (c *calls) Bool(v bool)              { c.add("Bool", v) }
func (c *calls) Text(v string)            { c.add("Text", v) }
func (c *calls) RawText(v []byte)         { c.add("RawText", string(v)) }
func (c *calls) Bytes(v []byte)           { c.add("Bytes", string(v)) }
func (c *calls) Time(v time.Time)         { c.add("Time", v.Format(time.RFC3339Nano)) }
func (c *calls) Other(v any)              { c.add("Other", v) }
func (c *calls) are(want string) bool     { return len(*c) == 1 && (*c)[0] == want }

// sinks gives a value in a field, in a field of an interface, and in a map: each time one method is called, once.
func sinks[T any](t *testing.T, v T, want string) {
	t.Helper()
	type row struct {
		V T   `db:"v"`
		W any `db:"w"`
	}
	p, err := planOf[row]()
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.OfMap([]mapping.MapColumn{{Name: "v"}})
	if err != nil {
		t.Fatal(err)
	}
	addressable := reflect.ValueOf(&row{v, v}).Elem()
	for where, give := range map[string]func(to mapping.Encoder) error{
		"a field":      func(to mapping.Encoder) error { return p.Columns[0].Encode(addressable, to) },
		"a copy":       func(to mapping.Encoder) error { return p.Columns[0].Encode(reflect.ValueOf(row{v, v}), to) },
		"an interface": func(to mapping.Encoder) error { return p.Columns[1].Encode(addressable, to) },
		"a map": func(to mapping.Encoder) error {
			return m.Columns[0].Encode(reflect.ValueOf(map[string]any{"v": v}), to)
		},
		"EncodeAny": func(to mapping.Encoder) error { return mapping.EncodeAny(v, to) },
	} {
		var c calls
		if err := give(&c); err != nil || !c.are(want) {
			t.Errorf("a %T of %v in %s calls %v, %v, want %s", v, v, where, c, err, want)
		}
	}
}

// unsigned is a Valuer that returns what database/sql has no word against in a driver that takes it.
type unsigned uint64

func (u unsigned) Value() (driver.Value, error) { return uint64(u), nil }

func TestEncodeCallsOneMethod(t *testing.T) {
	t.Parallel()
	sinks(t, true, "Bool true")
	sinks(t, int8(-8), "Int -8")
	sinks(t, myInt(9), "Int 9")
	sinks(t, int64(math.MinInt64), "Int -9223372036854775808")
	sinks(t, uint8(255), "Int 255")
	sinks(t, uint64(math.MaxInt64), "Int 9223372036854775807")
	sinks(t, uint64(math.MaxInt64)+1, "Uint 9223372036854775808")
	sinks(t, myUint(math.MaxUint64), "Uint 18446744073709551615")
	sinks(t, 1.5, "Float 1.5")
	sinks(t, float32(0.25), "Float 0.25")
	sinks(t, "", "Text ")
	sinks(t, myText("x"), "Text x")
	sinks(t, json.Number("12.50"), "Text 12.50")
	sinks(t, json.RawMessage(`{}`), "RawText {}")
	sinks(t, json.RawMessage(nil), "Null")
	sinks(t, []byte(nil), "Null")
	sinks(t, []byte{}, "Bytes ")
	sinks(t, myBytes("ab"), "Bytes ab")
	sinks(t, noon, "Time 2026-05-04T12:00:00.123456789Z")
	sinks(t, &noon, "Time 2026-05-04T12:00:00.123456789Z")
	sinks(t, (*time.Time)(nil), "Null")
	sinks(t, (*int)(nil), "Null")
	sinks(t, ptr(ptr(uint64(math.MaxUint64))), "Uint 18446744073709551615")
	sinks(t, ptr([]byte(nil)), "Null")
	sinks(t, ptr(json.RawMessage("[]")), "RawText []")
	sinks(t, sql.NullString{String: "x", Valid: true}, "Text x")
	sinks(t, sql.NullString{}, "Null")
	sinks(t, unsigned(math.MaxUint64), "Uint 18446744073709551615")
	sinks(t, unsigned(5), "Int 5")
	sinks(t, sql.Null[uint64]{V: 5, Valid: true}, "Int 5")
	sinks(t, sql.NullTime{Time: noon, Valid: true}, "Time 2026-05-04T12:00:00.123456789Z")
	sinks(t, money{1234}, "Text 12.34")
	sinks(t, (*money)(nil), "Null")
	sinks(t, nilBytes{}, "Null")
	sinks(t, []string{"a"}, "Other [a]")
	sinks(t, [2]int{1, 2}, "Other [1 2]")
}

// TestEncodeAfterAnError: a Valuer that fails gives nothing.
func TestEncodeAfterAnError(t *testing.T) {
	t.Parallel()
	type row struct{ V broken }
	p, err := planOf[row]()
	if err != nil {
		t.Fatal(err)
	}
	var c calls
	if err := p.Columns[0].Encode(reflect.ValueOf(&row{}).Elem(), &c); !errors.Is(err, errBroken) || len(c) != 0 {
		t.Errorf("%v was given, error %v", c, err)
	}
}

// nothing is a sink that keeps nothing.
type nothing struct{ n int }

func (s *nothing) Null()          { s.n++ }
func (s *nothing) Int(int64)      { s.n++ }
func (s *nothing) Uint(uint64)    { s.n++ }
func (s *nothing) Float(float64)  { s.n++ }
func (s *nothing) Bool(bool)      { s.n++ }
func (s *nothing) Text(string)    { s.n++ }
func (s *nothing) RawText([]byte) { s.n++ }
func (s *nothing) Bytes([]byte)   { s.n++ }
func (s *nothing) Time(time.Time) { s.n++ }
func (s *nothing) Other(any)      { s.n++ }

type lodging struct {
	Street string `db:"street"`
	No     *int   `db:"no"`
}

// TestEncodeAllocatesNothing: encoding a row that can be addressed allocates nothing. The exception is a Valuer, whose method returns
// an interface. The test is not parallel, because allocations are counted for the whole process.
func TestEncodeAllocatesNothing(t *testing.T) {
	type row struct {
		Int       int64           `db:"int"`
		Small     int8            `db:"small"`
		Uint      uint64          `db:"uint"`
		Float     float64         `db:"float"`
		Bool      bool            `db:"bool"`
		Text      string          `db:"text"`
		Mine      myText          `db:"mine"`
		Bytes     []byte          `db:"bytes"`
		JSON      json.RawMessage `db:"json"`
		Time      time.Time       `db:"time"`
		PtrInt    *int64          `db:"ptrint"`
		PtrText   *string         `db:"ptrtext"`
		PtrTime   *time.Time      `db:"ptrtime"`
		Nil       *string         `db:"nil"`
		Home      lodging         `db:"home"`
		Work      *lodging        `db:"work"`
		Interface any             `db:"interface"`
	}
	p, err := planOf[row]()
	if err != nil {
		t.Fatal(err)
	}
	r := row{
		Int: 1 << 40, Uint: math.MaxUint64, Float: 1.5, Text: "text", Mine: "mine", Bytes: []byte("bytes"), JSON: json.RawMessage("{}"), Time: noon,
		PtrInt: ptr(int64(1 << 40)), PtrText: ptr("x"), PtrTime: ptr(noon), Home: lodging{No: ptr(1)}, Work: &lodging{Street: "x"}, Interface: "text",
	}
	for at, rv := range map[string]reflect.Value{"a row": reflect.ValueOf(&r).Elem(), "a slice": reflect.ValueOf([]row{r}).Index(0)} {
		for i := range p.Columns {
			c, to := &p.Columns[i], &nothing{}
			if n := testing.AllocsPerRun(100, func() { _ = c.Encode(rv, to) }); n != 0 || to.n == 0 {
				t.Errorf("column %s of %s: %v allocations for %d values", c.Name, at, n, to.n)
			}
		}
	}
}
