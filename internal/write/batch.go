package write

import (
	"errors"
	"reflect"

	"github.com/goupsert/upsert/internal/rowkey"
	"github.com/goupsert/upsert/internal/schema"
	"github.com/goupsert/upsert/internal/statement"
)

// Rows is the rows of a call, by index: a slice, or one row. Each value is addressable or a map.
type Rows struct {
	n     int
	rows  reflect.Value
	one   bool
	first int // the index of the first row in the caller's call
}

// RowsOf returns the rows of a slice. first is the index of the slice's first row in the caller's call.
func RowsOf(slice reflect.Value, first int) Rows {
	return Rows{n: slice.Len(), rows: slice, first: first}
}

func (r *Rows) at(i int) reflect.Value {
	if r.one {
		return r.rows
	}
	return r.rows.Index(i)
}

// batch is the rows of a call while they are sent: checked, with their keys, and in sending order.
type batch struct {
	table *Table
	rows  Rows
	keyed rowkey.Set // one key column for each column of the target
	// passes are row indexes in key order, without two rows of one key in a pass. The n-th pass has the n-th row of each key, so
	// duplicates act as if the rows were sent one by one. Key order keeps concurrent batches from deadlocking (hazard P24). If
	// the call wants the caller's order, a pass is a run of rows that follow one another in the caller's order.
	passes  [][]int32
	inOrder bool
	bound   *batchStatement // the only statement, if the batch is a single statement
	untyped bool            // the driver encodes the values, even if the columns' types are known
	known   *schema.Table   // the answer of the catalog, if this call has asked already
}

func (t *Table) batch(rows Rows) (*batch, error) {
	b := &batch{table: t, rows: rows}
	b.keyed = t.keySet(nil, rows.n)
	for i := range rows.n {
		if err := b.checkRow(i); err != nil {
			return nil, err
		}
	}
	b.passes = b.keyed.Passes(rows.n)
	return b, nil
}

// keySet returns empty keys for this number of rows, in room if room is large enough.
func (t *Table) keySet(room []rowkey.Column, rows int) rowkey.Set {
	return rowkey.Make(room, len(t.rows.keys), rows, t.traits.Values.UTC)
}

// keepOrder puts the rows back into the caller's order.
func (b *batch) keepOrder() {
	b.passes, b.inOrder = b.keyed.InOrder(b.passes, b.rows.n), true
}

// fail returns the error of a row. If the call writes a single row, the error names no row.
func (b *batch) fail(i int, column string, err error) error {
	if i += b.rows.first; b.rows.one {
		i = -1
	}
	return &RowError{Column: column, Row: i, Err: err, Input: !errors.Is(err, ErrOtherKey)}
}

// checkRow encodes the row's key, and returns an error if the key could match no row.
func (b *batch) checkRow(i int) error {
	row := b.rows.at(i)
	if err := b.table.rows.needs.Check(row); err != nil {
		return b.fail(i, "", err)
	}
	for place, c := range b.table.rows.keys {
		key := &b.keyed[place]
		err := b.table.rows.cols[c].Encode(row, key)
		if err == nil {
			err = key.Err
		}
		if errors.Is(err, rowkey.ErrNull) {
			err = ErrNullKey
		}
		if err != nil {
			return b.fail(i, b.table.rows.cols[c].Name, err)
		}
	}
	return nil
}

// findDuplicate returns the first row, in the caller's order, whose key an earlier row has.
func (b *batch) findDuplicate() (row int, ok bool) {
	for _, pass := range b.passes[1:] {
		for _, i := range pass {
			if !ok || int(i) < row {
				row, ok = int(i), true
			}
		}
	}
	return row, ok
}

// batchStatement is one statement's variant, arguments and rows.
type batchStatement struct {
	variant statement.Variant
	args    []any
	rows    []int32
	more    bool // the next statements are known to have the same text
}

// findOmitted returns a mask of the omitzero columns that are zero in the row.
func (b *batch) findOmitted(i int32) (omit uint64) {
	for bit, c := range b.table.spec.Zeros {
		if b.table.rows.cols[c].IsZero(b.rows.at(int(i))) {
			omit |= 1 << bit
		}
	}
	return omit
}
