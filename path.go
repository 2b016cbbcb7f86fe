package upsert

import (
	"context"
	"fmt"
	"io"

	"github.com/goupsert/upsert/internal/write"
)

// Path is how the rows of a batch get to the server. The rules, the outcomes, the errors and the order are the same on every
// path.
type Path int

const (
	// Auto chooses by the number of rows, the database and the abilities of the connection. Auto is the default, and never
	// chooses a path that would refuse the rows.
	//
	// On PostgreSQL, Auto is:
	//   - Copy for 2,000 rows or more, if the call begins the transaction, the driver is lib/pq (or pgx with [CopyThrough]), and
	//     the user may make temporary tables;
	//   - Values for a single row, for rows that neither Copy nor Arrays can send, and if columns with omitzero split the batch
	//     into small groups of rows;
	//   - Arrays for other batches.
	//
	// On other databases Auto is Values.
	Auto Path = iota
	// Values sends statements of many rows with a parameter for every value. Every database has this path. On PostgreSQL, Values
	// is the slowest path, because PostgreSQL must parse and plan every text.
	Values
	// Arrays sends one array for every column, in the text form, on PostgreSQL only. Arrays is refused if the values of a column
	// cannot be elements of an array, above all if a column holds arrays.
	Arrays
	// Copy streams the rows into a temporary table and inserts them from there, in one transaction.
	//
	// On PostgreSQL the stream is COPY … FROM STDIN, through lib/pq or through the function given to [CopyThrough]. In the
	// caller's transaction the stream is lib/pq's ordinary COPY statement. The database must allow temporary tables. In its own
	// transaction the library raises work_mem to 32MB if it is lower, sets enable_mergejoin, enable_hashjoin and enable_material
	// for this transaction, and sets a savepoint. These settings make PostgreSQL take the rows in key order, whatever the table's
	// statistics say. Nothing is left in the caller's transaction.
	//
	// On MySQL and MariaDB, Copy is LOAD DATA LOCAL through the functions given to [LoadThrough], and Values if the server has
	// local_infile off. On MySQL, Copy is also Values if the call asks for outcomes, because MySQL tells the outcome of only one
	// row a statement. If LOAD DATA gives a warning about a value, the call returns an error.
	Copy
)

// String returns the path's name in lower case.
func (p Path) String() string { return write.Path(p).String() }

var _ = [1]bool{}[int(Copy)-int(write.Copy)] // the two packages number the paths alike

// ViaOption is both an [Option] and a [PutOption].
type ViaOption struct{ path Path }

// Via names the path of [Table.PutAll] and [Table.PutSeq], for one call or, as an option of [New], for all calls without their
// own Via. If the database lacks the path, the table's types forbid it, or the handle cannot use it, the call returns a
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

// CopyFunc runs query, a COPY … FROM STDIN in the text format, with the content of rows as its data. driverConn is the driver's
// own connection, as (*sql.Conn).Raw gives it. If reading rows returns an error, the COPY must end as failed.
type CopyFunc func(ctx context.Context, driverConn any, query string, rows io.Reader) error

// CopyThrough says how the path [Copy] streams rows on PostgreSQL through a driver other than lib/pq. For pgx, f is From of
// package github.com/goupsert/upsert/pgxcopy, which is a module of its own.
func CopyThrough(f CopyFunc) Option {
	return option(func(c *config) error { c.copies.Through = f; return nil })
}

// LoadThrough gives the path [Copy] two functions of github.com/go-sql-driver/mysql: RegisterReaderHandler and
// DeregisterReaderHandler. Copy writes times in UTC, as the driver does by default. If the driver's parameter loc names another
// zone, the call is refused.
func LoadThrough(register func(name string, handler func() io.Reader), deregister func(name string)) Option {
	return option(func(c *config) error {
		c.copies.Register, c.copies.Deregister = register, deregister
		return nil
	})
}
