package dialect

import (
	"fmt"
	"hash/fnv"
)

// Source is where a statement's rows come from.
type Source int

const (
	// FromParams: a parameter for every value.
	FromParams Source = iota
	// FromArrays: a parameter for every column, with all its values in an array's text.
	FromArrays
	// FromStage: the staging table that StageText describes.
	FromStage
)

// Copying is how rows get into a staging table.
type Copying int

const (
	// CopyNone: not at all.
	CopyNone Copying = iota
	// CopyStdin: COPY … FROM STDIN, in PostgreSQL's text format.
	CopyStdin
	// CopyLoadData: LOAD DATA LOCAL INFILE, through a reader that the driver knows by name.
	CopyLoadData
)

// Stage describes a temporary table that holds rows on their way into another.
type Stage struct {
	Table   Table    // the table the rows are for
	Columns []Column // as in the Upsert
	Key     []string // the target's columns
	Place   bool     // the table has a column with each row's place
	Reader  string   // the name of the driver's reader, for CopyLoadData
	// Digits are the columns of type ENUM or SET that are given numbers, of which LOAD DATA would take the digits for a member's
	// name.
	Digits []string
	// Hex are the columns that hold bytes and come in hexadecimal, because LOAD DATA takes text of one character set only.
	Hex []string
	// Nth is 0, or the number of stages for the table that the transaction has already.
	Nth int
}

// StageText is the statements of a Stage. It lasts no longer than the transaction, but where a database keeps temporary
// tables beyond one, Drop must be sent whatever happened.
type StageText struct {
	Create, Load, Clear, Drop string
	// Begin and End go before and after Load, whatever became of it, or are "". A note of the server's tells of digits that it
	// rounds away, and few warnings are kept, so notes would hide them.
	Begin, End string
	// Taken is a query that returns whether there is a table of the staging table's name, or "" where Drop serves.
	Taken string
	// Settle is a query, or "" for false, that is sent after Create in a transaction of the library's. It returns whether
	// Upsert.Split may be used: a unique index has exactly the key's columns and checks them at once. While the transaction
	// lasts nobody can change that. It also gives the transaction room to sort and to join what is staged.
	Settle string
	// Order is a query to send before an Upsert.Split, which then takes the rows in the order in which they were staged (hazard
	// P24) and need not sort them: they are looked up one by one, unless the table is the smaller one, and small enough to be
	// hashed at once. Statistics that say that the table is empty make no difference, because nothing is materialized.
	Order string
}

// stageName is a name that nobody else would choose. It is another one for each table, as a sequence may write to a second
// table in the transaction of the first, but always the same, or a server that keeps statistics of statements would never
// see one twice.
func stageName(t Table, nth int) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(t.Schema + "." + t.Name)) // it never fails
	if nth > 0 {
		return fmt.Sprintf("_upsert_stage_%08x_%d", h.Sum32(), nth)
	}
	return fmt.Sprintf("_upsert_stage_%08x", h.Sum32())
}

// stagePlace is the staging table's column with a row's place in it.
const stagePlace = "_upsert_place"
