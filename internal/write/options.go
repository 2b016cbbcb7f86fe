package write

import (
	"context"
	"fmt"
	"io"
	"reflect"
)

// Options say how the rows of a call are written.
type Options struct {
	Outcomes bool                       // find out what happened to each row
	Each     func(row int, now Outcome) // is called for each row at the end, or is nil
	Progress func(rows int64)           // is called for each statement with the rows so far, or is nil
	// Stored is called for each row at the end, with what is stored under the row's key, or is nil.
	Stored  func(row int, stored reflect.Value)
	Unique  bool // refuse two rows of one key
	InOrder bool // keep the caller's order
	Via     Path
}

// Path is how the rows of a batch get to the server. The package upsert documents the values.
type Path int

// The paths.
const (
	Auto Path = iota
	Values
	Arrays
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

// CopyFuncs are a driver's functions for the path Copy. Each may be nil.
type CopyFuncs struct {
	// Through runs a COPY … FROM STDIN on the driver's own connection, with the content of rows.
	Through func(ctx context.Context, driverConn any, query string, rows io.Reader) error
	// Register and Deregister name the reader from which LOAD DATA LOCAL takes rows.
	Register   func(name string, handler func() io.Reader)
	Deregister func(name string)
}
