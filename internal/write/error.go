package write

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/schema"
)

// The errors of a row. The package upsert documents them.
var (
	ErrNullKey      = errors.New("the key has a NULL, and a row with NULL in its key never conflicts: give the row a key")
	ErrDuplicateKey = errors.New("an earlier row of the batch has the same key")
	ErrOtherKey     = errors.New("the row conflicts through another unique key than the conflict target, or with a key that is the same only to a collation")
)

// RowError is an error about a column and a row, if they are known.
type RowError struct {
	Column string // "" if no column is known
	Row    int    // the row's index in the call, from 0; -1 if no row is known
	Err    error
	Input  bool // the caller's row or sequence is at fault, whatever Err looks like
}

func (e *RowError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *RowError) Unwrap() error { return e.Err }

// Class returns Permanent if the caller's input caused the error, and otherwise the class of the cause.
func (e *RowError) Class() dialect.Class {
	if e.Input {
		return dialect.Permanent
	}
	return dialect.Classify(e.Err)
}

// Explain returns an error of the database as a *RowError, with what the library knows about the cause. row is the index of the
// statement's only row, or -1. A *RowError and a *schema.Error are returned unchanged.
func (t *Table) Explain(err error, row int) error {
	var known *RowError
	var refused *schema.Error
	if err == nil || errors.As(err, &known) || errors.As(err, &refused) {
		return err
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
	return &RowError{Column: column, Row: row, Err: err}
}

// textError replaces the text of an error.
type textError struct {
	err  error
	text string
}

func (e *textError) Error() string { return e.text }
func (e *textError) Unwrap() error { return e.err }

// hintOf says what to do if the schema or the options caused the error, and returns "" for any other error.
func (t *Table) hintOf(err error) string {
	if !dialect.Speaks(t.spec.Dialect, err) || dialect.IsSyntax(err) {
		return "New was given the dialect " + t.spec.Dialect.Name() + ", which the server may not speak: dialect.Detect tells the server's"
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
