package statement

import "github.com/goupsert/upsert/dialect"

// Variant is everything that a statement's text depends on, except the table and the facts about it.
type Variant struct {
	Mode   dialect.Mode
	Rows   int
	Omit   uint64 // a bit for each column of Zeros that is left out
	Report bool
	Result bool // the Result of an Exec tells the outcome
	Return Return
	// Removes means that the statement has one row, and this row's merge patches remove members.
	Removes bool
	Source  dialect.Source
	Filter  bool // rows that would change nothing are left out
	Split   bool // new rows are inserted without an ON CONFLICT clause
	Nth     int  // the number in the staging table's name
	Wide    bool // an integer is too large for a float to hold exactly
	Count   bool // the statement returns one row: how many rows were written, and how many of them are new
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
	return Variant{Mode: modeCompare, Rows: v.Rows, Omit: v.Omit, Wide: v.Wide, Source: v.Source, Nth: v.Nth}
}
