package rowkey_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/mapping"
	"github.com/goupsert/upsert/internal/rowkey"
)

// setOf makes the keys of rows, each a list of one value for each column.
func setOf(t *testing.T, rows ...[]any) rowkey.Set {
	t.Helper()
	s := rowkey.Make(nil, len(rows[0]), len(rows), false)
	for _, row := range rows {
		for at, v := range row {
			if err := mapping.EncodeAny(v, &s[at]); err != nil || s[at].Err != nil {
				t.Fatalf("%v: %v, %v", v, err, s[at].Err)
			}
		}
	}
	return s
}

func TestCompare(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	for _, ascending := range [][]any{
		{int64(math.MinInt64), int64(-1), int64(0), int64(math.MaxInt64), uint64(math.MaxInt64) + 1, uint64(math.MaxUint64)},
		{math.Inf(-1), -0.5, 0.25, math.Inf(1)},
		{false, true},
		{"", "A", "a", "aa", "b", "é"},
		{[]byte{}, []byte{0}, []byte{0, 1}, []byte{255}},
		{at, at.Add(time.Microsecond), at.Add(time.Hour)},
	} {
		var rows [][]any
		for _, v := range ascending {
			rows = append(rows, []any{v})
		}
		s := setOf(t, rows...)
		for i := range rows {
			for j := range rows {
				if got, want := s.Compare(int32(i), int32(j)), min(1, max(-1, i-j)); got != want {
					t.Errorf("Compare(%v, %v) = %d, want %d", ascending[i], ascending[j], got, want)
				}
			}
			if got := fmt.Sprint(s.Values(int32(i))); got != fmt.Sprint(ascending[i:i+1]) {
				t.Errorf("Values: %s, want %v", got, ascending[i])
			}
		}
	}
}

// TestPasses: the rows of one key are in passes that follow one another, in the caller's order, and a pass is in key order or, if the
// caller wants so, in the caller's.
func TestPasses(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		n, keys := 1+random.IntN(40), 1+random.IntN(20)
		rows := make([][]any, n)
		for i := range rows {
			rows[i] = []any{int64(random.IntN(keys)), fmt.Sprint(random.IntN(2))}
		}
		s := setOf(t, rows...)
		passes := s.Passes(n)
		for _, pass := range passes {
			if !slices.IsSortedFunc(pass, s.Compare) {
				t.Fatalf("%v: a pass of %v is not in key order", rows, passes)
			}
		}
		wantPasses(t, s, rows, passes)
		ordered := s.InOrder(passes, n)
		wantPasses(t, s, rows, ordered)
		if flat := slices.Concat(ordered...); !slices.IsSorted(flat) {
			t.Fatalf("%v: the passes %v are not in the caller's order", rows, ordered)
		}
	}
}

func wantPasses(t *testing.T, s rowkey.Set, rows [][]any, passes [][]int32) {
	t.Helper()
	latest := map[string]int32{}
	seen := 0
	for n, pass := range passes {
		in := map[string]bool{}
		for _, i := range pass {
			key := fmt.Sprint(s.Values(i))
			if before, ok := latest[key]; in[key] || ok && before > i {
				t.Fatalf("%v: pass %d of %v has key %s twice, or before an earlier row", rows, n, passes, key)
			}
			in[key], latest[key] = true, i
			seen++
		}
	}
	if seen != len(rows) {
		t.Fatalf("%v: the passes %v have %d rows of %d", rows, passes, seen, len(rows))
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	rows := [][]any{{int64(3), "a"}, {int64(1), "b"}, {int64(1), "a"}, {int64(2), "z"}}
	s := setOf(t, rows...)
	order := s.Passes(len(rows))[0]
	position := func(n int) int32 { return order[n] }
	for i, row := range rows {
		if n := s.Find(len(order), position, setOf(t, row)); n < 0 || order[n] != int32(i) {
			t.Errorf("Find(%v) = %d in %v", row, n, order)
		}
	}
	for _, row := range [][]any{{int64(0), "a"}, {int64(1), "aa"}, {int64(9), "a"}} {
		if n := s.Find(len(order), position, setOf(t, row)); n != -1 {
			t.Errorf("Find(%v) = %d; want -1", row, n)
		}
	}
}

func TestValuesThatCannotBeAKey(t *testing.T) {
	t.Parallel()
	var c rowkey.Column
	if c.Null(); !errors.Is(c.Err, rowkey.ErrNull) {
		t.Errorf("NULL: %v", c.Err)
	}
	for what, give := range map[string]func(*rowkey.Column){
		"NaN":             func(c *rowkey.Column) { c.Float(math.NaN()) },
		"another kind":    func(c *rowkey.Column) { c.Int(1); c.Text("1") },
		"a struct":        func(c *rowkey.Column) { c.Other(struct{}{}) },
		"a year as text":  func(c *rowkey.Column) { c.UTC = true; c.Time(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)) },
		"a kind of bytes": func(c *rowkey.Column) { c.Text("a"); c.Bytes([]byte("a")) },
	} {
		var c rowkey.Column
		if give(&c); c.Err == nil || errors.Is(c.Err, rowkey.ErrNull) {
			t.Errorf("%s: %v; want an error that says why", what, c.Err)
		}
	}
}

func TestFirstZero(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []any
		want   int
	}{
		{[]any{int64(1), int64(0), int64(0)}, 1}, {[]any{int64(1)}, -1}, {[]any{true, false}, 1}, {[]any{0.6, 0.5}, 1}, {[]any{0.6, 1.5}, -1},
		{[]any{"1", "a", "", " 0 "}, 3}, {[]any{"-0.4"}, 0}, {[]any{"0x"}, -1}, {[]any{[]byte("7"), []byte("0")}, 1}, {[]any{time.Unix(0, 0)}, -1},
	} {
		var rows [][]any
		for _, v := range c.values {
			rows = append(rows, []any{v})
		}
		if got := setOf(t, rows...)[0].FirstZero(); got != c.want {
			t.Errorf("FirstZero of %v = %d, want %d", c.values, got, c.want)
		}
	}
}

// TestIsDistinctIn: a type that is not known to keep values apart does not.
func TestIsDistinctIn(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 3600)
	for _, c := range []struct {
		v           any
		base, exact string
		want        bool
	}{
		{int64(1), "int4", "integer", true}, {int64(1), "numeric", "numeric(10,2)", true}, {int64(100), "numeric", "numeric(3,-2)", false}, {int64(1), "text", "text", false},
		{0.5, "float8", "double precision", true}, {0.5, "numeric", "numeric", true}, {0.5, "numeric", "numeric(4,1)", false}, {0.5, "float4", "real", false},
		{true, "bool", "boolean", true}, {[]byte("a"), "bytea", "bytea", true}, {"a", "bpchar", "character(3)", false}, {"a", "text", "text", true},
		{"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "uuid", "uuid", true}, {"A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11", "uuid", "uuid", false},
		{time.Unix(0, 0).In(zone), "timestamptz", "timestamp with time zone", true}, {time.Unix(0, 0).In(zone), "timestamp", "timestamp without time zone", false},
		{time.Unix(0, 0).UTC(), "timestamp", "timestamp without time zone", true}, {time.Unix(0, 0).UTC(), "timestamptz", "timestamp(0) with time zone", false},
	} {
		s := setOf(t, []any{c.v})
		if got := s[0].IsDistinctIn(c.base, c.exact); got != c.want {
			t.Errorf("a %T in %s: %v, want %v", c.v, c.exact, got, c.want)
		}
	}
}
