package upsert

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/goupsert/upsert/dialect"
)

// rowSource is the rows of a call, by index: a slice, or one row. The values are addressable or maps.
type rowSource struct {
	n     int
	rows  reflect.Value
	one   bool
	first int // the index of the first row in the caller's eyes
}

func source[T any](rows []T) rowSource {
	return rowSource{n: len(rows), rows: reflect.ValueOf(rows)}
}

func (r *rowSource) at(i int) reflect.Value {
	if r.one {
		return r.rows
	}
	return r.rows.Index(i)
}

// batch is rows on their way: checked, with their keys, and in the order they are sent in.
type batch struct {
	*table
	rows  rowSource
	keyed []any // each row's key values, len(t.keys) a row
	// waves are row indexes in key order, without two rows of one key in a wave: the n-th wave has the n-th row of each
	// key, so that duplicates act as if the rows were sent one by one. Key order is what keeps concurrent batches from
	// deadlocking (hazard P24).
	waves [][]int32
	bound *statement // the only statement, where the batch is one
}

func (t *table) batch(rows rowSource) (*batch, error) {
	b := &batch{table: t, rows: rows, keyed: make([]any, rows.n*len(t.keys))}
	for i := range rows.n {
		if err := b.checkRow(i); err != nil {
			return nil, err
		}
	}
	return b, b.order()
}

func (b *batch) fail(i int, column string, err error) error {
	if i >= 0 {
		i += b.rows.first
	}
	return &RowError{Table: b.name, Column: column, Row: i, Err: err, input: !errors.Is(err, ErrOtherKey)}
}

// checkRow takes the row's key and refuses what could match no row.
func (b *batch) checkRow(i int) error {
	row := b.rows.at(i)
	if err := b.table.rows.Check(row); err != nil {
		return b.fail(i, "", err)
	}
	for place, c := range b.keys {
		col := b.cols[c]
		v, err := b.value(c, row)
		if err != nil {
			return b.fail(i, col.Name, err)
		}
		if v == nil {
			return b.fail(i, col.Name, ErrNullKey)
		}
		if f, ok := v.(float64); ok && f != f {
			return b.fail(i, col.Name, errors.New("NaN cannot be a key: it is NULL to some databases"))
		}
		if at, ok := v.(time.Time); ok && !b.traits.UTC {
			v = at.Truncate(time.Microsecond) // no server keeps more, and a returned key must be the one that was sent
		}
		if !ordered(v) {
			return b.fail(i, col.Name, fmt.Errorf("a %T cannot be a key: give its type a Value method that returns a number, a string, bytes or a time", v))
		}
		if i > 0 {
			if first := b.keyed[place]; !sameKind(first, v) {
				return b.fail(i, col.Name, fmt.Errorf("its key is a %T, but that of row %d a %T: the database may hold them for different (hazard S10)", v, b.rows.first, first))
			}
		}
		b.keyed[i*len(b.keys)+place] = v
	}
	return nil
}

// value is a column's value as it is bound.
func (t *table) value(col int, row reflect.Value) (any, error) {
	v, err := t.cols[col].Value(row)
	if err != nil {
		return nil, err
	}
	if at, ok := v.(time.Time); ok && t.traits.UTC {
		// Round strips the monotonic clock, which one driver would write into the text.
		if plain := at.UTC().Round(0); plain != at {
			return plain, nil
		}
		return v, nil
	}
	if t.writes[col].Rule == Merge {
		return patchText(v)
	}
	return v, nil
}

// duplicate returns the first row, in the caller's order, whose key an earlier one has.
func (b *batch) duplicate() (row int, ok bool) {
	for _, wave := range b.waves[1:] {
		for _, i := range wave {
			if !ok || int(i) < row {
				row, ok = int(i), true
			}
		}
	}
	return row, ok
}

// statement is one statement's shape, arguments and rows.
type statement struct {
	shape
	args []any
	rows []int32
}

// next makes the next statement from the rows that are left, and says how many it took. buf is room for the arguments.
func (b *batch) next(left []int32, buf []any) (s statement, taken int, err error) {
	if b.bound != nil {
		return *b.bound, len(b.bound.rows), nil
	}
	omit := b.omitted(left[0])
	params := dialect.Params(b.columns(omit))
	limit := min(len(left), b.fit(len(left), params))
	args, size, rows := buf[:0], 0, 0
	removes := false
	for rows < limit && !removes && (rows == 0 || b.omitted(left[rows]) == omit) {
		before := len(args)
		if args, err = b.bind(args, left[rows], omit); err != nil {
			return s, 0, err
		}
		// A patch that removes members goes in a statement of its own.
		if removes = b.removes(args[before:], omit); removes && rows > 0 {
			removes, args = false, args[:before]
			break
		}
		size += sizeOf(args[before:])
		if rows > 0 && size > b.traits.MaxBytes {
			args = args[:before]
			break
		}
		rows++
	}
	rows = b.fit(rows, params)
	return statement{shape: shape{mode: dialect.Write, rows: rows, omit: omit, removes: removes}, args: args[:rows*params], rows: left[:rows]}, rows, nil
}

// omitted returns the mask of the row's omitted columns.
func (b *batch) omitted(i int32) (omit uint64) {
	for bit, c := range b.zeros {
		if b.cols[c].IsZero(b.rows.at(int(i))) {
			omit |= 1 << bit
		}
	}
	return omit
}

// bind appends the row's arguments.
func (b *batch) bind(args []any, i int32, omit uint64) ([]any, error) {
	row := b.rows.at(int(i))
	for c := range b.cols {
		switch {
		case b.writes[c].Now || b.omits(omit, c):
		case b.keyPlace[c] >= 0:
			args = append(args, b.key(i)[b.keyPlace[c]])
		default:
			v, err := b.value(c, row)
			if err != nil {
				return nil, b.fail(int(i), b.cols[c].Name, err)
			}
			args = append(args, v)
		}
	}
	return args, nil
}

// removes reports whether a merge patch among a row's arguments removes members.
func (b *batch) removes(args []any, omit uint64) bool {
	if !b.merges {
		return false
	}
	at := 0
	for c, w := range b.writes {
		if w.Now || b.omits(omit, c) {
			continue
		}
		if w.Rule == Merge && removesMembers(args[at]) {
			return true
		}
		at++
	}
	return false
}

// sizeOf estimates the bytes of values on the wire.
func sizeOf(args []any) int {
	n := 0
	for _, a := range args {
		switch a := a.(type) {
		case string:
			n += len(a)
		case []byte:
			n += len(a)
		default:
			n += 8
		}
	}
	return n
}
