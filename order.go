package upsert

import (
	"bytes"
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"time"
)

// sameKind reports whether two key values can be ordered: they are of one type, or both integers.
func sameKind(a, b any) bool {
	integer := func(v any) bool {
		switch v.(type) {
		case int64, uint64:
			return true
		}
		return false
	}
	return reflect.TypeOf(a) == reflect.TypeOf(b) || integer(a) && integer(b)
}

func ordered(v any) bool {
	switch v.(type) {
	case int64, uint64, float64, bool, string, []byte, time.Time:
		return true
	}
	return false
}

// compareKey orders two values of the same type.
func compareKey(a, b any) int {
	switch a := a.(type) {
	case int64:
		if b, ok := b.(int64); ok {
			return cmp.Compare(a, b)
		}
		return -1 // a uint64 is one only above the greatest int64
	case string:
		return cmp.Compare(a, b.(string))
	case []byte:
		return bytes.Compare(a, b.([]byte))
	case time.Time:
		return a.Compare(b.(time.Time))
	case uint64:
		if b, ok := b.(uint64); ok {
			return cmp.Compare(a, b)
		}
		return 1
	case float64:
		return cmp.Compare(a, b.(float64))
	case bool:
		return cmp.Compare(boolInt(a), boolInt(b.(bool)))
	}
	panic(fmt.Sprintf("upsert: compareKey: %T", a)) // ordered has let no other through
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (b *batch) key(i int32) []any {
	k := len(b.keys)
	return b.keyed[int(i)*k : int(i)*k+k]
}

func compareKeys(a, b []any) int {
	for i := range a {
		if c := compareKey(a[i], b[i]); c != 0 {
			return c
		}
	}
	return 0
}

// order sorts the rows by key and splits duplicates into waves.
func (b *batch) order() error {
	order := make([]int32, b.rows.n)
	sorted := true
	for i := range order {
		order[i] = int32(i)
		sorted = sorted && (i == 0 || compareKeys(b.key(int32(i-1)), b.key(int32(i))) < 0)
	}
	b.waves = [][]int32{order}
	if sorted {
		return nil
	}
	slices.SortStableFunc(order, func(x, y int32) int { return compareKeys(b.key(x), b.key(y)) })
	b.split(order)
	return nil
}

// split takes the second and later rows of a key out of the first wave. order is kept where there are none.
func (b *batch) split(order []int32) {
	var waves [][]int32
	nth := 0
	for at, i := range order {
		if at > 0 && compareKeys(b.key(order[at-1]), b.key(i)) == 0 {
			nth++
		} else {
			nth = 0
		}
		if nth == 0 && waves == nil {
			continue
		}
		if waves == nil {
			waves = [][]int32{slices.Clone(order[:at])}
		}
		if nth == len(waves) {
			waves = append(waves, nil)
		}
		waves[nth] = append(waves[nth], i)
	}
	if waves != nil {
		b.waves = waves
	}
}
