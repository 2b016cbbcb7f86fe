package catalog

import "github.com/goupsert/upsert/internal/schema"

// UniqueIndex is a unique index of the table.
type UniqueIndex struct {
	Name    string
	Columns []string // "" stands for an expression
}

// Has reports whether the index has exactly these columns, in any order.
func (x UniqueIndex) Has(columns []string) bool { return schema.SameNames(x.Columns, columns, true) }
