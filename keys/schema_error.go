package keys

import (
	"errors"
	"fmt"
	"strings"
)

// errNoTable: there is no table yet, or a part of the table is missing. Migrate repairs both.
var errNoTable = errors.New("keys: the table, or a part of it, does not exist yet: run Store.Migrate")

// SchemaError is returned by [Open] and [Store.Migrate] for an existing table in which keys would be lost, confused or slow.
// The table was not changed.
type SchemaError struct {
	Table    string   // the table's name, with the schema if one was given
	Problems []string // all that is wrong with the table, each with what to do
}

func (e *SchemaError) Error() string {
	return fmt.Sprintf("keys: table %s cannot be used as it is: %s; or rename it and have Store.Migrate make a new one, without the keys in this one",
		e.Table, strings.Join(e.Problems, "; "))
}
