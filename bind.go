package upsert

import (
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goupsert/upsert/internal/mapping"
	"github.com/goupsert/upsert/internal/rowtext"
)

// binder is the arguments of a statement while they are gathered.
type binder struct {
	table   *table
	args    []any
	size    int             // about how many bytes they are on the wire
	merge   bool            // the column at hand is a merge patch
	removes bool            // a merge patch removes members
	wide    bool            // an integer is beyond what a float holds, and there are columns that make it one
	times   strings.Builder // the texts of times: one piece of memory for many rows
	native  native          // of the column at hand
	text    *rowtext.Writer
	err     error
}

var _ mapping.Encoder = (*binder)(nil)

func (b *binder) add(v any, size int) {
	b.args, b.size = append(b.args, v), b.size+size
}

// native is the Go values that drivers encode for a column as PostgreSQL would read their text. Of all others each driver, and each
// mode of pgx, makes something else, so they are bound as the text that the paths Arrays and Copy write.
type native uint8

const (
	nativeAll native = iota // the column's type is not known, or the database is another
	nativeText
	nativeInt2
	nativeInt4
	nativeInt8
	nativeFloat8
	nativeBool
	nativeTime
	nativeBytes
	nativeHex // no value: a domain over bytea, for which lib/pq takes text and pgx guesses
)

// nativeOf returns what is native to a type of PostgreSQL.
func nativeOf(h held) native {
	switch h.name {
	case "smallint":
		return nativeInt2
	case "integer":
		return nativeInt4
	case "bigint":
		return nativeInt8
	case "double precision":
		return nativeFloat8
	case "boolean":
		return nativeBool
	case "timestamp with time zone":
		return nativeTime
	case "bytea":
		return nativeBytes
	}
	if h.base == "bytea" {
		return nativeHex
	}
	return nativeText
}

// addText binds what write writes.
func (b *binder) addText(write func(*rowtext.Writer)) {
	if b.text == nil {
		b.text = rowtext.New(rowtext.Plain)
	}
	b.text.Reset()
	write(b.text)
	b.Text(string(b.text.Buf))
}

// Null implements mapping.Encoder, as the methods below do.
func (b *binder) Null()       { b.add(nil, 1) }
func (b *binder) Other(v any) { b.add(v, 8) }

// Int is text if the column has not the room, which pgx would say in an error of its own. A REAL column of SQLite's may round an
// integer.
func (b *binder) Int(v int64) {
	const exact = 1 << 53
	b.wide = b.wide || (v > exact || v < -exact) && b.table.traits.UTC
	fits := false
	switch b.native {
	case nativeAll, nativeInt8:
		fits = true
	case nativeInt4:
		fits = v == int64(int32(v))
	case nativeInt2:
		fits = v == int64(int16(v))
	}
	if fits {
		b.add(v, 8)
	} else {
		b.Text(strconv.FormatInt(v, 10))
	}
}

// Float is text if it is no number or the zero below zero, which pgx's simple protocol writes without quotes. It refuses what
// would be stored as NULL.
func (b *binder) Float(v float64) {
	if b.table.traits.NullNaN && math.IsNaN(v) && b.err == nil {
		b.err = errors.New("NaN would be stored as NULL: use a pointer or sql.Null for what may be missing")
	}
	isPlain := !math.IsNaN(v) && !math.IsInf(v, 0) && (v != 0 || !math.Signbit(v))
	if b.native == nativeAll || b.native == nativeFloat8 && isPlain {
		b.add(v, 8)
	} else {
		b.addText(func(w *rowtext.Writer) { w.Float(v) })
	}
}

// Bool is what a boolean column and a text one both take.
func (b *binder) Bool(v bool) {
	if b.native == nativeAll || b.native == nativeBool {
		b.add(v, 1)
	} else {
		b.Text(strconv.FormatBool(v))
	}
}

// Time is text in years that drivers write in ways of their own, and on a database that stores it as text (hazard S18).
func (b *binder) Time(v time.Time) {
	v = mapping.Instant(v, b.table.traits.UTC)
	switch year := v.Year(); {
	case b.table.traits.UTC:
		b.addTime(v)
	case b.native == nativeAll:
		b.add(v, 27)
	case b.native == nativeTime && year > 0 && year < 9999:
		b.add(v.UTC(), 27)
	default:
		b.addText(func(w *rowtext.Writer) { w.Time(v) })
	}
}

// addTime binds the text of a time.
func (b *binder) addTime(at time.Time) {
	if err := mapping.CheckYear(at); b.err == nil {
		b.err = err
	}
	var room [len(mapping.TimeLayout)]byte
	start := b.times.Len()
	b.times.Write(at.AppendFormat(room[:0], mapping.TimeLayout))
	b.add(b.times.String()[start:], len(mapping.TimeLayout))
}

// Uint is text to PostgreSQL, which has no such type and reads it as the column's; database/sql would refuse it.
func (b *binder) Uint(v uint64) {
	if b.table.traits.Typed {
		b.Text(strconv.FormatUint(v, 10))
	} else {
		b.add(v, 8)
	}
}

// Text that goes into a column of bytes is these bytes.
func (b *binder) Text(v string) {
	switch b.native {
	case nativeBytes:
		b.add([]byte(v), len(v))
		return
	case nativeHex:
		b.addHex([]byte(v))
		return
	}
	if b.merge && b.err == nil {
		b.err = checkPatch(v)
		b.removes = b.removes || removesMembers(v)
	}
	b.add(v, len(v))
}

func (b *binder) RawText(v []byte) { b.Text(string(v)) }

// Bytes that are a merge patch are text, for some databases take no bytes for JSON.
func (b *binder) Bytes(v []byte) {
	switch {
	case b.native == nativeHex:
		b.addHex(v)
	case b.merge || b.native != nativeAll && b.native != nativeBytes:
		b.Text(string(v))
	default:
		b.add(v, len(v))
	}
}

func (b *binder) addHex(v []byte) {
	w := rowtext.New(rowtext.Plain)
	w.Hex = true
	w.Bytes(v)
	b.add(string(w.Buf), len(w.Buf))
}

// bind appends the arguments of a row.
func (b *batch) bind(to *binder, i int32, omit uint64) error {
	row, known := b.rows.at(int(i)), b.typesKnown()
	for c := range b.cols {
		if !b.sends(omit, c) {
			continue
		}
		to.merge, to.native = b.writes[c].Rule == Merge, known.native(c)
		if err := b.encodeOne(to, i, c, row, &to.err); err != nil {
			return err
		}
	}
	return nil
}

// keyArgs returns a row's key as arguments.
func (b *batch) keyArgs(i int32) []any {
	to, known := binder{table: b.table}, b.catalog.Load()
	for place, c := range b.keys {
		to.native = known.native(c)
		b.keyed[place].Encode(i, &to)
	}
	return to.args
}

// typesKnown is what the arguments are encoded by.
func (b *batch) typesKnown() *catalog {
	if b.untyped {
		return nil
	}
	return b.catalog.Load()
}

// encodeOne gives the value of a row's column to an encoder, which leaves what it has against it in failed.
func (b *batch) encodeOne(to mapping.Encoder, i int32, c int, row reflect.Value, failed *error) error {
	var err error
	if place := b.keyPlace[c]; place >= 0 {
		b.keyed[place].Encode(i, to)
	} else {
		err = b.cols[c].Encode(row, to)
	}
	if err == nil {
		err = *failed
	}
	if err != nil {
		return b.fail(int(i), b.cols[c].Name, err)
	}
	return nil
}
