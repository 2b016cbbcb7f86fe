package mapping_test

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/mapping"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 123456789, time.UTC)

func ptr[T any](v T) *T { return &v }

// valueOf returns what a driver is given for a field of type T.
func valueOf[T any](t *testing.T, v T) (any, error) {
	t.Helper()
	type row struct {
		V T `db:"v"`
	}
	p, err := planOf[row]()
	if err != nil {
		t.Fatal(err)
	}
	return p.Columns[0].Value(reflect.ValueOf(&row{v}).Elem())
}

func gives[T any](t *testing.T, v T, want any) {
	t.Helper()
	got, err := valueOf(t, v)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("a %T of %v gives %T %v, %v; want %T %v", v, v, got, got, err, want, want)
	}
	m, err := mapping.OfMap([]mapping.MapColumn{{Name: "v"}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := m.Columns[0].Value(reflect.ValueOf(map[string]any{"v": v})); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("in a map a %T of %v gives %T %v, %v; want %T %v", v, v, got, got, err, want, want)
	}
}

func TestValueOfNumbers(t *testing.T) {
	t.Parallel()
	gives(t, true, true)
	gives(t, myBool(true), true)
	gives(t, 7, int64(7))
	gives(t, int8(-8), int64(-8))
	gives(t, int64(math.MinInt64), int64(math.MinInt64))
	gives(t, myInt(9), int64(9))
	gives(t, level(3), int64(3))
	gives(t, uint8(255), int64(255))
	gives(t, uint64(math.MaxInt64), int64(math.MaxInt64))
	gives(t, uint64(math.MaxInt64)+1, uint64(math.MaxInt64)+1)
	gives(t, myUint(math.MaxUint64), uint64(math.MaxUint64))
	gives(t, 1.5, 1.5)
	gives(t, myFloat(2.5), 2.5)
	gives(t, float32(0.25), 0.25)
	gives(t, json.Number("12.50"), "12.50")
}

func TestValueOfTextAndBytes(t *testing.T) {
	t.Parallel()
	gives(t, "", "")
	gives(t, myText("x"), "x")
	gives(t, []byte(nil), nil)
	gives(t, []byte{}, []byte{})
	gives(t, []byte("ab"), []byte("ab"))
	gives(t, myBytes("ab"), []byte("ab"))
	gives(t, myBytes(nil), nil)
	gives(t, json.RawMessage(`{"a":1}`), `{"a":1}`)
	gives(t, json.RawMessage(nil), nil)
	gives(t, ptr(json.RawMessage("[]")), "[]")
}

func TestValueOfTimes(t *testing.T) {
	t.Parallel()
	gives(t, noon, noon)
	gives(t, time.Time{}, time.Time{})
	gives(t, &noon, noon)
	gives(t, (*time.Time)(nil), nil)
	gives(t, sql.NullTime{Time: noon, Valid: true}, noon)
	gives(t, sql.NullTime{Time: noon}, nil)
}

func TestValueOfPointers(t *testing.T) {
	t.Parallel()
	gives(t, (*int)(nil), nil)
	gives(t, ptr(5), int64(5))
	gives(t, ptr(myText("x")), "x")
	gives(t, (**int)(nil), nil)
	gives(t, ptr((*int)(nil)), nil)
	gives(t, ptr(ptr(5)), int64(5))
	gives(t, ptr(ptr(ptr(true))), true)
	gives(t, ptr([]byte(nil)), nil)
}

func TestValueOfValuers(t *testing.T) {
	t.Parallel()
	gives(t, sql.NullString{String: "x", Valid: true}, "x")
	gives(t, sql.NullString{String: "x"}, nil)
	gives(t, sql.Null[int64]{V: 4, Valid: true}, int64(4))
	gives(t, sql.Null[int64]{V: 4}, nil)
	gives(t, ptr(sql.NullInt64{Int64: 3, Valid: true}), int64(3))
	gives(t, (*sql.NullInt64)(nil), nil)
	gives(t, money{1234}, "12.34")
	gives(t, &money{5}, "0.05")
	gives(t, (*money)(nil), nil)
	gives(t, ptr(&money{5}), "0.05")
	gives(t, ptr((*money)(nil)), nil)
	// Its Value method takes a nil pointer, as database/sql lets it.
	gives(t, (*stamp)(nil), "none")
	gives(t, &stamp{"now"}, "now")
	gives(t, ptr(&stamp{"now"}), "now")
	gives(t, stamp{"then"}, "then")
	// Nil bytes are NULL to every driver, and must be to the check of the key.
	gives(t, nilBytes{}, nil)
}

func TestValueOfInterfaces(t *testing.T) {
	t.Parallel()
	type row struct{ V any }
	p, err := planOf[row]()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ in, want any }{
		{nil, nil}, {5, int64(5)}, {myText("x"), "x"}, {ptr(uint8(3)), int64(3)}, {money{100}, "1.00"}, {(*money)(nil), nil},
		{json.RawMessage("{}"), "{}"}, {noon, noon}, {[]byte("b"), []byte("b")}, {ptr(any(7)), int64(7)},
	} {
		got, err := p.Columns[0].Value(reflect.ValueOf(&row{c.in}).Elem())
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("an any of %T %v gives %T %v, %v; want %T %v", c.in, c.in, got, got, err, c.want, c.want)
		}
	}
	var valuer struct{ V driver.Valuer }
	v, err := mapping.OfStruct(reflect.TypeOf(valuer), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := v.Columns[0].Value(reflect.ValueOf(&valuer).Elem()); got != nil || err != nil {
		t.Errorf("a nil driver.Valuer gives %v, %v, want nil", got, err)
	}
}

func TestValueLeavesToTheDriverWhatOnlyItKnows(t *testing.T) {
	t.Parallel()
	gives(t, []string{"a", "b"}, []string{"a", "b"})
	gives(t, [2]int{1, 2}, [2]int{1, 2})
}

func TestValueSaysWhoseErrorItIs(t *testing.T) {
	t.Parallel()
	if _, err := valueOf(t, broken{}); !errors.Is(err, errBroken) {
		t.Errorf("the error is %v, want it to wrap the error of the Value method", err)
	}
	if _, err := valueOf(t, ptr(broken{})); !errors.Is(err, errBroken) {
		t.Errorf("the error is %v, want it to wrap the error of the Value method", err)
	}
}

func TestValueBehindANilPointerIsNull(t *testing.T) {
	t.Parallel()
	p, err := planOf[Person]()
	if err != nil {
		t.Fatal(err)
	}
	row := reflect.ValueOf(&Person{Home: Address{City: "Bern"}}).Elem()
	for name, want := range map[string]any{"home.town": "Bern", "home.street": "", "work.town": nil} {
		c := p.Columns[p.Index(name)]
		if got, err := c.Value(row); got != want || err != nil {
			t.Errorf("column %s is %v, %v, want %v", name, got, err, want)
		}
	}
	if c := p.Columns[p.Index("work.town")]; !c.IsZero(row) {
		t.Error("a column behind a nil pointer is not zero")
	}
	if row.FieldByName("Work").IsNil() == false {
		t.Error("reading a row changed it")
	}
}

type nilBytes struct{}

func (nilBytes) Value() (driver.Value, error) { return []byte(nil), nil }

// cents has its own idea of zero, and so has its pointer.
type (
	cents  int
	points struct{ n int }
)

func (c cents) IsZero() bool                  { return c == -1 }
func (p *points) IsZero() bool                { return p.n == -1 }
func (p points) Value() (driver.Value, error) { return int64(p.n), nil }

func zeroOf[T any](t *testing.T, v T, want bool) {
	t.Helper()
	type row struct {
		V T `db:"v" upsert:"omitzero"`
	}
	p, err := planOf[row]()
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Columns[0].IsZero(reflect.ValueOf(&row{v}).Elem()); got != want {
		t.Errorf("IsZero of the %T %v = %v, want %v", v, v, got, want)
	}
}

func TestIsZero(t *testing.T) {
	t.Parallel()
	zeroOf(t, 0, true)
	zeroOf(t, 1, false)
	zeroOf(t, "", true)
	zeroOf(t, time.Time{}, true)
	zeroOf(t, time.Time{}.In(time.FixedZone("x", 3600)), true)
	zeroOf(t, noon, false)
	zeroOf(t, (*int)(nil), true)
	zeroOf(t, ptr(0), false)
	zeroOf(t, (*time.Time)(nil), true)
	zeroOf(t, []byte(nil), true)
	zeroOf(t, []byte{}, false)
	zeroOf(t, sql.NullString{}, true)
	zeroOf(t, sql.NullString{Valid: true}, false)
	zeroOf(t, cents(0), false)
	zeroOf(t, cents(-1), true)
	zeroOf(t, any(nil), true)
	zeroOf(t, any(0), false)
	// As encoding/json's omitzero has it, a method of the pointer counts.
	zeroOf(t, points{-1}, true)
	zeroOf(t, points{0}, false)
}

func TestIsZeroOfMaps(t *testing.T) {
	t.Parallel()
	p, err := mapping.OfMap([]mapping.MapColumn{{Name: "v", Options: mapping.Options{OmitZero: true}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		v    any
		want bool
	}{{nil, true}, {0, true}, {"", true}, {"x", false}, {(*int)(nil), true}, {time.Time{}, true}, {cents(-1), true}} {
		if got := p.Columns[0].IsZero(reflect.ValueOf(map[string]any{"v": c.v})); got != c.want {
			t.Errorf("IsZero of %T %v = %v, want %v", c.v, c.v, got, c.want)
		}
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	p, err := planOf[allKinds]()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]dialect.Kind{
		"id": dialect.KindNumber, "bool": dialect.KindNumber, "mybool": dialect.KindNumber, "int8": dialect.KindNumber, "myint": dialect.KindNumber,
		"uint64": dialect.KindNumber, "myuint": dialect.KindNumber, "float32": dialect.KindNumber, "text": dialect.KindText, "mytext": dialect.KindText,
		"level": dialect.KindNumber, "bytes": dialect.KindBytes, "mybytes": dialect.KindBytes, "json": dialect.KindJSON, "time": dialect.KindPlain,
		"ptrint": dialect.KindNumber, "ptrtext": dialect.KindText, "ptrtime": dialect.KindPlain, "ptrptr": dialect.KindNumber,
		"null": dialect.KindText, "nulltime": dialect.KindPlain, "generic": dialect.KindNumber, "money": dialect.KindAny, "ptrmoney": dialect.KindAny,
		"stamp": dialect.KindAny, "ptrstamp": dialect.KindAny, "any": dialect.KindAny, "list": dialect.KindAny, "array": dialect.KindAny,
	}
	if len(p.Columns) != len(want) {
		t.Errorf("%d columns, want %d", len(p.Columns), len(want))
	}
	for _, c := range p.Columns {
		if k, ok := want[c.Name]; !ok || c.Kind != k {
			t.Errorf("column %s has kind %v, want %v", c.Name, c.Kind, k)
		}
	}
}
