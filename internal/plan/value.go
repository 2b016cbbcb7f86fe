package plan

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"time"
)

// Sink takes one value as a driver would be given it, without the box around it that an any is.
type Sink interface {
	Null()
	Int(v int64)
	Uint(v uint64) // above the greatest int64
	Float(v float64)
	Bool(v bool)
	Text(v string)
	RawText(v []byte) // text that is at hand as bytes, which are the row's
	Bytes(v []byte)   // not nil, and the row's
	Time(v time.Time)
	Other(v any) // of a type that only a driver knows
}

// value is a column's access to a row.
type value struct {
	give func(row reflect.Value, to Sink) error
	zero func(row reflect.Value) bool
	dest func(row reflect.Value) any // what rows.Scan fills
}

// Give gives the column's value in row to a sink. The error is a Valuer's.
func (c *Column) Give(row reflect.Value, to Sink) error { return c.value.give(row, to) }

// Value returns the column's value in row as a driver takes it: nil, int64, uint64 above the greatest int64, float64, bool,
// []byte, string or time.Time, or, for types only a driver knows, the field itself. The error is a Valuer's.
func (c *Column) Value(row reflect.Value) (any, error) {
	var b Box
	err := c.value.give(row, &b)
	return b.V, err
}

// Box is a sink that keeps the value.
type Box struct{ V any }

// Null implements Sink.
func (b *Box) Null() { b.V = nil }

// Int implements Sink.
func (b *Box) Int(v int64) { b.V = v }

// Uint implements Sink.
func (b *Box) Uint(v uint64) { b.V = v }

// Float implements Sink.
func (b *Box) Float(v float64) { b.V = v }

// Bool implements Sink.
func (b *Box) Bool(v bool) { b.V = v }

// Text implements Sink.
func (b *Box) Text(v string) { b.V = v }

// RawText implements Sink.
func (b *Box) RawText(v []byte) { b.V = string(v) }

// Bytes implements Sink.
func (b *Box) Bytes(v []byte) { b.V = v }

// Time implements Sink.
func (b *Box) Time(v time.Time) { b.V = v }

// Other implements Sink.
func (b *Box) Other(v any) { b.V = v }

// IsZero reports whether the column's value is the zero one, by its IsZero method if it has one.
func (c *Column) IsZero(row reflect.Value) bool { return c.value.zero(row) }

// Dest returns what rows.Scan can fill the column's field through. row must be addressable, or a map.
func (c *Column) Dest(row reflect.Value) any { return c.value.dest(row) }

func fieldValue(t reflect.Type, index []int) value {
	give := giver(t)
	if len(index) == 1 {
		i := index[0]
		return value{
			give: func(row reflect.Value, to Sink) error { return give(row.Field(i), to) },
			zero: func(row reflect.Value) bool { return isZero(row.Field(i)) },
			dest: func(row reflect.Value) any { return destOf(row.Field(i)) },
		}
	}
	return value{
		give: func(row reflect.Value, to Sink) error {
			if f, ok := fieldAt(row, index); ok {
				return give(f, to)
			}
			to.Null()
			return nil
		},
		zero: func(row reflect.Value) bool {
			f, ok := fieldAt(row, index)
			return !ok || isZero(f)
		},
		dest: func(row reflect.Value) any { return destOf(makeField(row, index)) },
	}
}

// fieldAt follows index; ok is false where a pointer on the way is nil.
func fieldAt(v reflect.Value, index []int) (_ reflect.Value, ok bool) {
	for _, i := range index {
		for v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, true
}

// makeField follows index and makes what is nil on the way.
func makeField(v reflect.Value, index []int) reflect.Value {
	for _, i := range index {
		for v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v
}

func mapValue(name string) value {
	return value{
		give: func(row reflect.Value, to Sink) error {
			return GiveAny(row.Interface().(map[string]any)[name], to)
		},
		zero: func(row reflect.Value) bool {
			v := row.Interface().(map[string]any)[name]
			return v == nil || isZero(reflect.ValueOf(v))
		},
		dest: func(row reflect.Value) any { return &mapDest{row.Interface().(map[string]any), name} },
	}
}

// GiveAny gives a value of any type, as that of a map row.
func GiveAny(v any, to Sink) error {
	switch v := v.(type) {
	case nil:
		to.Null()
	case int64:
		to.Int(v)
	case int:
		to.Int(int64(v))
	case float64:
		to.Float(v)
	case bool:
		to.Bool(v)
	case string:
		to.Text(v)
	case time.Time:
		to.Time(v)
	case []byte:
		giveBytes(v, to)
	case json.Number:
		to.Text(string(v))
	case driver.Valuer:
		return giveValuer(v, to)
	default:
		rv := reflect.ValueOf(v)
		return giver(rv.Type())(rv, to)
	}
	return nil
}

// giver returns the function that gives a value of type t. What can be decided from the type is decided here, once.
func giver(t reflect.Type) func(reflect.Value, Sink) error {
	switch {
	case t == timeType:
		return func(v reflect.Value, to Sink) error {
			if v.CanAddr() { // a pointer is an interface without a copy of what it points to
				to.Time(*v.Addr().Interface().(*time.Time))
			} else {
				to.Time(v.Interface().(time.Time))
			}
			return nil
		}
	case t.Implements(valuerType):
		return func(v reflect.Value, to Sink) error {
			if v.Kind() == reflect.Interface && v.IsNil() {
				to.Null()
				return nil
			}
			return giveValuer(v.Interface().(driver.Valuer), to)
		}
	case isValuer(t):
		return func(v reflect.Value, to Sink) error {
			if !v.CanAddr() {
				p := reflect.New(t)
				p.Elem().Set(v)
				v = p.Elem()
			}
			return giveValuer(v.Addr().Interface().(driver.Valuer), to)
		}
	case t == jsonType:
		// As text: bytes would be a BLOB to SQLite, bytea to some modes of lib/pq and binary to MySQL.
		return func(v reflect.Value, to Sink) error {
			if v.IsNil() {
				to.Null()
			} else {
				to.RawText(v.Bytes())
			}
			return nil
		}
	}
	return kindGiver(t)
}

func kindGiver(t reflect.Type) func(reflect.Value, Sink) error {
	switch t.Kind() {
	case reflect.Bool:
		return func(v reflect.Value, to Sink) error { to.Bool(v.Bool()); return nil }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(v reflect.Value, to Sink) error { to.Int(v.Int()); return nil }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(v reflect.Value, to Sink) error { giveUint(v.Uint(), to); return nil }
	case reflect.Float32, reflect.Float64:
		return func(v reflect.Value, to Sink) error { to.Float(v.Float()); return nil }
	case reflect.String:
		return func(v reflect.Value, to Sink) error { to.Text(v.String()); return nil }
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return func(v reflect.Value, to Sink) error { giveBytes(v.Bytes(), to); return nil }
		}
	case reflect.Pointer:
		inner := giver(t.Elem())
		return func(v reflect.Value, to Sink) error {
			if v.IsNil() {
				to.Null()
				return nil
			}
			return inner(v.Elem(), to)
		}
	case reflect.Interface:
		return func(v reflect.Value, to Sink) error {
			if v.IsNil() {
				to.Null()
				return nil
			}
			return GiveAny(v.Elem().Interface(), to)
		}
	}
	return func(v reflect.Value, to Sink) error { to.Other(v.Interface()); return nil }
}

// giveValuer asks a Valuer, a nil pointer to one being NULL as database/sql has it.
func giveValuer(v driver.Valuer, to Sink) error {
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.Pointer && rv.IsNil() && rv.Type().Elem().Implements(valuerType) {
		to.Null()
		return nil
	}
	out, err := v.Value()
	if err != nil {
		return fmt.Errorf("its Value method: %w", err)
	}
	switch out := out.(type) {
	case nil:
		to.Null()
	case int64:
		to.Int(out)
	case uint64:
		giveUint(out, to)
	case float64:
		to.Float(out)
	case bool:
		to.Bool(out)
	case string:
		to.Text(out)
	case []byte:
		giveBytes(out, to)
	case time.Time:
		to.Time(out)
	default:
		to.Other(out)
	}
	return nil
}

func giveUint(v uint64, to Sink) {
	if v > math.MaxInt64 {
		to.Uint(v)
	} else {
		to.Int(int64(v))
	}
}

// giveBytes makes a nil byte slice the NULL that drivers take it for.
func giveBytes(b []byte, to Sink) {
	if b == nil {
		to.Null()
	} else {
		to.Bytes(b)
	}
}

func isZero(v reflect.Value) bool {
	if v.CanAddr() && v.Kind() != reflect.Pointer {
		if z, ok := v.Addr().Interface().(interface{ IsZero() bool }); ok {
			return z.IsZero()
		}
	}
	if z, ok := v.Interface().(interface{ IsZero() bool }); ok && (v.Kind() != reflect.Pointer || !v.IsNil()) {
		return z.IsZero()
	}
	return v.IsZero()
}
