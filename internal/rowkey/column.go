// Package rowkey holds the keys of a batch's rows: it compares the keys, sorts the rows by them, and finds a row by its key.
package rowkey

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/goupsert/upsert/internal/mapping"
)

// keyKind is the kind of a key column's values. Integers are one kind, for int64 and for uint64 above the greatest int64.
type keyKind uint8

const (
	noKey keyKind = iota
	intKey
	floatKey
	boolKey
	textKey
	bytesKey
	timeKey
)

func (k keyKind) String() string {
	return [...]string{"nothing", "int64", "float64", "bool", "string", "[]uint8", "time.Time"}[k]
}

// Column is one column of the conflict target in all rows of a batch. The first row's value decides the column's kind, so that
// the values that are compared most often are not boxed. The rows' values are encoded to the Column one after the other. Err
// says why the last value cannot be a key.
type Column struct {
	UTC  bool // times are stored as text in UTC
	Rows int  // how many rows to allocate room for
	Err  error

	kind   keyKind
	ints   []int64
	above  []bool // by row: the integer is above the greatest int64; nil if no integer is
	floats []float64
	texts  []string
	bytes  [][]byte
	times  []time.Time

	oneInt  [1]int64 // room for a single row
	oneText [1]string
}

// ErrNull is the Err of a column after a NULL.
var ErrNull = errors.New("NULL in the key")

// kindError says that a row's key has another type than the first row's key.
type kindError struct{ got, first keyKind }

func (e *kindError) Error() string {
	return fmt.Sprintf("its key is a %s, but that of the first row a %s: the database may hold them for different (hazard S10)", e.got, e.first)
}

func (k *Column) is(kind keyKind) bool {
	if k.kind == kind {
		return true
	}
	if k.kind != noKey {
		k.Err = &kindError{got: kind, first: k.kind}
		return false
	}
	k.kind = kind
	return true
}

func room[T any](s []T, n int) []T {
	if s == nil {
		return make([]T, 0, n)
	}
	return s
}

var _ mapping.Encoder = (*Column)(nil)

// Null implements mapping.Encoder.
func (k *Column) Null() { k.Err = ErrNull }

// Int implements mapping.Encoder.
func (k *Column) Int(v int64) {
	if !k.is(intKey) {
		return
	}
	if k.Rows == 1 {
		k.ints = k.oneInt[:0]
	}
	k.ints = append(room(k.ints, k.Rows), v)
	if k.above != nil {
		k.above = append(k.above, false)
	}
}

// Uint implements mapping.Encoder.
func (k *Column) Uint(v uint64) {
	if k.Int(int64(v)); k.Err != nil {
		return
	}
	if k.above == nil {
		k.above = make([]bool, len(k.ints), k.Rows)
	}
	k.above[len(k.ints)-1] = true
}

// Float implements mapping.Encoder.
func (k *Column) Float(v float64) {
	switch {
	case math.IsNaN(v):
		k.Err = errors.New("NaN cannot be a key: it is NULL to some databases")
	case k.is(floatKey):
		k.floats = append(room(k.floats, k.Rows), v)
	}
}

// Bool implements mapping.Encoder.
func (k *Column) Bool(v bool) {
	if k.is(boolKey) {
		k.ints = append(room(k.ints, k.Rows), int64(boolInt(v)))
	}
}

// Text implements mapping.Encoder.
func (k *Column) Text(v string) {
	if !k.is(textKey) {
		return
	}
	if k.Rows == 1 {
		k.texts = k.oneText[:0]
	}
	k.texts = append(room(k.texts, k.Rows), v)
}

// RawText implements mapping.Encoder.
func (k *Column) RawText(v []byte) { k.Text(string(v)) }

// Bytes implements mapping.Encoder.
func (k *Column) Bytes(v []byte) {
	if k.is(bytesKey) {
		k.bytes = append(room(k.bytes, k.Rows), v)
	}
}

// Time implements mapping.Encoder.
func (k *Column) Time(v time.Time) {
	if !k.is(timeKey) {
		return
	}
	at := mapping.Instant(v, k.UTC)
	if k.UTC && k.Err == nil {
		k.Err = mapping.CheckYear(at)
	}
	k.times = append(room(k.times, k.Rows), at)
}

// Other implements mapping.Encoder.
func (k *Column) Other(v any) {
	k.Err = fmt.Errorf("a %T cannot be a key: give its type a Value method that returns a number, a string, bytes or a time", v)
}

// Compare compares a row's value with a value of the same column, in the same rows or in other rows. If the kinds differ, the
// lesser kind comes first.
func (k *Column) Compare(i int32, other *Column, j int32) int {
	if k.kind != other.kind {
		return cmp.Compare(k.kind, other.kind)
	}
	switch k.kind {
	case textKey:
		return cmp.Compare(k.texts[i], other.texts[j])
	case bytesKey:
		return bytes.Compare(k.bytes[i], other.bytes[j])
	case timeKey:
		return k.times[i].Compare(other.times[j])
	case floatKey:
		return cmp.Compare(k.floats[i], other.floats[j])
	}
	a, b := k.above != nil && k.above[i], other.above != nil && other.above[j]
	if a != b {
		return boolInt(a) - boolInt(b)
	}
	return cmp.Compare(k.ints[i], other.ints[j]) // integers above the greatest int64 are negative here, in the same order
}

// Encode encodes a row's value from the Column. The row is not asked a second time, because a Valuer may return another value
// then.
func (k *Column) Encode(i int32, to mapping.Encoder) {
	switch k.kind {
	case textKey:
		to.Text(k.texts[i])
	case bytesKey:
		to.Bytes(k.bytes[i])
	case timeKey:
		to.Time(k.times[i])
	case floatKey:
		to.Float(k.floats[i])
	case boolKey:
		to.Bool(k.ints[i] != 0)
	default:
		if k.above != nil && k.above[i] {
			to.Uint(uint64(k.ints[i]))
		} else {
			to.Int(k.ints[i])
		}
	}
}

// Value returns a row's value in the form in which it is bound.
func (k *Column) Value(i int32) any {
	if k.kind == timeKey && k.UTC {
		return k.times[i].Format(mapping.TimeLayout)
	}
	var e mapping.AnyEncoder
	k.Encode(i, &e)
	return e.V
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// FirstZero returns the first row whose value a column of numbers would store as 0, or -1.
func (k *Column) FirstZero() int {
	switch k.kind {
	case intKey, boolKey:
		return firstOf(k.ints, func(v int64) bool { return v == 0 })
	case floatKey:
		return firstOf(k.floats, func(v float64) bool { return math.RoundToEven(v) == 0 })
	case textKey:
		return firstOf(k.texts, isZeroText)
	case bytesKey:
		return firstOf(k.bytes, func(v []byte) bool { return isZeroText(string(v)) })
	}
	return -1
}

func firstOf[V any](values []V, is func(V) bool) int {
	for i, v := range values {
		if is(v) {
			return i
		}
	}
	return -1
}

func isZeroText(s string) bool {
	if s = strings.TrimSpace(s); s == "" || s[0] != '0' && s[0] != '.' && s[0] != '+' && s[0] != '-' {
		return false
	}
	v, err := strconv.ParseFloat(s, 64)
	return err == nil && math.Abs(v) < 0.5
}
