package upsert

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/goupsert/upsert/internal/plan"
)

// keyKind is what a key column's values are. Integers are one kind, of int64 and of uint64 above it.
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

// keyColumn is one column of the target in all rows of a batch, of the kind that the first row has: what is compared most is
// in no box.
type keyColumn struct {
	table  *table
	n      int // how many rows there is room for
	kind   keyKind
	ints   []int64
	above  []bool // by row: the integer is a uint64; nil where none is
	floats []float64
	texts  []string
	bytes  [][]byte
	times  []time.Time
	err    error // why the last value cannot be a key

	oneInt  [1]int64 // room for a single row
	oneText [1]string
}

// kindError says that a row's key is of another type than the first row's.
type kindError struct{ got, first keyKind }

func (e *kindError) Error() string {
	return fmt.Sprintf("its key is a %s, but that of the first row a %s: the database may hold them for different (hazard S10)", e.got, e.first)
}

func (k *keyColumn) is(kind keyKind) bool {
	if k.kind == kind {
		return true
	}
	if k.kind != noKey {
		k.err = &kindError{got: kind, first: k.kind}
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

var _ plan.Sink = (*keyColumn)(nil)

// Null implements plan.Sink, as the methods below do.
func (k *keyColumn) Null() { k.err = ErrNullKey }

func (k *keyColumn) Int(v int64) {
	if !k.is(intKey) {
		return
	}
	if k.n == 1 {
		k.ints = k.oneInt[:0]
	}
	k.ints = append(room(k.ints, k.n), v)
	if k.above != nil {
		k.above = append(k.above, false)
	}
}

func (k *keyColumn) Uint(v uint64) {
	if k.Int(int64(v)); k.err != nil {
		return
	}
	if k.above == nil {
		k.above = make([]bool, len(k.ints), k.n)
	}
	k.above[len(k.ints)-1] = true
}

func (k *keyColumn) Float(v float64) {
	switch {
	case math.IsNaN(v):
		k.err = errors.New("NaN cannot be a key: it is NULL to some databases")
	case k.is(floatKey):
		k.floats = append(room(k.floats, k.n), v)
	}
}

func (k *keyColumn) Bool(v bool) {
	if k.is(boolKey) {
		k.ints = append(room(k.ints, k.n), int64(boolInt(v)))
	}
}

func (k *keyColumn) Text(v string) {
	if !k.is(textKey) {
		return
	}
	if k.n == 1 {
		k.texts = k.oneText[:0]
	}
	k.texts = append(room(k.texts, k.n), v)
}

func (k *keyColumn) RawText(v []byte) { k.Text(string(v)) }

func (k *keyColumn) Bytes(v []byte) {
	if k.is(bytesKey) {
		k.bytes = append(room(k.bytes, k.n), v)
	}
}

func (k *keyColumn) Time(v time.Time) {
	if !k.is(timeKey) {
		return
	}
	at := k.table.instant(v)
	if k.table.traits.UTC && k.err == nil {
		k.err = checkYear(at)
	}
	k.times = append(room(k.times, k.n), at)
}

func (k *keyColumn) Other(v any) {
	k.err = fmt.Errorf("a %T cannot be a key: give its type a Value method that returns a number, a string, bytes or a time", v)
}

// compare orders a row's value and one of the same column, or of the same one in other rows. Of two kinds the lesser comes
// first.
func (k *keyColumn) compare(i int32, other *keyColumn, j int32) int {
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
	return cmp.Compare(k.ints[i], other.ints[j]) // those above are negative here, in the same order
}

// give gives a row's value, which is not asked for a second time: a Valuer need not answer the same twice.
func (k *keyColumn) give(i int32, to plan.Sink) {
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

// value returns a row's value in a box, as it is bound.
func (k *keyColumn) value(i int32) any {
	if k.kind == timeKey && k.table.traits.UTC {
		return k.times[i].Format(timeLayout)
	}
	var b plan.Box
	k.give(i, &b)
	return b.V
}

// keyValues returns a row's key in boxes, as the row's type has it.
func (b *batch) keyValues(i int32) []any {
	values := make([]any, len(b.keyed))
	for at := range b.keyed {
		values[at] = b.keyed[at].value(i)
	}
	return values
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
