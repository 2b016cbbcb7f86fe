package upsert

import "slices"

// compareKeys orders two rows by their keys.
func (b *batch) compareKeys(i, j int32) int {
	for at := range b.keyed {
		k := &b.keyed[at]
		if c := k.compare(i, k, j); c != 0 {
			return c
		}
	}
	return 0
}

// order sorts the rows by key and splits duplicates into waves.
func (b *batch) order() {
	order := make([]int32, b.rows.n)
	sorted := true
	for i := range order {
		order[i] = int32(i)
		sorted = sorted && (i == 0 || b.compareKeys(int32(i-1), int32(i)) < 0)
	}
	b.waves = [][]int32{order}
	if !sorted {
		slices.SortStableFunc(order, b.compareKeys)
		b.split(order)
	}
}

// split takes the second and later rows of a key out of the first wave. order is kept where there are none.
func (b *batch) split(order []int32) {
	var waves [][]int32
	nth := 0
	for at, i := range order {
		if at > 0 && b.compareKeys(order[at-1], i) == 0 {
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

// keepOrder puts the rows back into the caller's order. A wave ends before a row whose key the wave has already.
func (b *batch) keepOrder() {
	key := b.numberKeys()
	last := make([]int, len(b.waves[0])) // by key: the number of the wave that has its latest row, from 1
	order := make([]int32, b.rows.n)
	waves, from := [][]int32(nil), 0
	for i := range order {
		order[i] = int32(i)
		if last[key[i]] == len(waves)+1 {
			waves, from = append(waves, order[from:i]), i
		}
		last[key[i]] = len(waves) + 1
	}
	b.waves, b.inOrder = append(waves, order[from:]), true
}

// numberKeys returns the number of each row's key, in the order of keys.
func (b *batch) numberKeys() []int32 {
	key := make([]int32, b.rows.n)
	for _, wave := range b.waves { // the first has every key
		at := 0
		for _, i := range wave {
			for b.compareKeys(b.waves[0][at], i) != 0 {
				at++
			}
			key[i] = int32(at)
		}
	}
	return key
}
