package lab

import (
	"iter"

	"github.com/go-sql-driver/mysql"
	"github.com/goupsert/upsert"
)

// Pair is the row type of tests that need no particular row type.
type Pair struct {
	K int `upsert:"key"`
	V int
}

// CreateThings creates a table for rows of type Pair.
const CreateThings = "CREATE TABLE things (k INT PRIMARY KEY, v INT)"

// Load is the option that lets the Copy path use LOAD DATA through the driver for MySQL and MariaDB.
var Load = upsert.LoadThrough(mysql.RegisterReaderHandler, mysql.DeregisterReaderHandler)

// Table calls upsert.New, which must succeed.
func Table[T any](l *Lab, name string, opts ...upsert.Option) *upsert.Table[T] {
	l.Helper()
	table, err := upsert.New[T](l.D, name, opts...)
	if err != nil {
		l.Fatalf("New: %v", err)
	}
	return table
}

// Put calls the table's Put, which must succeed.
func Put[T any](l *Lab, table *upsert.Table[T], db upsert.DB, row T) upsert.Outcome {
	l.Helper()
	o, err := table.Put(l.Context(), db, &row)
	if err != nil {
		l.Fatalf("Put(%+v): %v", row, err)
	}
	return o
}

// Prepare calls the table's Prepare, which must succeed. The end of the test closes the prepared statements.
func Prepare[T any](l *Lab, table *upsert.Table[T], db upsert.DB) *upsert.Prepared[T] {
	l.Helper()
	p, err := table.Prepare(l.Context(), db)
	if err != nil {
		l.Fatalf("Prepare: %v", err)
	}
	l.Cleanup(func() { _ = p.Close() })
	return p
}

// WantPut puts a row with prepared statements and expects an outcome.
func WantPut[T any](l *Lab, p *upsert.Prepared[T], row T, want upsert.Outcome) {
	l.Helper()
	if o, err := p.Put(l.Context(), &row); err != nil || o != want {
		l.Errorf("Put(%+v) = %v, %v; want %v", row, o, err, want)
	}
}

// Seq yields the rows without an error.
func Seq[T any](rows []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}
