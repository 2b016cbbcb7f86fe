package importer

import (
	"fmt"
	"hash/maphash"

	"github.com/goupsert/upsert/internal/words"
)

// rememberedKeys bounds the memory that repeats takes, to about 40 MB. The rows of keys that are met later are not counted.
const rememberedKeys = 1 << 20

// repeats counts the rows that have the key of an earlier row. If such rows differ, each run of the file writes them again, so
// the report must not leave the user to wonder.
type repeats struct {
	seed  maphash.Seed
	lines map[uint64]int
	rows  int64
	// line is the line of the first such row, and first is the line of the row before it.
	line, first int
}

// note takes in a row with the keys as they are stored.
func (r *repeats) note(cols []column, row map[string]any, line int) {
	if r.lines == nil {
		r.seed, r.lines = maphash.MakeSeed(), map[uint64]int{}
	}
	key := r.hash(cols, row)
	first, known := r.lines[key]
	switch {
	case known && r.rows == 0:
		r.line, r.first = line, first
		fallthrough
	case known:
		r.rows++
	case len(r.lines) < rememberedKeys:
		r.lines[key] = line
	}
}

func (r *repeats) hash(cols []column, row map[string]any) uint64 {
	var h maphash.Hash
	h.SetSeed(r.seed)
	for i := range cols {
		if cols[i].key {
			fmt.Fprintf(&h, "%v\x00", row[cols[i].name])
		}
	}
	return h.Sum64()
}

// String is empty if each row has a key of its own.
func (r *repeats) String() string {
	if r.rows == 0 {
		return ""
	}
	have := "have"
	if r.rows == 1 {
		have = "has"
	}
	return fmt.Sprintf("%s %s the key of an earlier row (line %d that of line %d): such rows are written in the file's order, and where they differ each run writes them again",
		words.Count(int(r.rows), "row"), have, r.line, r.first)
}
