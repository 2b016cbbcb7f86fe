package upsert

import (
	"fmt"
	"strings"

	"github.com/goupsert/upsert/internal/schema"
)

// SchemaError says that a stored table is not as a [Table] needs it to be. Nothing was written.
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

// Problem is one thing about a stored table that is wrong, or good to know.
type Problem struct {
	Check    Check
	Severity Severity
	Column   string // the column's name, several names with commas between them, or "" if the problem concerns the whole table
	Index    string // the index's name, or ""
	Why      string // what the problem makes happen
	Find     string // a query for the rows that would stop Mend, or ""
	Mend     string // statements, separated by semicolons, that solve the problem, or advice in words
	// Duplicates is how many rows Find returns, or 0 if the rows have not been counted.
	Duplicates int64
}

// String returns one or two sentences: why the problem matters, and what to do.
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

// Check names the property of the table that was checked.
type Check string

// CheckNoUniqueIndex says that no unique index has exactly the columns of the conflict target.
const CheckNoUniqueIndex = Check(schema.NoUniqueIndex)

// CheckConstraintColumns says that the constraint that [OnConstraint] names has columns other than the conflict target's.
const CheckConstraintColumns = Check(schema.ConstraintColumns)

// Severity says how bad a problem is.
type Severity int

const (
	// Fault: writes fail, are wrong or are lost.
	Fault Severity = iota
	// Note: the problem is harmless to users who know about it.
	Note
)

// String returns the severity in lower case.
func (s Severity) String() string {
	if s == Note {
		return "note"
	}
	return "fault"
}

// schemaError returns the SchemaError of what package catalog found.
func (t *table) schemaError(found *schema.Error) *SchemaError {
	e := &SchemaError{Table: t.name}
	for _, p := range found.Problems {
		e.Problems = append(e.Problems, Problem{Check: Check(p.Check), Severity: Fault, Column: p.Column, Index: p.Index, Why: p.Why, Find: p.Find, Mend: p.Mend})
	}
	return e
}
