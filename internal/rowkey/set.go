package rowkey

import (
	"slices"
	"sort"
)

// Set holds the key columns of a batch's rows, one for each column of the conflict target.
type Set []Column

// Make returns a set for the given numbers of columns and rows, in room if room is large enough. utc: times are stored as text
// in UTC.
func Make(room []Column, columns, rows int, utc bool) Set {
	if columns > len(room) {
		room = make([]Column, columns)
	}
	s := Set(room[:columns])
	for at := range s {
		s[at].UTC, s[at].Rows = utc, rows
	}
	return s
}

// Compare orders two rows by their keys.
func (s Set) Compare(i, j int32) int { return s.CompareWith(i, s, j) }

// CompareWith compares a row and a row of another set of the same columns by their keys.
func (s Set) CompareWith(i int32, other Set, j int32) int {
	for at := range s {
		if c := s[at].Compare(i, &other[at], j); c != 0 {
			return c
		}
	}
	return 0
}

// Values returns a row's key.
func (s Set) Values(i int32) []any {
	values := make([]any, len(s))
	for at := range s {
		values[at] = s[at].Value(i)
	}
	return values
}

// Find searches rows in key order for the only key of another set. position returns the n-th of these rows. Find returns the n of
// the row with this key, or -1 if no row has the key.
func (s Set) Find(rows int, position func(n int) int32, key Set) int {
	n := sort.Search(rows, func(n int) bool { return s.CompareWith(position(n), key, 0) >= 0 })
	if n == rows || s.CompareWith(position(n), key, 0) != 0 {
		return -1
	}
	return n
}

// Passes returns the rows in key order, without two rows of one key in a pass: the n-th pass has the n-th row of each key.
func (s Set) Passes(rows int) [][]int32 {
	order := make([]int32, rows)
	isSorted := true
	for i := range order {
		order[i] = int32(i)
		isSorted = isSorted && (i == 0 || s.Compare(int32(i-1), int32(i)) < 0)
	}
	if isSorted {
		return [][]int32{order}
	}
	slices.SortStableFunc(order, s.Compare)
	return s.split(order)
}

// split moves the second and later rows of a key out of the first pass. If there are none, order is returned unchanged.
func (s Set) split(order []int32) [][]int32 {
	var passes [][]int32
	nth := 0
	for at, i := range order {
		if at > 0 && s.Compare(order[at-1], i) == 0 {
			nth++
		} else {
			nth = 0
		}
		if nth == 0 && passes == nil {
			continue
		}
		if passes == nil {
			passes = [][]int32{slices.Clone(order[:at])}
		}
		if nth == len(passes) {
			passes = append(passes, nil)
		}
		passes[nth] = append(passes[nth], i)
	}
	if passes == nil {
		return [][]int32{order}
	}
	return passes
}

// InOrder returns the rows of passes in the caller's order. A pass ends before a row whose key is already in the pass.
func (s Set) InOrder(passes [][]int32, rows int) (ordered [][]int32) {
	key := s.Numbers(passes, rows)
	last := make([]int, len(passes[0])) // by key: the number of the pass with its latest row, from 1
	order := make([]int32, rows)
	from := 0
	for i := range order {
		order[i] = int32(i)
		if last[key[i]] == len(ordered)+1 {
			ordered, from = append(ordered, order[from:i]), i
		}
		last[key[i]] = len(ordered) + 1
	}
	return append(ordered, order[from:])
}

// Numbers returns the number of each row's key, in the order of keys.
func (s Set) Numbers(passes [][]int32, rows int) []int32 {
	key := make([]int32, rows)
	for _, pass := range passes { // the first pass has every key
		at := 0
		for _, i := range pass {
			for s.Compare(passes[0][at], i) != 0 {
				at++
			}
			key[i] = int32(at)
		}
	}
	return key
}
