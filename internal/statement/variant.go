package statement

import "github.com/goupsert/upsert/dialect"

// Variant is everything that a statement's text depends on, except the table and the facts about it.
type Variant struct {
	Mode   dialect.Mode
	Rows   dialect.Rows
	Omit   uint64 // a bit for each column of Zeros that is left out
	Report bool
	Result bool // the Result of an Exec tells the outcome
	Return Return
	Filter bool // rows that would change nothing are left out
	Split  bool // new rows are inserted without an ON CONFLICT clause
	Count  bool // the statement returns one row: how many rows were written, and how many of them are new
}

// Return says which columns a statement returns.
type Return uint8

// The columns that a statement returns.
const (
	ReturnNothing Return = iota
	ReturnKeys
	ReturnGenerated
	ReturnAll
)

// modeCompare is the mode of a Variant whose text is a Compare.
const modeCompare dialect.Mode = -1

// compared returns the Variant of the Compare that belongs to a statement.
func (v Variant) compared() Variant {
	c := Variant{Mode: modeCompare, Rows: v.Rows, Omit: v.Omit}
	c.Rows.Removes = false // a comparison is given the patch itself in any case
	return c
}
