package schema

import (
	"cmp"
	"context"
)

// Error says that a stored table is not as the library needs it to be.
type Error struct{ Problems []Problem }

func (e *Error) Error() string { return e.Problems[0].Why }

// Problem is one thing about a stored table that is wrong, or good to know.
type Problem struct {
	Check      Check
	IsNote     bool   // the problem is harmless to users who know about it
	Column     string // the column's name, or several names with commas between them
	Index      string // the index's name, or ""
	Why        string // what the problem makes happen
	Find       string // a query for the rows that would stop Mend, or ""
	Mend       string // statements that solve the problem, or advice in words
	Duplicates int64  // how many rows Find returns, if they have been counted
	Flags      Words  // what the command says in place of Why and Mend
}

// Words are sentences for people who describe a table with the flags of cmd/upsert and not with a struct's tags. An empty sentence
// stands for the same words.
type Words struct{ Why, Mend string }

type inFlags struct{}

// InFlags returns a context whose problems are told in the words of the command's flags.
func InFlags(ctx context.Context) context.Context { return context.WithValue(ctx, inFlags{}, true) }

// Told returns the problem in the words that the context's caller understands.
func (p Problem) Told(ctx context.Context) Problem {
	if ctx.Value(inFlags{}) != nil {
		p.Why, p.Mend = cmp.Or(p.Flags.Why, p.Why), cmp.Or(p.Flags.Mend, p.Mend)
	}
	return p
}

// Check names the property of the table that was checked.
type Check string

// The properties. Package upsert documents them.
const (
	NoUniqueIndex     Check = "no unique index"
	ConstraintColumns Check = "constraint of other columns"
	NoTable           Check = "no table"
	NoColumn          Check = "no column"
	NotWritable       Check = "not writable"
	NullableKey       Check = "nullable key"
	KeyCollation      Check = "key collation"
	KeyPadding        Check = "key padding"
	Engine            Check = "engine"
	ComputedColumn    Check = "computed column"
	MandatoryColumn   Check = "mandatory column"
	NotNull           Check = "not null"
	Type              Check = "type"
	Range             Check = "range"
	Length            Check = "length"
	Precision         Check = "precision"
	Rights            Check = "rights"
	NotStrict         Check = "session is not strict"
	NoMergeFunction   Check = "no merge function"

	OtherUniqueIndex Check = "other unique index"
	TriggerOnWrite   Check = "trigger"
	RowSecurity      Check = "row-level security"
	IsView           Check = "view"
	Partitions       Check = "partitions"
	Pooler           Check = "pooler"
	Unenforced       Check = "constraint that is not enforced"
	Unlogged         Check = "unlogged"
)
