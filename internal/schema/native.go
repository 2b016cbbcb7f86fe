package schema

import (
	"math"
	"time"
)

// Native says which Go values a driver encodes for a column in the same way as PostgreSQL would read their text. Other values are
// encoded differently by each driver, and by each mode of pgx. So other values are bound as text, the same text that arrays and
// COPY write.
type Native uint8

// The Go values that are native to a column.
const (
	NativeAll Native = iota // the column's type is not known, or the database is not PostgreSQL
	NativeText
	NativeInt2
	NativeInt4
	NativeInt8
	NativeFloat8
	NativeBool
	NativeTime
	NativeBytes
	NativeHex // no value is native: a domain over bytea, for which lib/pq takes text and pgx guesses
)

// NativeOf returns which Go values are native to a column of PostgreSQL.
func NativeOf(c Column) Native {
	switch c.Type {
	case "smallint":
		return NativeInt2
	case "integer":
		return NativeInt4
	case "bigint":
		return NativeInt8
	case "double precision":
		return NativeFloat8
	case "boolean":
		return NativeBool
	case "timestamp with time zone":
		return NativeTime
	case "bytea":
		return NativeBytes
	}
	if c.Base == "bytea" {
		return NativeHex
	}
	return NativeText
}

// TakesInt reports whether an integer is native. An integer that does not fit the column is not: pgx would return an error of its
// own.
func (n Native) TakesInt(v int64) bool {
	switch n {
	case NativeAll, NativeInt8:
		return true
	case NativeInt4:
		return v == int64(int32(v))
	case NativeInt2:
		return v == int64(int16(v))
	}
	return false
}

// TakesFloat reports whether a number is native. NaN, infinities and negative zero are not: pgx's simple protocol writes them
// without quotes.
func (n Native) TakesFloat(v float64) bool {
	isPlain := !math.IsNaN(v) && !math.IsInf(v, 0) && (v != 0 || !math.Signbit(v))
	return n == NativeAll || n == NativeFloat8 && isPlain
}

// TakesBool reports whether booleans are native. A text column takes the text of a boolean.
func (n Native) TakesBool() bool { return n == NativeAll || n == NativeBool }

// TakesTime reports whether a time is native. Drivers write the first and the last years in different ways.
func (n Native) TakesTime(v time.Time) bool {
	return n == NativeAll || n == NativeTime && v.Year() > 0 && v.Year() < 9999
}

// TakesBytes reports whether bytes are native.
func (n Native) TakesBytes() bool { return n == NativeAll || n == NativeBytes }
