package coltype

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/mapping"
	"github.com/goupsert/upsert/internal/schema"
)

// Misfit says why a column and a Go type do not fit.
type Misfit struct {
	Check schema.Check
	Why   string // a sentence about the column
}

// A Place says what a type does not, as far as SQLite cares.
type Place struct {
	Strict bool // the table is STRICT, so that SQLite enforces the types
	Key    bool // the column tells rows apart
}

// Fit returns nil if a column of the named type holds every value of the Go type, and the Go type every value of the column. NULL
// is not a value here. Of a type that is not known Fit claims nothing.
func Fit(d dialect.Dialect, g mapping.GoType, column string, at Place) *Misfit {
	if g.Sort == mapping.Unknown {
		return nil
	}
	if d.Name() == "sqlite" {
		return fitSQLite(g, column, at)
	}
	t := Parse(column)
	if t.class == other {
		return nil
	}
	f := fitting{d: d, g: g, t: t, column: column}
	switch g.Sort {
	case mapping.Int, mapping.Uint:
		return f.number()
	case mapping.Float:
		return f.float()
	case mapping.Bool:
		return f.bool()
	case mapping.String:
		return f.string()
	case mapping.Bytes:
		return f.bytes()
	case mapping.JSON:
		return f.json()
	}
	return f.time()
}

type fitting struct {
	d      dialect.Dialect
	g      mapping.GoType
	t      Type
	column string
}

func (f fitting) is(c schema.Check, format string, args ...any) *Misfit {
	return &Misfit{c, fmt.Sprintf(format, args...)}
}

func (f fitting) wrong() *Misfit {
	return f.is(schema.Type, "the column is %s, which does not hold the values of a %s", f.column, f.g.Name)
}

// interval is a range of whole numbers. A nil limit is no limit.
type interval struct{ min, max *big.Int }

func power(base, n int64) *big.Int { return new(big.Int).Exp(big.NewInt(base), big.NewInt(n), nil) }

func bitRange(bits int, unsigned bool) interval {
	one := big.NewInt(1)
	if unsigned {
		return interval{new(big.Int), new(big.Int).Sub(power(2, int64(bits)), one)}
	}
	half := power(2, int64(bits-1))
	return interval{new(big.Int).Neg(half), new(big.Int).Sub(half, one)}
}

func (t Type) interval() interval {
	if t.class == integer {
		return bitRange(t.bits, t.unsigned)
	}
	if t.digits == 0 {
		return interval{}
	}
	most := new(big.Int).Sub(power(10, int64(t.digits-t.scale)), big.NewInt(1))
	return interval{new(big.Int).Neg(most), most}
}

func (i interval) contains(o interval) bool {
	return (i.min == nil || o.min != nil && i.min.Cmp(o.min) <= 0) && (i.max == nil || o.max != nil && i.max.Cmp(o.max) >= 0)
}

func (f fitting) number() *Misfit {
	if f.t.class != integer && (f.t.class != decimal || f.t.scale != 0) {
		return f.wrong()
	}
	own, column := bitRange(f.g.Bits, f.g.Sort == mapping.Uint), f.t.interval()
	switch {
	case !column.contains(own):
		return f.is(schema.Range, "the column is %s, which does not hold every %s, so a write of such a number fails", f.column, f.g.Name)
	case !own.contains(column) && Parse(For(f.d, f.g, Use{})) != f.t: // the type that For names is the narrowest there is
		return f.is(schema.Range, "the column is %s, whose numbers a %s does not hold, so a row with such a number cannot be read", f.column, f.g.Name)
	}
	return nil
}

func (f fitting) float() *Misfit {
	switch {
	case f.t.class == decimal:
		return f.is(schema.Precision, "the column is %s, which rounds a %s", f.column, f.g.Name)
	case f.t.class != float:
		return f.wrong()
	case f.t.bits < f.g.Bits:
		return f.is(schema.Precision, "the column is %s, which rounds a %s", f.column, f.g.Name)
	case f.t.bits > f.g.Bits:
		return f.is(schema.Precision, "the column is %s, whose values a %s rounds when it reads them", f.column, f.g.Name)
	}
	return nil
}

// bool: MySQL's and MariaDB's BOOLEAN is TINYINT.
func (f fitting) bool() *Misfit {
	if f.t.class == boolean || f.t.class == integer && f.t.bits == 8 {
		return nil
	}
	return f.wrong()
}

// string claims nothing of decimals, times and documents, whose text is their usual form in Go.
func (f fitting) string() *Misfit {
	isPostgres := f.d.Name() == "postgres"
	switch f.t.class {
	case integer, float, boolean:
		return f.wrong()
	case bytes:
		if isPostgres {
			return f.wrong()
		}
		return f.length("bytes")
	case text:
		return f.length("characters")
	}
	return nil
}

func (f fitting) bytes() *Misfit {
	switch f.t.class {
	case integer, float, boolean, decimal, text, day, clock, moment:
		return f.wrong()
	case bytes:
		return f.length("bytes")
	}
	return nil
}

func (f fitting) json() *Misfit {
	switch {
	case f.t.class == document:
		return nil
	case f.t.class == text, f.t.class == bytes && f.d.Name() != "postgres":
		return f.length("characters")
	}
	return f.wrong()
}

func (f fitting) length(unit string) *Misfit {
	switch {
	case f.t.fixed:
		return f.is(schema.Length, "the column is %s, which fills up or cuts the end of a value that is shorter, and refuses a longer %s", f.column, f.g.Name)
	case f.t.length > 0 && f.t.length < minLength:
		return f.is(schema.Length, "the column is %s, so a write of a %s of more than %d %s fails", f.column, f.g.Name, f.t.length, unit)
	}
	return nil
}

func (f fitting) time() *Misfit {
	switch f.t.class {
	case moment:
		if f.t.fraction < 6 {
			return f.is(schema.Precision, "the column is %s, which loses fractions of a second, so a row whose time has more of them is changed each time that it is written", f.column)
		}
		return nil
	case day:
		return f.is(schema.Precision, "the column is %s, which loses the time of the day", f.column)
	case clock:
		return f.is(schema.Precision, "the column is %s, which loses the date", f.column)
	case text:
		return nil
	}
	return f.wrong()
}

// affinity is what SQLite makes of a column's type.
type affinity struct{ isNumber, isText, isBlob, isReal, saysTime, saysJSON bool }

// affinityOf follows the rules in sqlite.org/datatype3.html, section 3.1. Every type that SQLite does not know is numeric, as STRING,
// UUID and JSON are, but for the ANY of a STRICT table.
func affinityOf(column string, strict bool) affinity {
	name := strings.ToUpper(column)
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(name, w) })
	}
	a := affinity{saysTime: has("DATE", "TIME"), saysJSON: has("JSON")}
	switch {
	case has("INT"):
		a.isNumber = true
	case has("CHAR", "CLOB", "TEXT"):
		a.isText = true
	case has("BLOB"):
		a.isBlob = true
	case has("REAL", "FLOA", "DOUB"): //nolint:misspell // as SQLite looks for it
		a.isNumber, a.isReal = true, true
	default:
		a.isNumber = name != "" && (name != "ANY" || !strict)
	}
	return a
}

// keeps reports whether texts of a Go type stay as they are. A column whose type says that it has times or documents is believed,
// because these do not look like numbers; but two keys must never become one.
func (a affinity) keeps(s mapping.Sort, isKey bool) bool {
	return !a.isNumber || !isKey && (a.saysTime || a.saysJSON && s == mapping.JSON)
}

// fitSQLite: a column of SQLite holds any value, but changes a text that looks like a number if the type's affinity is numeric. A
// number in a text is read back as a number.
func fitSQLite(g mapping.GoType, column string, at Place) *Misfit {
	a, f := affinityOf(column, at.Strict), fitting{g: g, column: column}
	is := func(wrong bool) *Misfit {
		if at.Strict && wrong {
			return f.wrong()
		}
		return nil
	}
	switch g.Sort {
	case mapping.String, mapping.JSON:
		if !a.keeps(g.Sort, at.Key) {
			return f.is(schema.Type, "the column is %s, which stores a text that looks like a number as another text: 007 as 7", column)
		}
		return is(a.isBlob)
	case mapping.Time:
		return is(a.isNumber || a.isBlob)
	case mapping.Bytes:
		return is(a.isNumber || a.isText)
	case mapping.Int, mapping.Uint:
		if name := strings.ToUpper(column); g.Bits < 64 && (strings.Contains(name, "BIGINT") || strings.Contains(name, "BIG INT") || strings.Contains(name, "INT8")) {
			return f.is(schema.Range, "the column is %s, whose numbers a %s does not hold, so a row with such a number cannot be read", column, g.Name)
		}
		return is(a.isBlob)
	case mapping.Float:
		return is(a.isBlob || a.isNumber && !a.isReal)
	}
	return nil
}
