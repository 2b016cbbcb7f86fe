package bulk_test

import (
	"database/sql/driver"
	"errors"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/lab"
)

// putError returns the error of Put, which every path must return too.
func putError[T any](b *bulkLab, row T) *upsert.RowError {
	b.Helper()
	_, err := lab.Table[T](b.Lab, "things").Put(b.Context(), b.DB, &row)
	want, ok := lab.AsType[*upsert.RowError](err)
	if !ok {
		b.Fatalf("Put of %+v: %v; want a *RowError", row, err)
	}
	return want
}

// wantRow wants an error like the error of Put, with the given row number.
func (b *bulkLab) wantRow(what string, err error, want *upsert.RowError, row int) {
	b.Helper()
	got, ok := lab.AsType[*upsert.RowError](err)
	if !ok {
		b.Errorf("%s: %v; want a *RowError as %v", what, err, want)
		return
	}
	b.Want(what+": row of "+err.Error(), got.Row, row)
	b.Want(what+": column of "+err.Error(), got.Column, want.Column)
	b.Want(what+": class of "+err.Error(), dialect.Classify(err), dialect.Classify(want))
	b.Want(what+": other key", errors.Is(err, upsert.ErrOtherKey), errors.Is(want, upsert.ErrOtherKey))
	b.Want(what+": SQLSTATE of "+err.Error(), dialect.SQLState(err), dialect.SQLState(want))
}

// meanwhile is a column value that calls do when it is read.
type meanwhile struct {
	do func()
	v  string
}

func (m meanwhile) Value() (driver.Value, error) {
	if m.do != nil {
		m.do()
	}
	return m.v, nil
}
