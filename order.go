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
