// Package dialect knows how each database writes an upsert, what it can do, and how its errors read.
//
// It writes text and classifies errors; it opens no connection and imports no driver. Only [Detect] asks a server
// anything. A database is one file: its spelling, its limits, and the technique by which it can be made to tell what
// happened to a row. What a database cannot say is an [*UnsupportedError]; no clause is ever dropped.
//
// # What has been run
//
// SQLite, PostgreSQL 15 and 18, MariaDB 10.11, MySQL 5.7.29 and MySQL 8.0.29 (a build for Windows, under Wine) run the whole
// conformance suite. CockroachDB, YugabyteDB, TiDB and Vitess are told apart by [Detect] and given the text that their
// documentation asks for. Nothing has been run on them.
//
// Of what batches are sent with, arrays, the filter and COPY are run on PostgreSQL 15 and 18 with lib/pq and pgx, and the
// staging table of LOAD DATA on MariaDB and both MySQLs. The others are given parameters alone.
package dialect

// Dialect is one database, at one version. The values of this package are the only ones: the interface is sealed so that
// it can grow. A Dialect is immutable and safe for concurrent use.
type Dialect interface {
	// Name is the database's name in lower case: "sqlite", "postgres", "mysql", "mariadb", "cockroachdb", "yugabytedb",
	// "tidb", "vitess".
	Name() string
	// Version is what the server said of its version ("15.18"), or "" where nobody asked.
	Version() string
	// Traits are the limits and habits that decide how statements are cut and run.
	Traits() Traits
	// CheckIdent reports why name cannot be an identifier here: it is empty, has a NUL or is no UTF-8, or is longer than
	// the database keeps (PostgreSQL would cut it short without an error).
	CheckIdent(name string) error
	// Quote writes name as a quoted identifier. It does not check it.
	Quote(name string) string
	// QuoteTable writes a table's name, schema first, each part quoted.
	QuoteTable(t Table) string
	// Upsert writes an INSERT that resolves conflicts. It returns *UnsupportedError for what the database cannot say.
	Upsert(Upsert) (string, error)
	// Compare writes the SELECT that tells what an upsert would do to the rows that are there.
	Compare(Compare) (string, error)
	// Catalog writes the query that tells what a table's columns are and which of them the target's Constraint has, with no
	// parameter: behind a transaction pooler one would be no safer than any statement with parameters (hazard E2). Its columns are those of PostgreSQL's catalog where
	// Traits.Typed, and those of SHOW COLUMNS on MySQL and MariaDB; it is "" where nobody asks.
	Catalog(t Table, by Target) string
	// Stage writes the statements of a staging table. It returns *UnsupportedError where Traits.Copying is CopyNone.
	Stage(Stage) (StageText, error)
	// Lock writes the statement that takes the write lock and does nothing else, or "" where there is none to be taken.
	Lock(t Table) string
	// Find writes the SELECT of one row by its key.
	Find(Find) string
	// UniqueIndex writes what tells whether a unique index has the columns, where the database does not refuse an upsert
	// without one.
	UniqueIndex(t Table, columns []string) IndexText

	sealed()
}

// Table is a table's name, with its schema ("" for the connection's default).
type Table struct {
	Schema, Name string
}

// Traits are the limits and habits of a database.
type Traits struct {
	// MaxParams is the greatest number of bound parameters in a statement.
	MaxParams int
	// MaxRows is the number of rows a statement that is worth its size has: more gains nothing.
	MaxRows int
	// MaxBytes is about how many bytes of values go into one statement; a longer single row still goes alone.
	MaxBytes int
	// Reporting is how the database can be made to tell what happened to each row.
	Reporting Reporting
	// Returning: INSERT … RETURNING is there.
	Returning bool
	// PrepareChunks: a statement that is used more than once in one call is worth preparing. It is not on PostgreSQL,
	// where a prepared statement's name may meet somebody else's behind a transaction pooler (hazard E2).
	PrepareChunks bool
	// QueryBinds: a statement that returns nothing is best sent as a query: go-sqlite3 binds a query's arguments in a single
	// call into C, and an Exec's with a call each.
	QueryBinds bool
	// Immediate: a write transaction must begin with BEGIN IMMEDIATE, or its first write may fail at once (hazard S11).
	Immediate bool
	// UTC: times are stored as text, so they are bound as one, in UTC and of the years 0 to 9999, for their order to be the order
	// in time.
	UTC bool
	// LockingRead is appended to a SELECT that must see the newest row inside an older snapshot (hazard H19), or "".
	LockingRead string
	// NullNaN: NaN is stored as NULL.
	NullNaN bool
	// FoldsNames: the names of two columns cannot differ by case alone.
	FoldsNames bool
	// Ordinals: a column may be of a type whose values are ordered by their position and compared by their letters, and of one
	// that takes 0 for its next number.
	Ordinals bool
	// Filter: an Upsert can leave out the rows that would change nothing, and a batch that is repeated is worth it.
	Filter bool
	// Arrays: rows can come as an array a column.
	Arrays bool
	// Copying is how rows can be staged.
	Copying Copying
	// Typed: some statements need the types of the table's columns, which Dialect.Catalog asks for, once a table.
	Typed bool
}

// Reporting is the technique by which a database tells what happened to a row.
type Reporting int

const (
	// ReportUnknown: the server does not tell an insert from an update.
	ReportUnknown Reporting = iota
	// ReportFlag: the first returned column is true for an inserted row; a skipped row is not returned (hazard P3).
	ReportFlag
	// ReportFlagPlain is ReportFlag, on plain tables only: neither partitioned nor a view (hazard P2).
	ReportFlagPlain
	// ReportBeforehand: the statement does not tell, but in a write transaction nobody else writes, so what Compare says
	// before it holds.
	ReportBeforehand
	// ReportCode: the first returned column is a Code, and every row is returned.
	ReportCode
	// ReportLastID: one row a statement; LastInsertId is a Code, or any other number for an inserted row. An insert leaves no
	// Code of its own: in VALUES, MySQL 8 stores what is around a parameter's expression in another character set than the
	// parameter. A trigger hides the Code, which LAST_INSERT_ID() on the same connection still returns (hazard H23).
	ReportLastID
)

// The codes that a MySQL-family statement reports a row's fate with. They stand where an auto-increment value could
// stand, so they are numbers that none reaches.
const (
	CodeInserted int64 = 9223372036854775801 + iota
	CodeUpdated
	CodeUnchanged
	CodeStale
)

// What Compare tells of a row that is there.
const (
	CompareSame     = iota // nothing would change
	CompareStale           // its version is not newer, and it is not the same
	CompareChanged         // it would be updated
	CompareOtherKey        // its key is the same only to a collation
)
