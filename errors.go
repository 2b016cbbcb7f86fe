package upsert

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/mapping"
	"github.com/goupsert/upsert/internal/schema"
	"github.com/goupsert/upsert/internal/write"
)

var (
	// ErrUnguarded is returned by every verb if the table has an Add column and the handle is not a live [Claim], before any
	// statement is sent. The reason: adding is not repeat-safe, and if an answer is lost, database/sql sends a statement twice.
	ErrUnguarded = errors.New("a column of rule add needs a claim: call it inside one, with the claim's transaction")
	// ErrNullKey is wrapped in the [*RowError] of a row with NULL in its key, which would match no row. If a batch has such a
	// row, nothing of the batch was sent.
	ErrNullKey = write.ErrNullKey
	// ErrDuplicateKey is wrapped in the [*RowError] of the later of two rows with the same key under [RefuseDuplicates].
	ErrDuplicateKey = write.ErrDuplicateKey
	// ErrOtherKey is wrapped in the [*RowError] of a row that violates a unique key other than the conflict target, or that meets
	// a stored row whose key is equal only under a collation. dialect.Classify returns UniqueViolation for the error. The text
	// names the columns and, if the database or the library can tell them, the constraint and the values.
	ErrOtherKey = write.ErrOtherKey
)

// TagError says which field's tag [New] refuses, and why.
type TagError struct {
	Type   reflect.Type // the row's type
	Field  string       // the field's path, or "" for the whole type
	Reason string       // what is wrong and what to do about it
}

func (e *TagError) Error() string { return (*mapping.TagError)(e).Error() }

// RowError is an error about a table and, if they are known, a column and a row.
type RowError struct {
	Table  string // as given to New
	Column string // "" if no column is known
	Row    int    // the row's index in the call, from 0; -1 if no row is known
	Err    error

	input bool // the caller's row or sequence is at fault, whatever Err looks like
}

// Class says what can be done about the error. If the caller's rows or sequence caused the error, Class returns Permanent. For
// any other error, Class returns the class that dialect.Classify gives the cause.
func (e *RowError) Class() dialect.Class {
	if e.input {
		return dialect.Permanent
	}
	return dialect.Classify(e.Err)
}

func (e *RowError) Error() string {
	var b strings.Builder
	b.WriteString("upsert: table " + e.Table)
	if e.Row >= 0 {
		fmt.Fprintf(&b, ": row %d", e.Row)
	}
	if e.Column != "" {
		b.WriteString(": column " + e.Column)
	}
	b.WriteString(": " + strings.TrimPrefix(e.Err.Error(), "upsert: "))
	return b.String()
}

// Unwrap returns the cause.
func (e *RowError) Unwrap() error { return e.Err }

// PartialError is returned by a call with [ChunkTx] that failed. The rows that were committed before, if any, stay. The same call
// can simply be repeated, because the repetition leaves the committed rows unchanged.
type PartialError struct {
	Rows   int64  // how many rows were committed, from the first on
	Result Result // their outcomes
	Err    error
}

func (e *PartialError) Error() string {
	return fmt.Sprintf("upsert: stopped after %d committed rows: %s", e.Rows, strings.TrimPrefix(e.Err.Error(), "upsert: "))
}

// Unwrap returns the error that stopped the call.
func (e *PartialError) Unwrap() error { return e.Err }

// fail returns the public form of an error: a *RowError or a *SchemaError. An error that has its public form is returned as it is.
// An error of another table can be the cause of an error, for example if a sequence reads from a call that fails.
func (t *table) fail(err error) error {
	switch err.(type) { //nolint:errorlint // only the outermost error counts
	case nil, *RowError, *SchemaError:
		return err
	}
	err = t.write.Explain(err, -1)
	var wrong *schema.Error
	if errors.As(err, &wrong) {
		return t.schemaError(wrong)
	}
	var known *write.RowError
	errors.As(err, &known)
	public := &RowError{Table: t.name, Column: known.Column, Row: known.Row, Err: err, input: known.Input}
	if _, isOutermost := err.(*write.RowError); isOutermost { //nolint:errorlint // only the outermost error is replaced
		public.Err = known.Err
	}
	return public
}
