package upsert

import (
	"context"
	"fmt"
	"io"
)

// Path is how the rows of a batch get to the server. What they mean there is the same on every path: the rules, the
// outcomes, the errors and the order.
type Path int

const (
	// Auto chooses by the number of rows, the database and what the connection can do, and is the default. It never
	// chooses a path that would refuse the rows.
	//
	// On PostgreSQL it is Copy from 2,000 rows on, where the call begins the transaction, the driver is lib/pq or, with
	// [CopyThrough], pgx, and the user may make temporary tables; Arrays for other batches; and Values for a single row,
	// for what can be neither, and where columns with omitzero leave but few rows alike. Elsewhere it is Values.
	Auto Path = iota
	// Values: statements of many rows with a parameter for every value. Every database has it. On PostgreSQL every text
	// must be parsed and planned, so it is the slowest there.
	Values
	// Arrays: one array for every column, in the text form, on PostgreSQL only. It is refused for a table with a column
	// whose values cannot be elements of an array, above all one that holds arrays.
	Arrays
	// Copy: the rows are streamed into a temporary table and inserted from there, in one transaction.
	//
	// On PostgreSQL the stream is COPY … FROM STDIN, through lib/pq or through what [CopyThrough] says, and in a
	// transaction of the caller's through lib/pq's ordinary COPY statement; the database must allow temporary tables. In a
	// transaction of its own the library raises work_mem to 32MB where it is lower and sets enable_mergejoin,
	// enable_hashjoin and enable_material, for that transaction, so that rows are taken in key order, whatever the statistics
	// say of the table, and sets a savepoint. Nothing is left in one of the caller's.
	//
	// On MySQL and MariaDB it is LOAD DATA LOCAL through what [LoadThrough] says, and Values if the server has local_infile
	// off. On MySQL it is Values too if the call asks for outcomes, since MySQL tells the outcome of one row a statement.
	// What LOAD DATA has no more than a warning for is an error.
	Copy
)

// String returns the path's name in lower case.
func (p Path) String() string {
	switch p {
	case Auto:
		return "auto"
	case Values:
		return "values"
	case Arrays:
		return "arrays"
	case Copy:
		return "copy"
	}
	return fmt.Sprintf("Path(%d)", int(p))
}

// ViaOption is both an [Option] and a [PutOption].
type ViaOption struct{ path Path }

// Via names the path of [Table.PutAll] and [Table.PutSeq], for a call or, given to [New], for all calls without one. A path
// that the database lacks, the table's types forbid or the handle cannot go is refused by the call with a
// *dialect.UnsupportedError that says why.
func Via(p Path) ViaOption { return ViaOption{p} }

func (v ViaOption) apply(c *config) error {
	if v.path < Auto || v.path > Copy {
		return fmt.Errorf("upsert: Via: %v is none of Auto, Values, Arrays and Copy", v.path)
	}
	c.via = v.path
	return nil
}

func (v ViaOption) applyPut(c *putConfig) { c.via = v.path }

// CopyFunc runs query, a COPY … FROM STDIN in the text format, on a connection of the driver's own, as (*sql.Conn).Raw gives
// it, with what rows holds as its data. An error of rows ends the COPY as failed.
type CopyFunc func(ctx context.Context, driverConn any, query string, rows io.Reader) error

// CopyThrough says how the path [Copy] streams rows on PostgreSQL through a driver other than lib/pq: for pgx it is From of
// package github.com/goupsert/upsert/pgxcopy, which is a module of its own.
func CopyThrough(f CopyFunc) Option {
	return option(func(c *config) error { c.copy = f; return nil })
}

// LoadThrough gives the path [Copy] what it needs of github.com/go-sql-driver/mysql: its RegisterReaderHandler and
// DeregisterReaderHandler. Times are written in UTC, as that driver does unless its parameter loc says otherwise, which is
// refused.
func LoadThrough(register func(name string, handler func() io.Reader), deregister func(name string)) Option {
	return option(func(c *config) error {
		c.register, c.deregister = register, deregister
		return nil
	})
}
