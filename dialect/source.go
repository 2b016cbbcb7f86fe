package dialect

import (
	"fmt"
	"hash/fnv"
)

// Source says where a statement's rows come from. For builders of dialects.
type Source int

const (
	// FromParams: one parameter for every value.
	FromParams Source = iota
	// FromArrays: one parameter for every column, with all values of the column in an array's text.
	FromArrays
	// FromStage: the staging table that StageText describes.
	FromStage
)

// Copying says how rows get into a staging table. For builders of dialects.
type Copying int

const (
	// CopyNone: the database has no staging table.
	CopyNone Copying = iota
	// CopyStdin: COPY … FROM STDIN, in PostgreSQL's text format.
	CopyStdin
	// CopyLoadData: LOAD DATA LOCAL INFILE, through a reader that the driver knows by name.
	CopyLoadData
)

// Stage describes a temporary table that holds rows on their way into another table. For builders of dialects.
type Stage struct {
	Table   Table    // the table that receives the rows
	Columns []Column // as in the Upsert
	Key     []string // the target's columns
	Place   bool     // the staging table has a column with each row's position
	Reader  string   // the name of the driver's reader, for CopyLoadData
	// Digits are the columns of type ENUM or SET that receive numbers. LOAD DATA would take the digits of such a number for a
	// member's name.
	Digits []string
	// Hex are the columns that hold bytes and are sent in hexadecimal, because LOAD DATA accepts text of one character set
	// only.
	Hex []string
	// Nth is 0, or the number of stages that the transaction already has for the table.
	Nth int
}

// StageText holds the statements of a Stage. The table lasts no longer than the transaction. The exception is a database that
// keeps temporary tables beyond a transaction: there Drop must be sent whatever happened. For builders of dialects.
type StageText struct {
	Create, Load, Clear, Drop string
	// Begin and End are sent before and after Load, also if Load fails, or are "". They turn off notes: the server sends a note
	// for digits that it rounds away, and keeps only a few warnings, so notes would hide the warnings.
	Begin, End string
	// Part fills the staging table that has the next number with a run of the staged rows, in their order. Its parameters are how
	// many rows the run has and how many staged rows come before the run. Part is "" if the database cannot roll a failed
	// statement back and keep the staged rows.
	Part string
	// Taken is a query that returns whether a table with the staging table's name exists, or "" if Drop can be sent instead.
	Taken string
	// Settle is a query, or "" for false, that is sent after Create in a transaction of the library's own. Settle returns
	// whether Upsert.Split may be used: a unique index has exactly the key's columns and checks them at once. Nobody can change
	// this while the transaction lasts. Settle also gives the transaction enough memory to sort and to join the staged rows.
	Settle string
	// Order is a query to send before an Upsert.Split. The Upsert.Split then takes the rows in the order in which they were
	// staged (hazard P24) and need not sort them: the rows are looked up one by one, unless the target table is the smaller
	// table, and small enough to be hashed at once. Statistics that say that the table is empty make no difference, because
	// nothing is materialized.
	Order string
}

// stageName returns a name that nobody else would choose. Each table has its own staging table's name, because a sequence may
// write to a second table in the transaction of the first. The name for a table never changes: otherwise a server that keeps
// statistics of statements would never see one statement twice.
func stageName(t Table, nth int) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(t.Schema + "." + t.Name)) // Write never fails
	if nth > 0 {
		return fmt.Sprintf("_upsert_stage_%08x_%d", h.Sum32(), nth)
	}
	return fmt.Sprintf("_upsert_stage_%08x", h.Sum32())
}

// stagePosition is the staging table's column with a row's position.
const stagePosition = "_upsert_place"
