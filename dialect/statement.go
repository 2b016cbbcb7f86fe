package dialect

import "fmt"

// Column is one column of a statement. For builders of dialects.
type Column struct {
	Name string
	Rule Rule
	Kind Kind
	// Now: the database's clock gives the value; the column has no parameter.
	Now bool
	// Base is the name of the column's type. If the type is a domain, Base is the type that the domain is over at last. Catalog
	// returns this name if Traits.Typed is set; otherwise Base is "". Base decides how values are compared.
	Base string
}

// Target says which rows conflict. For builders of dialects.
type Target struct {
	// Columns of the unique index or primary key. They identify the row even if Constraint names the arbiter.
	Columns []string
	// Where is a partial unique index's predicate: SQL text, never with parameters (hazards P1, S3). No statement treats a row
	// as stored if Where is not true for the row. Whether Where is true for a source row, only the insert knows.
	Where string
	// Constraint names the arbiter, instead of the arbiter being inferred from Columns (PostgreSQL only).
	Constraint string
}

// Mode says what an Upsert does with a row that is already stored. For builders of dialects.
type Mode int

const (
	// Write applies the columns' rules.
	Write Mode = iota
	// Create leaves the stored row unchanged.
	Create
	// Change applies the columns' rules to the stored row, takes one source row, and inserts nothing. Change is for databases
	// that report beforehand.
	Change
)

// Upsert describes an INSERT … ON CONFLICT (or ON DUPLICATE KEY) statement. The parameters are the values of the columns that
// are not Now, row by row. For builders of dialects.
type Upsert struct {
	Table   Table
	Target  Target
	Columns []Column // are inserted; a subset of them is assigned on conflict
	Rows    int      // at least 1
	Mode    Mode
	// Removes: the merge patches of the one row delete members. The value that an insert stores for such a patch lacks these
	// members, so the update on conflict must be given the patch itself.
	Removes bool
	// Guard: a collation of the target may treat two keys as equal, so even a Write that assigns nothing must look at the
	// stored key. This costs a lock on the row, so Guard is for SQLite, and on PostgreSQL for tables whose catalog says so.
	Guard  bool
	Report bool // return what happened, as Traits.Reporting says, before the columns of Return
	// Result returns a Report that is a flag in the Result of an Exec, so that the driver has no rows to read: RowsAffected is
	// 0, 1 for an update or 2 for an insert. A code is not returned in this way, because triggers change LastInsertId. On SQLite, with
	// RowID, LastInsertId is the row's rowid for an insert, and another number for an update.
	Result bool
	Return []string // columns to return of each written row
	// Source says where the rows come from. Rows counts only for FromParams.
	Source Source
	// Filter leaves out the rows that would change nothing before the insert, so that these rows are neither locked nor logged.
	// Filter needs Types.
	Filter bool
	// Split filters like Filter, and inserts the rows whose key is not stored by an insert without an ON CONFLICT clause in the
	// same statement. This is faster than to prepare for a conflict that does not come. If others insert such a key meanwhile,
	// the statement fails with a unique violation, and the statement without Split must be sent.
	Split bool
	// Count returns one row instead: how many rows were written and, with Report, how many of them are new.
	Count bool
	// Plain: the catalog shows that the statement needs no guard (Table.Plain of package upsert). The stored row has the table's name
	// and no alias, and on MySQL and MariaDB the stored key is not compared. Plain counts only for rows of parameters that are
	// not filtered.
	Plain bool
	// RowID is a name of SQLite's rowid, by which a Plain statement with Report tells an inserted row from an updated one, or "". An
	// update must not change the rowid, and no trigger must leave a row that it has written out of the statement's RETURNING.
	RowID string
	// Types are the columns' types without modifiers, if Traits.Typed is set. The modifier is left out because a cast to
	// varchar(3), for example, would cut a value that an insert refuses.
	Types map[string]string
	// Nth is the same as in Stage.
	Nth int
	// Wide: an integer is so great that a REAL column rounds it, which must not count as a change. Wide is for SQLite.
	Wide bool
	// Only: the statement looks at the table alone, and not at the tables that inherit from it, as the table's unique index
	// does.
	Only bool
}

// isPlain reports whether Plain counts.
func (u Upsert) isPlain() bool {
	return u.Plain && u.Source == FromParams && !u.Filter && !u.Split && !u.Count
}

// Compare describes the SELECT that reports what an upsert would do to stored rows. The SELECT returns two integers for each
// stored row: the position of the source row among the parameters' rows, from 0, and CompareSame, CompareStale, CompareChanged
// or CompareOtherKey. For builders of dialects.
type Compare struct {
	Table   Table
	Target  Target
	Columns []Column // as in the Upsert: the parameters are the same
	Rows    int
	Source  Source
	Types   map[string]string // the columns' types, if Traits.Typed is set
	Only    bool              // as in the Upsert
	Wide    bool              // as in the Upsert
	Nth     int
}

// Find describes the SELECT of the row that is stored under a key. The parameters are the values of the target's columns. For
// builders of dialects.
type Find struct {
	Table  Table
	Target Target
	Return []string
	Lock   bool // add Traits.LockingRead
	// Types cast the parameters to the columns' types, as an insert does, if Traits.Typed is set.
	Types map[string]string
	Only  bool // as in the Upsert
}

// FindAll describes the SELECT of the rows that are stored under several keys. The SELECT returns the position of the row's key
// among the parameters' keys, from 0, and the columns of Return. The database compares the keys, so the position is right even if
// the stored key is another spelling of the sent key. The parameters are the values of the target's columns, key by key. For
// builders of dialects.
type FindAll struct {
	Table  Table
	Target Target
	Return []string
	Keys   int  // at least 1
	Lock   bool // as in the Find
	// Index is the name of the unique index, or "", for a database that would read, and lock, a small table as a whole.
	Index string
	Types map[string]string // as in the Find
	Only  bool              // as in the Upsert
}

// IndexText holds the queries for a server that accepts an upsert although no unique index arbitrates it, and inserts the row a
// second time without an error (hazard H24). IndexText is empty for a database that refuses such a statement by itself. For
// builders of dialects.
type IndexText struct {
	// Ask returns a row for each column of each index of the table, in columns named as in SHOW INDEX. Unlike
	// information_schema, SHOW INDEX also shows the indexes of temporary tables.
	Ask string
	// Kind returns one row, whose first column is named "View" if the name is a view's and not a table's.
	Kind string
	// Find returns the keys that are stored more than once. They would make Mend fail.
	Find string
	// Mend makes the unique index while others read and write the table.
	Mend string
}

// Params returns how many parameters one row of the columns has. For builders of dialects.
func Params(columns []Column) int {
	n := 0
	for _, c := range columns {
		if !c.Now {
			n++
		}
	}
	return n
}

// UnsupportedError says that a database lacks something that a table or a call needs. Nothing was sent.
type UnsupportedError struct {
	Feature string // for example "partial index predicate"
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
