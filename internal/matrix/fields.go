package matrix

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"math"
	"time"
)

// Field is a Go type with some of its values.
type Field struct {
	name     string
	exercise func(c *cell)
}

func field[V any](name string, values ...V) Field {
	return Field{name, func(c *cell) { c.Helper(); exercise(c, values) }}
}

// saying is a Valuer whose Value method returns V.
type saying struct{ V any }

func (s saying) Value() (driver.Value, error) { return s.V, nil }

// Scan accepts any value that is read back.
func (s *saying) Scan(v any) error {
	if b, ok := v.([]byte); ok {
		v = append([]byte(nil), b...)
	}
	s.V = v
	return nil
}

type (
	word  string
	octet []byte
	level int16
)

// Fields returns the Go types. Their values include the limits of the column types, and values that drivers interpret in
// different ways.
func Fields() []Field {
	east, west := time.FixedZone("", 5*3600+1800), time.FixedZone("", -8*3600)
	texts := []string{"", "a", "A", "5", "2.50", "true", "t", `\x6162`, `\`, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "2026-01-02 23:04:05.678901+05", "{1,2}", `{"b": 1.0, "a": "\u0041"}`, "1 day 25:00:00", "10.0.0.1/32", "(0.30000000000000004,1)", "101"}
	var bytes [][]byte
	for _, s := range append(texts, "\x00\xff", "0123456789abcdef") {
		bytes = append(bytes, []byte(s))
	}
	times := []time.Time{
		time.Date(2026, 1, 2, 3, 4, 5, 678901999, time.UTC), time.Date(2026, 1, 2, 23, 59, 59, 0, east), time.Date(2026, 7, 1, 1, 0, 0, 500000000, west),
		time.Date(12026, 1, 2, 3, 4, 5, 0, east), time.Date(-43, 3, 15, 0, 0, 0, 0, time.UTC), {},
	}
	anys := []any{"A", "5", []byte("a"), []byte{0, 255}, int64(5), 2.5, 0.30000000000000004, true, times[1]}
	var sayings []saying
	for _, v := range anys {
		sayings = append(sayings, saying{v})
	}
	return []Field{
		field("string", texts...),
		field("[]byte", bytes...),
		field("int64", 0, 1, -5, math.MaxInt64, math.MinInt64, 40000, int64(1<<53+1)),
		field[uint64]("uint64", 5, math.MaxInt64, math.MaxUint64),
		field("float64", 0, math.Copysign(0, -1), 2, 2.5, 0.30000000000000004, -1e300, 1e21, math.SmallestNonzeroFloat64, math.Inf(1), math.Inf(-1)),
		field[float32]("float32", 0.1, 2.5, math.MaxFloat32),
		field("bool", true, false),
		field("time.Time", times...),
		field("json.RawMessage", json.RawMessage(`{"b": 1.0, "a": [1e3]}`), json.RawMessage(`"x"`), json.RawMessage(`5`), json.RawMessage(`"\u0000"`), json.RawMessage(`"\ud800"`), json.RawMessage(`1e400000`)),
		field("a named string", word("A"), word("5")),
		field("a named []byte", octet("A"), octet{0, 255}),
		field("a named integer", level(5), level(-1)),
		field("sql.NullString", sql.NullString{String: "A", Valid: true}, sql.NullString{String: "1.50", Valid: true}),
		field("sql.NullTime", sql.NullTime{Time: times[1], Valid: true}),
		field("any", anys...),
		field("a Valuer", sayings...),
		field("*string", &texts[2], &texts[7], nil),
		field("*[]byte", &bytes[2], &bytes[len(bytes)-2], nil),
	}
}
