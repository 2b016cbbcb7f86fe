package catalog

import (
	"slices"
	"strings"
)

// UniqueIndex is a unique index of the table.
type UniqueIndex struct {
	Name    string
	Columns []string // "" stands for an expression
}

// Has reports whether the index has exactly these columns, in any order.
func (x UniqueIndex) Has(columns []string) bool {
	lower := func(names []string) []string {
		var out []string
		for _, n := range names {
			out = append(out, strings.ToLower(n))
		}
		slices.Sort(out)
		return out
	}
	return slices.Equal(lower(x.Columns), lower(columns))
}
