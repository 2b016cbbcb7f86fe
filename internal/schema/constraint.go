package schema

import (
	"slices"
	"strings"

	"github.com/goupsert/upsert/dialect"
)

// WrongConstraint returns the problem of a constraint that has other columns than the conflict target, because a conflict with such
// a constraint would change the row of another key. It returns nil if the columns are the target's.
func WrongConstraint(target dialect.Target, columns []string) *Problem {
	columns = slices.Sorted(slices.Values(columns))
	if slices.Equal(columns, slices.Sorted(slices.Values(target.Columns))) {
		return nil
	}
	return &Problem{
		Check: ConstraintColumns, Column: strings.Join(target.Columns, ", "), Index: target.Constraint,
		Why: "the constraint " + target.Constraint + " of OnConstraint has the columns (" + strings.Join(columns, ", ") + ") and not the key's (" +
			strings.Join(target.Columns, ", ") + "), so a conflict would change the row of another key",
		Mend: "name a constraint of exactly the key's columns, or leave OnConstraint out",
	}
}
