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

// The checks of [Table.Verify] that find faults.
const (
	// CheckNoTable: there is no such table, or the user may not see it.
	CheckNoTable = Check(schema.NoTable)
	// CheckNoColumn: there is no such column.
	CheckNoColumn = Check(schema.NoColumn)
	// CheckNotWritable: the name is a view's that takes no upsert, a foreign or a virtual table's, or the table has rewrite rules.
	CheckNotWritable = Check(schema.NotWritable)
	// CheckNoUniqueIndex: no unique index has exactly the columns of the conflict target, for every value, every row that counts and
	// at once. Problem.Index is the index that comes nearest: it is on an expression, has another predicate or collation or the
	// beginnings of values only, or it is not unique, invalid, invisible, deferrable or an exclusion constraint. With [IndexWhere], an
	// index of every row is not enough.
	CheckNoUniqueIndex = Check(schema.NoUniqueIndex)
	// CheckConstraintColumns: the constraint that [OnConstraint] names has columns other than the conflict target's.
	CheckConstraintColumns = Check(schema.ConstraintColumns)
	// CheckNullableKey: a column of the conflict target can be NULL.
	CheckNullableKey = Check(schema.NullableKey)
	// CheckKeyCollation: a column of the conflict target takes different texts for one.
	CheckKeyCollation = Check(schema.KeyCollation)
	// CheckKeyPadding: a column of the conflict target takes 'a' and 'a ' for one, and no others. This is a note on MySQL before
	// 8.0.17, which has no other collations of utf8mb4 that compare the characters themselves.
	CheckKeyPadding = Check(schema.KeyPadding)
	// CheckEngine: the table's engine has no transactions.
	CheckEngine = Check(schema.Engine)
	// CheckComputedColumn: the table writes a column that the database computes, or an expression of a view.
	CheckComputedColumn = Check(schema.ComputedColumn)
	// CheckMandatoryColumn: an insert leaves out a column that is NOT NULL and has no DEFAULT.
	CheckMandatoryColumn = Check(schema.MandatoryColumn)
	// CheckNotNull: a field has a NULL and its column refuses NULL.
	CheckNotNull = Check(schema.NotNull)
	// CheckType: a column does not hold the sort of values that its field has, for example strings in an integer.
	CheckType = Check(schema.Type)
	// CheckRange: a column does not hold every number of its field, or the field not every number of the column.
	CheckRange = Check(schema.Range)
	// CheckLength: a column holds fewer than 255 characters or bytes, or fills values up, and the field is a string or a []byte.
	CheckLength = Check(schema.Length)
	// CheckPrecision: a column or a field rounds the other's values: fractions of a second, a time in a date, floating-point numbers.
	CheckPrecision = Check(schema.Precision)
	// CheckRights: the user lacks a right, for example to the sequence of a serial column, or the connection cannot write.
	CheckRights = Check(schema.Rights)
	// CheckNotStrict: the session's sql_mode is not strict.
	CheckNotStrict = Check(schema.NotStrict)
	// CheckNoMergeFunction: the function of the rule Merge is not installed.
	CheckNoMergeFunction = Check(schema.NoMergeFunction)
)

// The checks of [Table.Verify] that find notes.
const (
	// CheckOtherUniqueIndex: an index is unique and no target of the struct has its columns.
	CheckOtherUniqueIndex = Check(schema.OtherUniqueIndex)
	// CheckTrigger: a trigger runs for a row that does not change, changes what is stored, or hides the outcome.
	CheckTrigger = Check(schema.TriggerOnWrite)
	// CheckRowSecurity: row-level security is enabled.
	CheckRowSecurity = Check(schema.RowSecurity)
	// CheckView: the name is a view's.
	CheckView = Check(schema.IsView)
	// CheckPartitions: the table is partitioned, or other tables inherit from it.
	CheckPartitions = Check(schema.Partitions)
	// CheckPooler: there is a pooler between the driver and the server.
	CheckPooler = Check(schema.Pooler)
	// CheckUnenforced: a CHECK constraint is not enforced.
	CheckUnenforced = Check(schema.Unenforced)
	// CheckUnlogged: a crash of the server empties the table.
	CheckUnlogged = Check(schema.Unlogged)
)

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

// schemaError returns the public form of faults.
func (t *table) schemaError(found *schema.Error) *SchemaError {
	e := &SchemaError{Table: t.name}
	for _, p := range found.Problems {
		e.Problems = append(e.Problems, publicProblem(p))
	}
	return e
}

func publicProblem(p schema.Problem) Problem {
	public := Problem{Check: Check(p.Check), Severity: Fault, Column: p.Column, Index: p.Index, Why: p.Why, Find: p.Find, Mend: p.Mend, Duplicates: p.Duplicates}
	if p.IsNote {
		public.Severity = Note
	}
	return public
}
