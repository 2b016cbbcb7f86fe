package importer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// kind is the type a column's values are sent as.
type kind int

const (
	// kindAny leaves the conversion to the database: its type is none of those below.
	kindAny kind = iota
	kindText
	kindInteger
	kindReal
	kindBoolean
	kindJSON
	kindTimestamp
	// kindFlag is MySQL's TINYINT, which is its BOOLEAN too: it takes true and false as well as numbers.
	kindFlag
)

// kindNames are the words of -type, in the order the help lists them.
var kindNames = [...]struct {
	name string
	kind kind
}{
	{"integer", kindInteger}, {"real", kindReal}, {"text", kindText},
	{"boolean", kindBoolean}, {"json", kindJSON}, {"timestamp", kindTimestamp},
}

func (k kind) String() string {
	for _, n := range kindNames {
		if n.kind == k {
			return n.name
		}
	}
	if k == kindFlag {
		return "integer or boolean"
	}
	return "value"
}

func parseKind(name string) (kind, error) {
	var names []string
	for _, n := range kindNames {
		if n.name == name {
			return n.kind, nil
		}
		names = append(names, n.name)
	}
	return 0, fmt.Errorf("there is no type %q: give one of %s", name, strings.Join(names, ", "))
}

// column is one column of the file as it is written to the table.
type column struct {
	name      string
	line, col int // where the file names the column
	kind      kind
	key       bool
	// stored is the table's column, once the table is known.
	stored tableColumn
}

// value is what is sent for a cell, or what is wrong with it.
func (c *column) value(v cell) (any, error) {
	if v.token == tokenNull {
		if c.key {
			return nil, fmt.Errorf("key column %q is NULL: every row needs its key", c.name)
		}
		return nil, nil
	}
	out, ok := convert(v, c.kind)
	if !ok {
		return nil, fmt.Errorf("column %q: %s is not of type %s", c.name, quoteShort(v.text), c.kind)
	}
	if c.key {
		var err error
		if out, err = c.storedKey(v, out); err != nil {
			return nil, err
		}
	}
	return out, c.checkLimits(out)
}

func (c *column) checkLimits(out any) error {
	l := c.stored.limits
	if n, ok := out.(int64); ok && !l.integer(n) {
		return fmt.Errorf("column %q: %d is out of the range of the table's column, %d to %d", c.name, n, l.min, l.max)
	}
	if text, ok := out.(string); ok && l.runes > 0 && utf8.RuneCountInString(text) > l.runes {
		return fmt.Errorf("column %q: %d characters, and the table's column has room for %d", c.name, utf8.RuneCountInString(text), l.runes)
	}
	return nil
}

func convert(v cell, k kind) (any, bool) {
	switch k {
	case kindInteger:
		n, err := strconv.ParseInt(v.text, 10, 64)
		return n, err == nil
	case kindReal:
		f, err := strconv.ParseFloat(v.text, 64)
		return f, err == nil && decimal.MatchString(v.text)
	case kindBoolean:
		b, err := strconv.ParseBool(v.text)
		return b, err == nil
	case kindFlag:
		if n, ok := convert(v, kindInteger); ok {
			return n, true
		}
		return convert(v, kindBoolean)
	case kindTimestamp:
		t, ok := parseTime(v.text)
		return t, ok
	case kindJSON:
		return jsonText(v)
	case kindText:
		return v.text, true
	}
	return convertAny(v)
}

// convertAny sends what JSON says a value is, and text for the rest: the database converts it.
func convertAny(v cell) (any, bool) {
	switch v.token {
	case tokenBool:
		return v.text == "true", true
	case tokenNumber:
		if n, ok := convert(v, kindInteger); ok {
			return n, true
		}
		if exact(v.text) {
			return convert(v, kindReal)
		}
	}
	return v.text, true
}

// jsonText is the value as JSON. It is a string and not bytes: SQLite takes bytes for its binary form of JSON.
func jsonText(v cell) (any, bool) {
	if v.token == tokenField {
		return v.text, json.Valid([]byte(v.text))
	}
	if v.token != tokenString {
		return v.text, true
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v.text)
	return strings.TrimSuffix(b.String(), "\n"), err == nil
}

var decimal = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$`)

// exact tells whether float64 keeps every digit of a number.
func exact(s string) bool {
	f, err := strconv.ParseFloat(s, 64)
	return err == nil && digits(s) == digits(strconv.FormatFloat(f, 'e', -1, 64))
}

// digits are the significant digits of a number.
func digits(s string) string {
	s, _, _ = strings.Cut(strings.ToLower(s), "e")
	s = strings.Replace(strings.TrimLeft(s, "+-"), ".", "", 1)
	return strings.Trim(s, "0")
}

// parseTime reads ISO 8601 as databases and programs print it. A time without a zone is in UTC.
func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{
		time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999-07",
		"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly,
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
