package upsert

import (
	"fmt"
	"strings"
)

// SchemaError says that a stored table is not what a [Table] relies on. Nothing was written.
type SchemaError struct {
	Table    string // as given to New
	Problems []Problem
}

func (e *SchemaError) Error() string {
	var texts []string
	for _, p := range e.Problems {
		texts = append(texts, p.String())
	}
	return fmt.Sprintf("upsert: table %s: %s", e.Table, strings.Join(texts, "; "))
}

// Problem is one thing that is wrong with a stored table, or good to know.
type Problem struct {
	Check    Check
	Severity Severity
	Column   string // the column's name, several with a comma between them, or "" if the problem is the whole table's
	Index    string // the index's name, or ""
	Why      string // what happens because of it
	Find     string // a query for the rows that would stop Mend, or ""
	Mend     string // one statement or more, with a semicolon between them, that put it right, or advice in words
	// Duplicates is how many rows Find returns, or 0 if nobody has counted them.
	Duplicates int64
}

// String is one sentence or two: why it matters, and what to do.
func (p Problem) String() string {
	s := p.Why
	if p.Mend != "" {
		s += ": " + p.Mend
	}
	if p.Find != "" {
		s += " (the rows that would stop it: " + p.Find + ")"
	}
	return s
}

// Check names what was looked at.
type Check string

// CheckNoUniqueIndex: no unique index has exactly the columns of the conflict target.
const CheckNoUniqueIndex Check = "no unique index"

// CheckConstraintColumns: the constraint that [OnConstraint] names has other columns than the conflict target.
const CheckConstraintColumns Check = "constraint of other columns"

// Severity says how bad a problem is.
type Severity int

const (
	// Fault: writes fail, are wrong or are lost.
	Fault Severity = iota
	// Note: it is true, and harmless to those who know it.
	Note
)

// String returns the severity in lower case.
func (s Severity) String() string {
	if s == Note {
		return "note"
	}
	return "fault"
}
