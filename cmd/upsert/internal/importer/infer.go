package importer

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// findings is what one pass over the file has seen in a column.
type findings struct {
	text, integer, real, boolean, nested, time bool
	// bigInteger: an integer that float64 does not keep, so that reals beside it make the column text.
	bigInteger bool
	widest     int
	widestAt   cell
}

// jsonNumber is the grammar of a JSON number. CSV is held to it too: 007 and +49 are no numbers, they are codes.
var jsonNumber = regexp.MustCompile(`^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$`)

func (f *findings) add(v cell) {
	switch v.token {
	case tokenNull:
		return
	case tokenBool:
		f.boolean = true
	case tokenNested:
		f.nested = true
	case tokenNumber:
		f.number(v.text)
	case tokenField:
		f.field(v.text)
	default:
		f.string(v.text)
	}
	if n := utf8.RuneCountInString(v.text); n > f.widest {
		f.widest, f.widestAt = n, v
	}
}

func (f *findings) field(s string) {
	switch lower := strings.ToLower(s); {
	case lower == "true" || lower == "false":
		f.boolean = true
	case s == "-0", !jsonNumber.MatchString(s):
		f.string(s)
	case bareExponent(lower):
		// 12e4 is a part number as often as it is 120000; programs print 1e+05.
		f.text = true
	default:
		f.number(s)
	}
}

// string tells a time from other text.
func (f *findings) string(s string) {
	if isInstant(s) {
		f.time = true
	} else {
		f.text = true
	}
}

var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6}0*)?(Z|[+-]\d\d:\d\d)$`)

// isInstant reports whether every database keeps the time that RFC 3339 makes of s: no more than microseconds, and in UTC a
// year from 1 to 9999.
func isInstant(s string) bool {
	if !rfc3339.MatchString(s) {
		return false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	year := t.UTC().Year()
	return err == nil && year >= 1 && year <= 9999
}

func bareExponent(lower string) bool {
	_, exponent, found := strings.Cut(lower, "e")
	return found && exponent[0] != '+' && exponent[0] != '-'
}

func (f *findings) number(s string) {
	_, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err == nil:
		f.integer = true
		f.bigInteger = f.bigInteger || !exact(s)
	case exact(s):
		f.real = true
	default:
		f.text = true
	}
}

// kind is the narrowest type that keeps everything seen. A column without a value is text.
func (f *findings) kind() kind {
	switch {
	case f.nested:
		return kindJSON
	case f.text, f.boolean && (f.integer || f.real), f.bigInteger && f.real, f.time && (f.boolean || f.integer || f.real):
		return kindText
	case f.time:
		return kindTimestamp
	case f.boolean:
		return kindBoolean
	case f.real:
		return kindReal
	case f.integer:
		return kindInteger
	}
	return kindText
}

// infer reads all rows once and gives each column that has no type its type. A value that does not fit
// a type that was given, or a key that is NULL or wider than keyWidth (0: any width), is an error with its place. With skip
// the rows that are at fault are passed over.
func infer(file string, next func() ([]cell, error), cols []column, typed []bool, keyWidth int, skip bool, seen func(rows int64)) error {
	found := make([]findings, len(cols))
	for rows := int64(0); ; rows++ {
		cells, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = checkTyped(file, cols, typed, cells)
		}
		if err != nil && (!skip || rowFault(err) == nil) {
			return err
		}
		for i := range cells {
			if err == nil {
				found[i].add(cells[i])
			}
		}
		seen(rows + 1)
	}
	for i := range cols {
		if !typed[i] {
			cols[i].kind = found[i].kind()
		}
		if err := checkKey(file, &cols[i], &found[i], keyWidth); err != nil {
			return err
		}
	}
	return nil
}

// checkTyped converts the values whose types are known.
func checkTyped(file string, cols []column, typed []bool, cells []cell) error {
	for i, v := range cells {
		if typed[i] || v.token == tokenNull {
			if _, err := cols[i].value(v); err != nil {
				return wrongRow(cols[i].name, file, v.line, v.col, "%v", err)
			}
		}
	}
	return nil
}

func checkKey(file string, c *column, f *findings, width int) error {
	if !c.key {
		return nil
	}
	if c.kind == kindJSON {
		return fmt.Errorf("key column %q holds JSON objects or arrays: a key is text, a number or a time", c.name)
	}
	if c.kind == kindText && width > 0 && f.widest > width {
		return wrongf(file, f.widestAt.line, f.widestAt.col,
			"key column %q has %d characters here; on this database -create makes text keys of at most %d: make the table yourself", c.name, f.widest, width)
	}
	return nil
}
