// Package rowtext writes values as the texts in which databases take many rows: the elements of PostgreSQL's arrays, and the
// lines of COPY and of LOAD DATA. It neither boxes a value nor allocates for one, except for the buffer that it writes to.
package rowtext

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Style says what a text is for.
type Style int

const (
	// Array: the elements of a PostgreSQL array (its manual, "Array Input and Output Syntax").
	Array Style = iota
	// Copy: PostgreSQL's COPY in text format (its manual, COPY, "Text Format").
	Copy
	// Load: LOAD DATA with tabs between fields; a backslash escapes a tab.
	Load
	// Plain: a value by itself, as PostgreSQL reads a parameter's text.
	Plain
)

// Numbers says how a column takes numbers from LOAD DATA, which gives the server text.
type Numbers int

const (
	// AnyNumbers: the column takes a number as text.
	AnyNumbers Numbers = iota
	// RoundedNumbers: the column holds integers. The server rounds a number half to even, and a text half up.
	RoundedNumbers
	// YearNumbers: a YEAR cuts the digits after a number's point, and takes the text 0 as 2000.
	YearNumbers
	// WholeNumbers: the number is a position. If the number is not whole, Float refuses it, because a position cannot be rounded.
	WholeNumbers
	// NoNumbers: numbers are refused, because the column would take the text of a number for another value.
	NoNumbers
)

// Writer appends values to Buf. A Writer is an encoder of package mapping.
type Writer struct {
	Buf []byte
	// Hex: the column holds bytes, so bytes are written in hexadecimal, in the form that PostgreSQL's bytea reads or, for Load,
	// in the form that UNHEX reads. For other columns bytes are text.
	Hex bool
	// HexText: text is written in hexadecimal too. For Load, the text of a number, a boolean or a time is as well.
	HexText bool
	// HexNumber: numbers are written in hexadecimal too, as the eight bytes from which MySQL's BIT reads a number. HexNumber is
	// for Load.
	HexNumber bool
	// Numbers says how the column takes numbers from LOAD DATA.
	Numbers Numbers
	// Zone is the zone in which times are written for Load.
	Zone *time.Location
	// Err is set by a value that has no text. Nothing is written for such a value.
	Err error

	style Style
	mark  int
}

// UnknownError says that a value has a type that only a driver knows.
type UnknownError struct{ Value any }

func (e *UnknownError) Error() string {
	return fmt.Sprintf("a %T has no text that this package knows: use Via(Values), or give the type a Value method", e.Value)
}

// New returns a writer of a style.
func New(s Style) *Writer { return &Writer{style: s, Zone: time.UTC} }

// Reset empties Buf, keeps its memory, and clears Err.
func (w *Writer) Reset() { w.Buf, w.Err = w.Buf[:0], nil }

// Null implements mapping.Encoder, as the methods below do.
func (w *Writer) Null() {
	if w.style == Array {
		w.Buf = append(w.Buf, "NULL"...)
	} else {
		w.Buf = append(w.Buf, `\N`...)
	}
}

// Int writes a number.
func (w *Writer) Int(v int64) {
	switch {
	case w.HexNumber:
		w.Uint(uint64(v))
	case w.Numbers == NoNumbers:
		w.refuseNumber(v)
	case w.Numbers == YearNumbers && v == 0:
		w.Buf = append(w.Buf, "0000"...)
	default:
		defer w.hexFrom(len(w.Buf))
		w.Buf = strconv.AppendInt(w.Buf, v, 10)
	}
}

func (w *Writer) refuseNumber(v any) {
	w.Err = fmt.Errorf("%v is a number, which a column of this type takes for another value by this path: use Via(Values)", v)
}

// Uint writes a number.
func (w *Writer) Uint(v uint64) {
	if w.HexNumber {
		var bytes [8]byte
		binary.BigEndian.PutUint64(bytes[:], v)
		hex(w, bytes[:])
		return
	}
	if w.Numbers == NoNumbers {
		w.refuseNumber(v)
		return
	}
	defer w.hexFrom(len(w.Buf))
	w.Buf = strconv.AppendUint(w.Buf, v, 10)
}

// hexFrom rewrites the text from start on in hexadecimal, for a column of bytes that LOAD DATA fills.
func (w *Writer) hexFrom(start int) {
	if w.style != Load || !w.HexText || w.HexNumber {
		return
	}
	text := string(w.Buf[start:])
	w.Buf = w.Buf[:start]
	hex(w, text)
}

// Float writes the shortest text that is read as the same number, as lib/pq does. MySQL has no infinity and no NaN.
func (w *Writer) Float(v float64) {
	switch {
	case w.HexNumber && (v != math.Trunc(v) || math.Abs(v) > 1<<53):
		w.Err = fmt.Errorf("%v is no whole number, which is all that a BIT column takes by this path: use Via(Values)", v)
	case w.HexNumber:
		w.Int(int64(v))
	case w.style == Load && (math.IsInf(v, 0) || math.IsNaN(v)):
		w.Err = fmt.Errorf("%v is no number to this database", v)
	case w.Numbers == NoNumbers, w.Numbers == WholeNumbers && v != math.Trunc(v):
		w.refuseNumber(v)
	case w.Numbers == YearNumbers && math.Abs(v) < 1<<63: // as the server cuts a parameter
		w.Int(int64(v))
	case w.Numbers != AnyNumbers && math.Abs(v) < 1<<63: // as the server rounds a parameter
		w.Int(int64(math.RoundToEven(v)))
	case w.style == Load:
		start := len(w.Buf)
		w.Buf = appendLoadFloat(w.Buf, v)
		w.hexFrom(start)
	case math.IsInf(v, 1):
		w.Buf = append(w.Buf, "+Inf"...)
	case math.IsInf(v, -1):
		w.Buf = append(w.Buf, "-Inf"...)
	default:
		w.Buf = strconv.AppendFloat(w.Buf, v, 'f', -1, 64)
	}
}

// appendLoadFloat writes a number as the servers do when they turn a number into text.
func appendLoadFloat(b []byte, v float64) []byte {
	if a := math.Abs(v); a == 0 || a >= 1e-5 && a < 1e15 {
		return strconv.AppendFloat(b, v, 'f', -1, 64)
	}
	mantissa := len(b)
	b = strconv.AppendFloat(b, v, 'e', -1, 64)
	for i := mantissa; i < len(b); i++ {
		if b[i] == 'e' && b[i+1] == '+' {
			return append(b[:i+1], b[i+2:]...)
		}
	}
	return b
}

// Bool writes a text that both a boolean column and a text column accept, or for Load the number of the boolean.
func (w *Writer) Bool(v bool) {
	switch {
	case w.style != Load:
		w.Buf = strconv.AppendBool(w.Buf, v)
	case v:
		w.Int(1)
	default:
		w.Int(0)
	}
}

// Text writes any text. The server has to refuse a NUL.
func (w *Writer) Text(v string) {
	if w.HexText {
		hex(w, v)
	} else {
		text(w, v)
	}
}

// RawText writes text.
func (w *Writer) RawText(v []byte) {
	if w.HexText {
		hex(w, v)
	} else {
		text(w, v)
	}
}

// Bytes writes bytes, which are text for columns other than bytea.
func (w *Writer) Bytes(v []byte) {
	if w.Hex {
		hex(w, v)
	} else {
		text(w, v)
	}
}

func hex[S string | []byte](w *Writer, v S) {
	const digits = "0123456789abcdef"
	if w.style == Array {
		w.Buf = append(w.Buf, '"')
	}
	switch w.style {
	case Array, Copy:
		w.Buf = append(w.Buf, `\\x`...)
	case Plain:
		w.Buf = append(w.Buf, `\x`...)
	}
	for i := range len(v) {
		w.Buf = append(w.Buf, digits[v[i]>>4], digits[v[i]&15])
	}
	if w.style == Array {
		w.Buf = append(w.Buf, '"')
	}
}

// Other refuses the value: Other sets Err to an [*UnknownError].
func (w *Writer) Other(v any) { w.Err = &UnknownError{v} }

// text writes text and escapes a byte if the byte would end the value.
func text[S string | []byte](w *Writer, v S) {
	b := w.Buf
	if w.style == Array {
		b = append(b, '"')
	}
	start := 0
	for i := range len(v) {
		e := escapes[w.style][v[i]]
		if e == 0 {
			continue
		}
		b = append(append(b, v[start:i]...), '\\', e)
		start = i + 1
	}
	b = append(b, v[start:]...)
	if w.style == Array {
		b = append(b, '"')
	}
	w.Buf = b
}

// escapes holds the byte that follows a backslash for an escaped byte, by style.
var escapes = [...][256]byte{
	Array: {'"': '"', '\\': '\\'},
	Copy:  {'\\': '\\', '\t': 't', '\n': 'n', '\r': 'r'},
	Load:  {'\\': '\\', '\t': 't', '\n': 'n', '\r': 'r', 0: '0'},
	Plain: {},
}

// Mark remembers the end of Buf, for Undo.
func (w *Writer) Mark() { w.mark = len(w.Buf) }

// Undo removes the text written since Mark, and clears Err.
func (w *Writer) Undo() { w.Buf, w.Err = w.Buf[:w.mark], nil }
