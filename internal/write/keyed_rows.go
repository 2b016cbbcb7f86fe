package write

import (
	"errors"
	"reflect"

	"github.com/goupsert/upsert/internal/rowkey"
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

// keyedRows is the rows of a call with their keys. A single row and a batch have this in common.
type keyedRows struct {
	table   *Table
	rows    Rows
	keyed   rowkey.Set // one key column for each column of the target
	untyped bool       // the driver encodes the values, even if the columns' types are known
}

// keySet returns empty keys for this number of rows, in room if room is large enough.
func (t *Table) keySet(room []rowkey.Column, rows int) rowkey.Set {
	return rowkey.Make(room, len(t.rows.keys), rows, t.traits.Values.UTC)
}

// fail returns the error of a row. If the call writes a single row, the error names no row.
func (k *keyedRows) fail(i int, column string, err error) error {
	if i += k.rows.first; k.rows.one {
		i = -1
	}
	return &RowError{Column: column, Row: i, Err: err, Input: !errors.Is(err, ErrOtherKey)}
}

// checkRow encodes the row's key, and returns an error if the key could match no row.
func (k *keyedRows) checkRow(i int) error {
	row := k.rows.at(i)
	if err := k.table.rows.needs.Check(row); err != nil {
		return k.fail(i, "", err)
	}
	for place, c := range k.table.rows.keys {
		key := &k.keyed[place]
		err := k.table.rows.cols[c].Encode(row, key)
		if err == nil {
			err = key.Err
		}
		if errors.Is(err, rowkey.ErrNull) {
			err = ErrNullKey
		}
		if err != nil {
			return k.fail(i, k.table.rows.cols[c].Name, err)
		}
	}
	return nil
}

// findOmitted returns a mask of the omitzero columns that are zero in the row.
func (k *keyedRows) findOmitted(i int32) (omit uint64) {
	for bit, c := range k.table.spec.Zeros {
		if k.table.rows.cols[c].IsZero(k.rows.at(int(i))) {
			omit |= 1 << bit
		}
	}
	return omit
}
