package schema

import (
	"slices"
	"strings"
)

// Live is what a server's catalog said of a stored table at one moment.
type Live struct {
	Relation Relation
	// Columns and Indexes are in the catalog's order. Indexes has the indexes that are not unique too.
	Columns  []LiveColumn
	Indexes  []Index
	Triggers []Trigger
	// Rules are PostgreSQL's rewrite rules, which make a statement with ON CONFLICT fail.
	Rules []string
	// Unenforced are CHECK constraints that the database does not enforce.
	Unenforced []string
	// Facts are what statements need to know of the table, on PostgreSQL.
	Facts *Table
	// RefusesTarget means that the server refuses the conflict target, although an index has its columns.
	RefusesTarget bool
	Session       Session
}

// Relation says what kind of thing has the table's name, and how its rows are stored.
type Relation struct {
	Kind          Kind
	Engine        string // the storage engine, on MySQL and MariaDB
	Transactional bool   // a rollback undoes a write
	Unlogged      bool   // a crash empties the table
	Secured       bool   // row-level security is enabled
	SecuresUser   bool   // row-level security applies to this user
	Strict        bool   // SQLite's STRICT: the types of columns are enforced
	Collates      bool   // SQLite: a column may have another collation than BINARY
	HasRowID      bool   // SQLite: the table is surely not WITHOUT ROWID
}

// Kind says what kind of thing has a table's name.
type Kind int

// The kinds.
const (
	Nothing Kind = iota
	PlainTable
	PartitionedTable
	ParentTable // other tables inherit from the table
	WritableView
	FixedView // a view that takes no upsert
	ForeignTable
	VirtualTable
)

// Session is what was asked about the connection and its user.
type Session struct {
	User   string
	Mode   string // sql_mode, on MySQL and MariaDB
	Pooled bool   // a pooler is between the driver and the server
	// Lacks are the rights that the user lacks, besides those that the columns name.
	Lacks []string
	// Hidden: the user may not see the table's columns.
	Hidden bool
}

// LiveColumn is a column of a stored table.
type LiveColumn struct {
	Name      string
	Type      string // the type as the database writes it, with modifiers; for a domain, the type below all domains
	Collation string // the collation's name as SQL writes it, or "" if the type has none
	NotNull   bool
	Default   bool // the database fills the column if an insert leaves it out: a DEFAULT, an identity or AUTO_INCREMENT
	Computed  Computed
	Lacks     []string // the rights that the user lacks for the column
	// Sequence is the sequence that the column's DEFAULT takes a number from, if the user may not use the sequence. Otherwise it is "".
	Sequence string
	// Folds are pairs of different texts that the column takes for one value. Only columns of the conflict target are asked.
	Folds []Folding
	// Definition repeats the column's definition without its name and NULL or NOT NULL, or is "" if the catalog does not tell it.
	Definition string
}

// Computed says whether the database alone gives a column its value.
type Computed int

// The ways in which a column gets its value.
const (
	Stored         Computed = iota // an insert gives the value
	Generated                      // an expression gives the value
	IdentityAlways                 // a sequence gives the value, and the database refuses another one
	Identity                       // a sequence gives the value if an insert leaves it out
)

// Folding is a pair of different texts that a collation takes for one.
type Folding struct {
	What string // for example "case"
	A, B string
}

// Index is an index of a stored table.
type Index struct {
	Name       string
	Unique     bool
	Exclusion  bool // an exclusion constraint, which is no unique index
	Constraint bool // the index belongs to a constraint of the same name
	Valid      bool // false after a build that has failed
	Visible    bool // the optimizer may use the index
	Immediate  bool // false if the constraint is deferrable
	Columns    []IndexColumn
	Predicate  string // of a partial index, or ""
}

// IndexColumn is a part of an index.
type IndexColumn struct {
	Name      string // "" stands for an expression
	Prefix    int    // how many characters of the value the index has, or 0 for the whole value
	Collation string // the index's own collation, or "" for the column's
}

// Trigger is a trigger of a stored table that runs when a row is inserted or updated.
type Trigger struct {
	Name     string
	Before   bool // before or instead of the write
	Insert   bool
	Update   bool
	PerRow   bool
	Rewrites bool // an AFTER trigger that writes to the table itself
}

// Exists reports whether anything has the table's name.
func (l *Live) Exists() bool { return l.Relation.Kind != Nothing }

// IsTable reports whether the columns and indexes are the stored table's own.
func (l *Live) IsTable() bool {
	switch l.Relation.Kind {
	case PlainTable, PartitionedTable, ParentTable:
		return true
	}
	return false
}

// IsReadable reports whether the user may read every column.
func (l *Live) IsReadable() bool {
	return !slices.ContainsFunc(l.Columns, func(c LiveColumn) bool { return slices.Contains(c.Lacks, "SELECT") })
}

// Column returns the column with that name, or nil. On SQLite, MySQL and MariaDB names are equal in upper and lower case.
func (l *Live) Column(name string, folds bool) *LiveColumn {
	for i := range l.Columns {
		if c := &l.Columns[i]; c.Name == name || folds && strings.EqualFold(c.Name, name) {
			return c
		}
	}
	return nil
}

// Names returns the index's columns; "" stands for an expression.
func (x *Index) Names() []string {
	names := make([]string, len(x.Columns))
	for i, c := range x.Columns {
		names[i] = c.Name
	}
	return names
}

// Has reports whether the index has exactly these columns, in any order. folds says that names are equal in upper and lower case.
func (x *Index) Has(columns []string, folds bool) bool { return SameNames(x.Names(), columns, folds) }

// Arbitrates reports whether the index alone decides if two rows are the same: it is unique for every row and every value, and
// checked at once. A partial index does not arbitrate by this definition.
func (x *Index) Arbitrates() bool {
	return x.Unique && !x.Exclusion && x.Valid && x.Visible && x.Immediate && x.Predicate == "" &&
		!slices.ContainsFunc(x.Columns, func(c IndexColumn) bool { return c.Name == "" || c.Prefix > 0 || c.Collation != "" })
}

// SameNames reports whether two lists have the same names, in any order.
func SameNames(a, b []string, folds bool) bool {
	sorted := func(names []string) []string {
		out := slices.Clone(names)
		for i, n := range out {
			if folds {
				out[i] = strings.ToLower(n)
			}
		}
		slices.Sort(out)
		return out
	}
	return len(a) == len(b) && slices.Equal(sorted(a), sorted(b))
}
