package keys

import (
	"errors"
	"fmt"
	"strings"
)

// errNoTable says that nothing is wrong that Migrate does not mend: there is no table yet, or a part of it is missing.
var errNoTable = errors.New("keys: the table, or a part of it, is not there yet: run Store.Migrate")

// SchemaError is returned by [Open] and [Store.Migrate] for a table that is there and in which keys would be lost, confused
// or slow. Nothing of the table was changed.
type SchemaError struct {
	Table    string   // its name, with the schema if one was given
	Problems []string // all that is wrong with it, each with what to do
}

func (e *SchemaError) Error() string {
	return fmt.Sprintf("keys: table %s cannot be used as it is: %s; or rename it and have Store.Migrate make a new one, without the keys in this one",
		e.Table, strings.Join(e.Problems, "; "))
}
