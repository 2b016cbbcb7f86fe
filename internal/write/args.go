package write

import (
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/mapping"
	"github.com/goupsert/upsert/internal/rowtext"
	"github.com/goupsert/upsert/internal/schema"
)

// argEncoder collects the arguments of a statement. It implements mapping.Encoder.
type argEncoder struct {
	table   *Table
	args    []any
	size    int             // about how many bytes the arguments take on the wire
	merge   bool            // the current column is a merge patch
	removes bool            // a merge patch removes members
	wide    bool            // an integer is too large for a float to hold exactly, and a column may make it a float
	times   strings.Builder // the texts of times, in one piece of memory for many rows
	native  schema.Native   // of the current column
	text    *rowtext.Writer
	err     error
}

var _ mapping.Encoder = (*argEncoder)(nil)

func (b *argEncoder) append(v any, size int) {
	b.args, b.size = append(b.args, v), b.size+size
}

// addText binds the text that write writes.
func (b *argEncoder) addText(write func(*rowtext.Writer)) {
	if b.text == nil {
		b.text = rowtext.New(rowtext.Plain)
	}
	b.text.Reset()
	write(b.text)
	b.Text(string(b.text.Buf))
}

// Null implements mapping.Encoder, as the methods below do.
func (b *argEncoder) Null()       { b.append(nil, 1) }
func (b *argEncoder) Other(v any) { b.append(v, 8) }

// Int binds text if the integer is not native to the column. Int sets wide because a REAL column of SQLite may round a large
// integer.
func (b *argEncoder) Int(v int64) {
	const exact = 1 << 53
	b.wide = b.wide || (v > exact || v < -exact) && b.table.traits.Values.UTC
	if b.native.TakesInt(v) {
		b.append(v, 8)
	} else {
		b.Text(strconv.FormatInt(v, 10))
	}
}

// Float binds text if the number is not native to the column. If the database would store NaN as NULL, Float sets an error.
func (b *argEncoder) Float(v float64) {
	if b.table.traits.Values.NullNaN && math.IsNaN(v) && b.err == nil {
		b.err = errors.New("NaN would be stored as NULL: use a pointer or sql.Null for what may be missing")
	}
	if b.native.TakesFloat(v) {
		b.append(v, 8)
	} else {
		b.addText(func(w *rowtext.Writer) { w.Float(v) })
	}
}

// Bool binds text if a boolean is not native to the column.
func (b *argEncoder) Bool(v bool) {
	if b.native.TakesBool() {
		b.append(v, 1)
	} else {
		b.Text(strconv.FormatBool(v))
	}
}

// Time binds text if the time is not native to the column, and on a database that stores times as text (hazard S18).
func (b *argEncoder) Time(v time.Time) {
	v = mapping.Instant(v, b.table.traits.Values.UTC)
	switch {
	case b.table.traits.Values.UTC:
		b.addTime(v)
	case b.native == schema.NativeAll:
		b.append(v, 27)
	case b.native.TakesTime(v):
		b.append(v.UTC(), 27)
	default:
		b.addText(func(w *rowtext.Writer) { w.Time(v) })
	}
}

// addTime binds the text of a time.
func (b *argEncoder) addTime(at time.Time) {
	if err := mapping.CheckYear(at); b.err == nil {
		b.err = err
	}
	var room [len(mapping.TimeLayout)]byte
	start := b.times.Len()
	b.times.Write(at.AppendFormat(room[:0], mapping.TimeLayout))
	b.append(b.times.String()[start:], len(mapping.TimeLayout))
}

// Uint binds text on PostgreSQL, because PostgreSQL has no unsigned type and reads the text as the column's type, and because
// database/sql would refuse a large uint64.
func (b *argEncoder) Uint(v uint64) {
	if b.table.traits.Typed {
		b.Text(strconv.FormatUint(v, 10))
	} else {
		b.append(v, 8)
	}
}

// Text binds the text's bytes if the column holds bytes.
func (b *argEncoder) Text(v string) {
	switch b.native {
	case schema.NativeBytes:
		b.append([]byte(v), len(v))
		return
	case schema.NativeHex:
		b.addHex([]byte(v))
		return
	}
	if b.merge && b.err == nil {
		b.err = mapping.CheckPatch(v)
		b.removes = b.removes || mapping.RemovesMembers(v)
	}
	b.append(v, len(v))
}

func (b *argEncoder) RawText(v []byte) { b.Text(string(v)) }

// Bytes binds text for a merge patch, because some databases take no bytes for JSON.
func (b *argEncoder) Bytes(v []byte) {
	switch {
	case b.native == schema.NativeHex:
		b.addHex(v)
	case b.merge || !b.native.TakesBytes():
		b.Text(string(v))
	default:
		b.append(v, len(v))
	}
}

func (b *argEncoder) addHex(v []byte) {
	w := rowtext.New(rowtext.Plain)
	w.Hex = true
	w.Bytes(v)
	b.append(string(w.Buf), len(w.Buf))
}

// encodeArgs appends the arguments of a row.
func (k *keyedRows) encodeArgs(to *argEncoder, i int32, omit uint64) error {
	row, known := k.rows.at(int(i)), k.typesKnown()
	for c := range k.table.rows.cols {
		if !k.table.stmts.Sends(omit, c) {
			continue
		}
		to.merge, to.native = k.table.spec.Writes[c].Rule == dialect.Merge, known.Native(c)
		if err := k.encodeOne(to, i, c, row, &to.err); err != nil {
			return err
		}
	}
	return nil
}

// keyArgs returns a row's key as arguments.
func (k *keyedRows) keyArgs(i int32) []any {
	to, known := argEncoder{table: k.table}, k.table.catalog.Kept()
	for place, c := range k.table.rows.keys {
		to.native = known.Native(c)
		k.keyed[place].Encode(i, &to)
	}
	return to.args
}

// typesKnown returns the catalog by which arguments are encoded, or nil if the driver encodes them.
func (k *keyedRows) typesKnown() *schema.Table {
	if k.untyped {
		return nil
	}
	return k.table.catalog.Kept()
}

// encodeOne gives the value of a row's column to an encoder. If the encoder refuses the value, it leaves the reason in failed.
func (k *keyedRows) encodeOne(to mapping.Encoder, i int32, c int, row reflect.Value, failed *error) error {
	var err error
	if place := k.table.rows.keyPlace[c]; place >= 0 {
		k.keyed[place].Encode(i, to)
	} else {
		err = k.table.rows.cols[c].Encode(row, to)
	}
	if err == nil {
		err = *failed
	}
	if err != nil {
		return k.fail(int(i), k.table.rows.cols[c].Name, err)
	}
	return nil
}
