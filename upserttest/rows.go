package upserttest

import (
	"bytes"
	"database/sql/driver"
	"errors"
	"io"
	"reflect"
)

// result is a query's answer, read as a whole. It tells of its columns what the driver's rows tell.
type result struct {
	sets []*resultSet
	set  int // the current one
	row  int
}

type resultSet struct {
	columns []string
	types   []columnType
	rows    [][]driver.Value
}

// columnType is what a driver tells of a column.
type columnType struct {
	scan             reflect.Type
	database         string
	length           int64
	precision, scale int64
	nullable         bool
	hasLength        bool
	hasNullable      bool
	hasDecimal       bool
}

// readRows reads everything and closes the driver's rows, so that the statement is done.
func readRows(rows driver.Rows) (_ driver.Rows, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	all := &result{}
	for {
		set := &resultSet{columns: rows.Columns()}
		for i := range set.columns {
			set.types = append(set.types, typeOf(rows, i))
		}
		all.sets = append(all.sets, set)
		if err := set.read(rows); err != nil {
			return nil, err
		}
		next, ok := rows.(driver.RowsNextResultSet)
		if !ok || !next.HasNextResultSet() {
			return all, nil
		}
		if err := next.NextResultSet(); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
	}
}

func (s *resultSet) read(rows driver.Rows) error {
	for {
		row := make([]driver.Value, len(s.columns))
		switch err := rows.Next(row); {
		case err == io.EOF: //nolint:errorlint // database/sql compares in the same way
			return nil
		case err != nil:
			return err
		}
		for i, v := range row {
			if b, ok := v.([]byte); ok {
				row[i] = bytes.Clone(b) // the driver uses its buffer again
			}
		}
		s.rows = append(s.rows, row)
	}
}

func typeOf(rows driver.Rows, i int) (t columnType) {
	t.scan = reflect.TypeFor[any]()
	if c, ok := rows.(driver.RowsColumnTypeScanType); ok {
		t.scan = c.ColumnTypeScanType(i)
	}
	if c, ok := rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		t.database = c.ColumnTypeDatabaseTypeName(i)
	}
	if c, ok := rows.(driver.RowsColumnTypeLength); ok {
		t.length, t.hasLength = c.ColumnTypeLength(i)
	}
	if c, ok := rows.(driver.RowsColumnTypeNullable); ok {
		t.nullable, t.hasNullable = c.ColumnTypeNullable(i)
	}
	if c, ok := rows.(driver.RowsColumnTypePrecisionScale); ok {
		t.precision, t.scale, t.hasDecimal = c.ColumnTypePrecisionScale(i)
	}
	return t
}

func (r *result) Columns() []string { return r.sets[r.set].columns }
func (r *result) Close() error      { return nil }

func (r *result) Next(dest []driver.Value) error {
	rows := r.sets[r.set].rows
	if r.row >= len(rows) {
		return io.EOF
	}
	copy(dest, rows[r.row])
	r.row++
	return nil
}

func (r *result) HasNextResultSet() bool { return r.set+1 < len(r.sets) }

func (r *result) NextResultSet() error {
	if !r.HasNextResultSet() {
		return io.EOF
	}
	r.set, r.row = r.set+1, 0
	return nil
}

func (r *result) ColumnTypeScanType(i int) reflect.Type { return r.sets[r.set].types[i].scan }

func (r *result) ColumnTypeDatabaseTypeName(i int) string { return r.sets[r.set].types[i].database }

func (r *result) ColumnTypeLength(i int) (int64, bool) {
	t := r.sets[r.set].types[i]
	return t.length, t.hasLength
}

func (r *result) ColumnTypeNullable(i int) (nullable, ok bool) {
	t := r.sets[r.set].types[i]
	return t.nullable, t.hasNullable
}

func (r *result) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	t := r.sets[r.set].types[i]
	return t.precision, t.scale, t.hasDecimal
}
