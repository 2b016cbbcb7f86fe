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
	b.lab.Helper()
	_, err := lab.Table[T](b.lab, "things").Put(b.lab.Context(), b.lab.DB, &row)
	want, ok := lab.AsType[*upsert.RowError](err)
	if !ok {
		b.lab.Fatalf("Put of %+v: %v; want a *RowError", row, err)
	}
	return want
}

// wantRow wants an error like the error of Put, with the given row number.
func (b *bulkLab) wantRow(what string, err error, want *upsert.RowError, row int) {
	b.lab.Helper()
	got, ok := lab.AsType[*upsert.RowError](err)
	if !ok {
		b.lab.Errorf("%s: %v; want a *RowError as %v", what, err, want)
		return
	}
	b.lab.Want(what+": row of "+err.Error(), got.Row, row)
	b.lab.Want(what+": column of "+err.Error(), got.Column, want.Column)
	b.lab.Want(what+": class of "+err.Error(), dialect.Classify(err), dialect.Classify(want))
	b.lab.Want(what+": other key", errors.Is(err, upsert.ErrOtherKey), errors.Is(want, upsert.ErrOtherKey))
	b.lab.Want(what+": SQLSTATE of "+err.Error(), dialect.SQLState(err), dialect.SQLState(want))
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
