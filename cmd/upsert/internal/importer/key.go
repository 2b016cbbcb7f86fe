package importer

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// storedKey is a key as the table's column stores it, given what would be sent for it otherwise. The library counts rows of one
// key and keeps their order in the file, but it compares keys as they are sent: 007 and 7 must be one to it, too.
func (c *column) storedKey(v cell, sent any) (any, error) {
	if c.kind == kindText && c.stored.spell != nil {
		return c.spelledKey(v, sent) // SQLite takes text for a number's column, too
	}
	switch c.stored.kind {
	case kindAny:
		return c.spelledKey(v, sent)
	case kindText:
		if text, ok := sent.(string); ok && c.stored.padded {
			return strings.TrimRight(text, " "), nil
		}
		return sent, nil
	case kindJSON:
		return c.storedJSON(sent)
	}
	if flag, ok := sent.(bool); ok && c.stored.kind != kindBoolean {
		return flagNumber(flag), nil
	}
	out, ok := convert(cell{text: v.text, token: tokenField}, c.stored.kind)
	if !ok {
		return nil, fmt.Errorf("column %q: %s is not of type %s", c.name, quoteShort(v.text), c.stored.kind)
	}
	switch key := out.(type) {
	case bool:
		if c.stored.kind == kindFlag {
			return flagNumber(key), nil
		}
	case float64:
		return c.storedFloat(v, key)
	case time.Time:
		return c.storedTime(v, key)
	}
	return out, nil
}

func flagNumber(flag bool) int64 {
	if flag {
		return 1
	}
	return 0
}

// storedJSON refuses a document that has many spellings in PostgreSQL's jsonb. SQLite keeps it as its text.
func (c *column) storedJSON(sent any) (any, error) {
	if c.stored.declared == "JSONB" {
		return nil, fmt.Errorf("key column %q is of type jsonb: a key is text, a number or a time", c.name)
	}
	return sent, nil
}

// spelledKey is for a type whose values are sent as text. All keys of a column are of one Go type, so numbers are text, too.
func (c *column) spelledKey(v cell, sent any) (any, error) {
	if c.stored.spell == nil && c.kind != kindAny {
		return sent, nil // as -type says: the column takes anything
	}
	if c.stored.spell == nil {
		return v.text, nil
	}
	text, problem := c.stored.spell(v.text)
	if problem != "" {
		return nil, fmt.Errorf("column %q: %s %s", c.name, quoteShort(v.text), problem)
	}
	return text, nil
}

func (c *column) storedFloat(v cell, key float64) (any, error) {
	if c.stored.single {
		key = float64(float32(key))
	}
	if math.IsInf(key, 0) {
		return nil, fmt.Errorf("column %q: %s is out of the range of the table's column", c.name, quoteShort(v.text))
	}
	return key + 0, nil // -0 is 0
}

// storedTime refuses what the column would round: two keys could become one. What is below a microsecond the library cuts off,
// but not on SQLite.
func (c *column) storedTime(v cell, key time.Time) (any, error) {
	if !c.stored.limits.scaled {
		return key, nil
	}
	unit := time.Duration(math.Pow10(9 - c.stored.limits.scale))
	if key = key.Truncate(time.Microsecond); !key.Equal(key.Truncate(unit)) {
		return nil, fmt.Errorf("column %q: %s %s", c.name, quoteShort(v.text), tooFine(c.stored.limits.scale))
	}
	return key, nil
}

func tooFine(digits int) string {
	if digits == 0 {
		return "has a fraction, and the table's column keeps whole ones: it would be rounded to another key"
	}
	return fmt.Sprintf("has more than the %d digits after the point that the table's column keeps: it would be rounded to another key", digits)
}
