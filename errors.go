package upsert

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/mapping"
	"github.com/goupsert/upsert/internal/schema"
)

var (
	// ErrUnguarded is returned by every verb if the table has an Add column and the handle is not a live [Claim], before any
	// statement is sent. The reason: adding is not repeat-safe, and if an answer is lost, database/sql sends a statement twice.
	ErrUnguarded = errors.New("a column of rule add needs a claim: call it inside one, with the claim's transaction")
	// ErrNullKey is wrapped in the [*RowError] of a row with NULL in its key, which would match no row. If a batch has such a
	// row, nothing of the batch was sent.
	ErrNullKey = errors.New("NULL in the key: a row with it is never the same row")
	// ErrDuplicateKey is wrapped in the [*RowError] of the later of two rows with the same key under [RefuseDuplicates].
	ErrDuplicateKey = errors.New("an earlier row of the batch has the same key")
	// ErrOtherKey is wrapped in the [*RowError] of a row that violates a unique key other than the conflict target, or that meets
	// a stored row whose key is equal only under a collation. dialect.Classify returns UniqueViolation for the error. The text
	// names the columns and, if the database or the library can tell them, the constraint and the values.
	ErrOtherKey = errors.New("the row conflicts through another unique key than the conflict target, or with a key that is the same only to a collation")
)

// TagError says which field's tag [New] refuses, and why.
type TagError = mapping.TagError

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

// fail wraps an error of the database in a RowError. row is the index of the statement's only row, or -1.
func (t *table) fail(err error, row int) error {
	var known *RowError
	var refused *SchemaError
	if err == nil || errors.As(err, &known) || errors.As(err, &refused) {
		return err
	}
	var wrong *schema.Error
	if errors.As(err, &wrong) {
		return t.schemaError(wrong)
	}
	var several *failedStatement
	if errors.As(err, &several) {
		several.batch, several.rows = nil, nil // a caller that keeps the error must not keep the rows in memory with it
	}
	column := dialect.ErrorColumn(err)
	if detail := dialect.ErrorDetail(err); detail != "" {
		err = fmt.Errorf("%w: %s", err, detail)
	}
	var met *otherKeyError
	if errors.As(err, &met) {
		// Nothing to add: err names the columns already.
	} else if isOtherKey(err) || dialect.Classify(err) == dialect.UniqueViolation {
		err = &otherKeyError{err: err, target: t.spec.Target.Columns}
	} else if hint := t.hintOf(err); hint != "" {
		err = fmt.Errorf("%w (%s)", err, hint)
	}
	if text := dialect.WithoutAlias(err.Error(), t.name); text != err.Error() {
		err = &textError{err: err, text: text}
	}
	return &RowError{Table: t.name, Column: column, Row: row, Err: err}
}

// textError replaces the text of an error.
type textError struct {
	err  error
	text string
}

func (e *textError) Error() string { return e.text }
func (e *textError) Unwrap() error { return e.err }

// hintOf says what to do if the schema or the options caused the error, and returns "" for any other error.
func (t *table) hintOf(err error) string {
	if !dialect.Speaks(t.dialect, err) || dialect.IsSyntax(err) {
		return "New was given the dialect " + t.dialect.Name() + ", which the server may not speak: dialect.Detect tells the server's"
	}
	switch dialect.SQLState(err) {
	case "42P10":
		return "no unique index has exactly the key's columns: create one, or name its predicate with IndexWhere"
	case "42704":
		return "OnConstraint takes the name of a constraint, not of an index: leave it out to infer the target from the key's columns"
	case "42883":
		return "a column's type cannot be compared: use jsonb for json, or json.RawMessage for the field"
	case "55000":
		return "a deferrable constraint cannot arbitrate a conflict: make it NOT DEFERRABLE"
	case "42809":
		return "an exclusion constraint cannot arbitrate an update"
	}
	if strings.Contains(err.Error(), "ON CONFLICT clause does not match") {
		return "no unique index has exactly the key's columns: create one, or name its predicate with IndexWhere"
	}
	return ""
}
