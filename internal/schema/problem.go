package schema

// Error says that a stored table is not as the library needs it to be.
type Error struct{ Problems []Problem }

func (e *Error) Error() string { return e.Problems[0].Why }

// Problem is one fault of a stored table.
type Problem struct {
	Check  Check
	Column string // the column's name, or several names with commas between them
	Index  string // the index's name, or ""
	Why    string // what the problem makes happen
	Find   string // a query for the rows that would stop Mend, or ""
	Mend   string // statements that solve the problem, or advice in words
}

// Check names the property of the table that was checked.
type Check string

// The properties.
const (
	NoUniqueIndex     Check = "no unique index"
	ConstraintColumns Check = "constraint of other columns"
)
