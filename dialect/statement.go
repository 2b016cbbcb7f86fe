package dialect

import "fmt"

// Column is one column of a statement.
type Column struct {
	Name string
	Rule Rule
	Kind Kind
	// Now: the database's clock gives the value; the column has no parameter.
	Now bool
	// Base is the name of the column's type or, if that is a domain, of the type that the domain is over at last, as Catalog tells
	// it where Traits.Typed, or "". It decides how values are compared there.
	Base string
}

// Target is what a conflict is judged by.
type Target struct {
	// Columns of the unique index or primary key. They identify the row even where Constraint names the arbiter.
	Columns []string
	// Where is a partial unique index's predicate: SQL text, never with parameters (hazards P1, S3). A row for which it is not
	// true is no stored row to any statement. Whether the row that is given is one, only the insert knows.
	Where string
	// Constraint names the arbiter instead of inferring it from Columns (PostgreSQL only).
	Constraint string
}

// Mode is what an Upsert does with a row that is already there.
type Mode int

const (
	// Write applies the columns' rules.
	Write Mode = iota
	// Create leaves the stored row as it is.
	Create
	// Change applies the columns' rules to the row that is there, one that is given, and inserts nothing. It is for
	// databases that report beforehand.
	Change
)

// Upsert describes an INSERT … ON CONFLICT (or ON DUPLICATE KEY) statement. Parameters are the values of the columns
// that are not Now, row by row.
type Upsert struct {
	Table   Table
	Target  Target
	Columns []Column // what is inserted; a subset of it is assigned on conflict
	Rows    int      // at least 1
	Mode    Mode
	// Removes: the one row's merge patches remove members. What an insert stores of such a patch lacks the members, so
	// the conflict's arm must be given the patch itself.
	Removes bool
	// Guard: a collation of the target's may take two keys for one, so even a Write that assigns nothing must look. It
	// costs a lock on the row, so it is for SQLite, and on PostgreSQL for tables whose catalog says so.
	Guard  bool
	Report bool // return what happened, as Traits.Reporting says, before the columns of Return
	// Result has a Report that is a flag come in the Result of an Exec, whose driver then has no rows to read: RowsAffected is
	// 0, 1 for an update or 2 for an insert. A code does not come so: triggers disturb LastInsertId.
	Result bool
	Return []string // columns to return of each row that was written
	// Source is where the rows come from. Rows counts only for FromParams.
	Source Source
	// Filter leaves out the rows that would change nothing before they are inserted, so that they are neither locked nor
	// logged. It needs Types.
	Filter bool
	// Split is Filter, and inserts the rows whose key is not there in the same statement by an insert that has no word on
	// conflicts, which is faster than to prepare for one that does not come. A key that others insert meanwhile is a
	// unique violation then, after which the statement without Split is to be sent.
	Split bool
	// Count returns one row instead: how many rows were written and, with Report, how many of them are new.
	Count bool
	// Types are the columns' types, without modifiers, where Traits.Typed: a cast to varchar(3) would cut what
	// an insert refuses.
	Types map[string]string
	// Nth is the stage's, as in Stage.
	Nth int
	// Wide: an integer is so great that a REAL column rounds it, which must not count as a change. It is for SQLite.
	Wide bool
	// Only: what is looked at is the table alone, and not those that inherit from it, as its unique index does.
	Only bool
}

// Compare describes the SELECT that tells what an upsert would do to rows that are there. It returns two integers for each
// of them: its place among the parameters' rows, from 0, and CompareSame, CompareStale or CompareChanged.
type Compare struct {
	Table   Table
	Target  Target
	Columns []Column // as in the Upsert: the parameters are the same
	Rows    int
	Source  Source
	Types   map[string]string // the columns' types, where Traits.Typed
	Only    bool              // as in the Upsert
	Wide    bool              // as in the Upsert
	Nth     int
}

// Find describes the SELECT of the row that is stored under a key. The parameters are the values of the target's columns.
type Find struct {
	Table  Table
	Target Target
	Return []string
	Lock   bool // add Traits.LockingRead
	// Types, where Traits.Typed, cast the parameters to the columns' types, as an insert does.
	Types map[string]string
	Only  bool // as in the Upsert
}

// Params returns how many parameters one row of the columns has.
func Params(columns []Column) int {
	n := 0
	for _, c := range columns {
		if !c.Now {
			n++
		}
	}
	return n
}

// UnsupportedError says that a database lacks what a table or a call asks of it. Nothing was sent.
type UnsupportedError struct {
	Feature string // "partial index predicate"
	Dialect string // the dialect's Name
	Hint    string // what to do instead, or ""
}

func (e *UnsupportedError) Error() string {
	s := fmt.Sprintf("upsert: %s has no %s", e.Dialect, e.Feature)
	if e.Hint != "" {
		s += ": " + e.Hint
	}
	return s
}
