// Package dialect knows how each database writes an upsert, what the database can do, and how its errors read.
//
// The package writes text and classifies errors; it opens no connection and imports no driver. Only [Detect] asks a server
// anything. Each database is one file, with its spelling, its limits, and the technique by which the database reports what
// happened to a row. If a database cannot express something, the result is an [*UnsupportedError]; no clause is ever dropped.
//
// # For users
//
// [Detect] asks a server and returns its dialect, which upsert.New takes. [SQLite], [Postgres], [MySQL] and [MariaDB] are
// dialects without a server's version, and [FromVersion] returns the dialect of a version that you know. If a database lacks a
// feature that you ask for, the error is an [*UnsupportedError]. [PostgresMergeFunction] is what rule merge needs on
// PostgreSQL. [Features] and [Supports] say what a version of MySQL or MariaDB has.
//
// [Classify] says what can be done about an error, and [BlamesRow] and [BlamesRowSurely] whether a row's values are at fault.
// [SQLState], [MySQLNumber], [ErrorColumn], [ErrorDetail] and [IsOtherKey] read an error's parts.
//
// # For builders of dialects
//
// The other types and functions are for package upsert and for those who add a dialect here. A [Dialect] writes the statements
// that an [Upsert], a [Compare], a [Find] or a [Stage] describes. [Rows], [Stored] and [Answer] are parts of these. Its [Traits],
// with the parts [Limits], [Values] and [Batches], say how statements are cut and run.
//
// # What has been run
//
// SQLite, PostgreSQL 15 and 18, MariaDB 10.11, MySQL 5.7.29 and MySQL 8.0.29 (a build for Windows, under Wine) run the whole
// conformance suite. [Detect] tells CockroachDB, YugabyteDB, TiDB and Vitess apart, and they are sent the text that their
// documentation asks for. Nothing has been run on these four.
//
// For batches, arrays, the filter and COPY are run on PostgreSQL 15 and 18 with lib/pq and pgx, and the staging table of LOAD
// DATA is run on MariaDB and both versions of MySQL. The other databases are only sent parameters.
package dialect

// Dialect is one database, at one version. Only this package has implementations: the interface is sealed so that it can grow.
// A Dialect is immutable and safe for concurrent use.
type Dialect interface {
	// Name returns the database's name in lower case: "sqlite", "postgres", "mysql", "mariadb", "cockroachdb", "yugabytedb",
	// "tidb", "vitess".
	Name() string
	// Version returns the version that the server reported ("15.18"), or "" if no server was asked.
	Version() string
	// Traits returns the limits and habits that decide how statements are cut and run.
	Traits() Traits
	// CheckIdent returns an error that says why name cannot be an identifier here: name is empty, contains a NUL, is not UTF-8,
	// or is longer than the database keeps. (PostgreSQL would cut such a name without an error.)
	CheckIdent(name string) error
	// Quote returns name as a quoted identifier. Quote does not check name.
	Quote(name string) string
	// QuoteTable returns a table's name, schema first, each part quoted.
	QuoteTable(t Table) string
	// Upsert writes an INSERT that resolves conflicts. Upsert returns *UnsupportedError if the database cannot express a part
	// of it.
	Upsert(Upsert) (string, error)
	// Compare writes the SELECT that reports what an upsert would do to the stored rows.
	Compare(Compare) (string, error)
	// IsExact reports whether the column can be of KindExact: two values that the stored column takes for equal are the same. folds
	// says that the column's collation or type takes different texts for equal. Column.Base must be known if Traits.Typed is set.
	IsExact(c Column, folds bool) bool
	// Catalog writes the query that lists a table's columns and says which of them the target's Constraint has. The query has
	// no parameter: behind a transaction pooler a parameter would be no safer than in any other statement (hazard E2). The
	// query returns the columns of PostgreSQL's catalog if Traits.Typed is set, and the columns of SHOW COLUMNS on MySQL and
	// MariaDB. If this package never asks the database, the query is "".
	Catalog(t Table, by Target) string
	// Stage writes the statements of a staging table. Stage returns *UnsupportedError if Traits.Batches.Copying is CopyNone.
	Stage(Stage) (StageText, error)
	// Lock writes the statement that takes the write lock and does nothing else, or returns "" if there is no such lock.
	Lock(t Table) string
	// Find writes the SELECT of one row by its key.
	Find(Find) string
	// FindAll writes the SELECT of several rows by their keys, and returns how often the SELECT needs the parameters, one after
	// the other.
	FindAll(FindAll) (text string, times int)
	// UniqueIndex writes the query that says whether a unique index has the columns, for a database that does not refuse an
	// upsert without such an index.
	UniqueIndex(t Table, columns []string) IndexText

	// family returns the name of the database whose drivers reach the servers. That the method is not exported seals the
	// interface.
	family() string
}

// Table is a table's name, with its schema ("" for the connection's default). For builders of dialects.
type Table struct {
	Schema, Name string
}

// Traits are the limits and habits of a database. For builders of dialects.
type Traits struct {
	Limits  Limits
	Values  Values
	Batches Batches
	// Reporting is the technique by which the database reports what happened to each row.
	Reporting Reporting
	// Returning: the database has INSERT … RETURNING.
	Returning bool
	// PrepareChunks: preparing is worth it for a statement that is used more than once in one call. PostgreSQL does not set it,
	// because behind a transaction pooler a prepared statement's name may already be somebody else's (hazard E2).
	PrepareChunks bool
	// QueryBinds: a statement that returns nothing is best sent as a query. go-sqlite3 binds all arguments of a query in a
	// single call into C, and the arguments of an Exec with one call each.
	QueryBinds bool
	// Immediate: a write transaction must begin with BEGIN IMMEDIATE, or its first write may fail at once (hazard S11).
	Immediate bool
	// LockingRead is appended to a SELECT that must see the newest row inside an older snapshot (hazard H19), or is "".
	LockingRead string
	// FoldsNames: the names of two columns cannot differ by case alone.
	FoldsNames bool
	// Typed: some statements need the types of the table's columns, which Dialect.Catalog asks for, once for each table.
	Typed bool
}

// Limits say how much goes into one statement. For builders of dialects.
type Limits struct {
	Params int // the greatest number of bound parameters
	Rows   int // the number of rows above which more rows gain nothing
	Bytes  int // about how many bytes of values; a longer single row goes alone
}

// Values say how the database stores values, if it does so in a way of its own. For builders of dialects.
type Values struct {
	// UTC: times are stored as text. They are bound as text in UTC, with years from 0 to 9999, so that the order of the texts
	// is the order in time.
	UTC bool
	// NullNaN: NaN is stored as NULL.
	NullNaN bool
	// Ordinals: a column may have a type whose values are ordered by their position and compared by their letters, or a type
	// that replaces 0 by its next number.
	Ordinals bool
}

// Batches say how the rows of a batch can be sent, other than as parameters. For builders of dialects.
type Batches struct {
	// Filter: an Upsert can leave out the rows that would change nothing, and this is worth it for a repeated batch.
	Filter bool
	// Arrays: rows can be sent as one array for each column.
	Arrays bool
	// Copying says how rows can be staged.
	Copying Copying
}

// Reporting is the technique by which a database reports what happened to a row. For builders of dialects.
type Reporting int

const (
	// ReportUnknown: the server does not tell an insert from an update.
	ReportUnknown Reporting = iota
	// ReportFlag: the first returned column is true for an inserted row. A skipped row is not returned (hazard P3).
	ReportFlag
	// ReportFlagPlain is ReportFlag, on plain tables only: neither partitioned nor a view (hazard P2).
	ReportFlagPlain
	// ReportBeforehand: the statement reports nothing. In a write transaction nobody else writes, so the result of a Compare
	// before the statement holds.
	ReportBeforehand
	// ReportCode: the first returned column is a Code, and every row is returned.
	ReportCode
	// ReportLastID: a statement has one row, and LastInsertId is a Code, or any other number for an inserted row. An insert
	// returns no Code: inside VALUES, MySQL 8 stores an expression around a parameter in another character set than the
	// parameter. A trigger hides the Code, but LAST_INSERT_ID() on the same connection still returns the Code (hazard H23).
	ReportLastID
)

// CodeInserted and the others are the codes by which a statement of the MySQL family reports the outcome of a row. A code is
// returned in place of an auto-increment value, so the codes are numbers that no auto-increment value reaches. For builders of
// dialects.
const (
	CodeInserted int64 = 9223372036854775801 + iota
	CodeUpdated
	CodeUnchanged
	CodeStale
)

// CompareSame and the others are the results of Compare for a stored row. For builders of dialects.
const (
	CompareSame     = iota // nothing would change
	CompareStale           // its version is not newer, and the row is not the same
	CompareChanged         // the row would be updated
	CompareOtherKey        // its key is equal only under a collation
)
