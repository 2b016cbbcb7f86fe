package importer

import (
	"errors"
	"fmt"
	"strings"
)

// token is what a value looked like in the file, before anybody asked which type it should have.
type token int

const (
	tokenNull   token = iota
	tokenField        // a CSV field: untyped text
	tokenString       // a JSON string
	tokenNumber       // a JSON number, its text untouched
	tokenBool         // true, false
	tokenNested       // a JSON object or array, as compact JSON text
)

// cell is one value of one row and the place it was read from.
type cell struct {
	text      string
	token     token
	line, col int
}

// field is a column's name and the place in the file that named it (line 0: the -columns flag did).
type field struct {
	name      string
	line, col int
}

// reader reads a file row by row. The cells of a row are in the order of fields, as many as there are fields,
// and hold until the next call. At the end of the file the error is io.EOF. After an error that is a rowFault the next row can
// be read.
type reader interface {
	fields() []field
	next() ([]cell, error)
	// record is the text of the row that next has read or refused, without its line end.
	record() string
}

// posError is what is wrong with the file, and where. Columns count bytes from 1, as editors and compilers do.
type posError struct {
	file      string
	line, col int
	msg       string
	// row is true if one row is at fault and the next can be read; column is the name of its column, if one is.
	row    bool
	column string
}

func (e *posError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.file, e.line, e.col, e.msg)
}

func wrongf(file string, line, col int, format string, args ...any) error {
	return &posError{file: file, line: line, col: col, msg: fmt.Sprintf(format, args...)}
}

// wrongRow is wrongf for a fault of one row; column is "" if no column is at fault alone.
func wrongRow(column, file string, line, col int, format string, args ...any) error {
	return &posError{file: file, line: line, col: col, msg: fmt.Sprintf(format, args...), row: true, column: column}
}

// rowFault returns the fault of one row, or nil if err is anything else.
func rowFault(err error) *posError {
	var pos *posError
	if errors.As(err, &pos) && pos.row {
		return pos
	}
	return nil
}

// checkFields refuses names that cannot be columns.
func checkFields(file string, fields []field) error {
	seen := make(map[string]int, len(fields))
	for i, f := range fields {
		if f.name == "" {
			return wrongf(file, f.line, f.col, "column %d has no name", i+1)
		}
		if strings.HasPrefix(f.name, "\ufeff") {
			return wrongf(file, f.line, f.col, "column name %q begins with a byte order mark, which belongs at the beginning of the file", f.name)
		}
		if first, ok := seen[f.name]; ok {
			return wrongf(file, f.line, f.col, "column name %q is there twice (columns %d and %d)", f.name, first+1, i+1)
		}
		seen[f.name] = i
	}
	return nil
}
