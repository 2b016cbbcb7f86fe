// Package row has the rows that are measured: one workload, and others that show whether its figures hold for wider and
// narrower rows and for another key.
package row

// Kind is what a column holds.
type Kind int

// The kinds of columns.
const (
	Int Kind = iota
	Text
	Float
	Bool
	Time
)

// Column is a column of the table accounts.
type Column struct {
	Name string
	Kind Kind
}

// Shape is a kind of row, in Go and in the table accounts. R is a struct with tags for every library that is measured.
type Shape[R any] struct {
	Name    string   // in the report
	Columns []Column // the key first

	// New makes the i-th row. Rows of one i and other payloads differ in the column payload only.
	New func(i int, payload string) R

	// Args appends the row's values in the order of the columns.
	Args func(to []any, r *R) []any

	// Arrays returns a slice a column, or is nil if nobody has written it.
	Arrays func(rows []R) []any
}

// The payloads of rows: as they are to be, and as they were before.
const (
	Fresh = "a payload that is about as long as such things are"
	Other = "another payload that the row has had before the sync"
)

// Rows makes the rows 1 to n.
func (s *Shape[R]) Rows(n int, payload string) []R {
	rows := make([]R, n)
	for i := range rows {
		rows[i] = s.New(i+1, payload)
	}
	return rows
}
