package mapping

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"time"
)

// Encoder receives one value in the form that a driver would be given, without being boxed in an any.
type Encoder interface {
	Null()
	Int(v int64)
	Uint(v uint64) // above the greatest int64
	Float(v float64)
	Bool(v bool)
	Text(v string)
	RawText(v []byte) // text in bytes that belong to the row
	Bytes(v []byte)   // not nil; the bytes belong to the row
	Time(v time.Time)
	Other(v any) // a value of a type that only a driver knows
}

// value is a column's access to a row.
type value struct {
	encode     func(row reflect.Value, to Encoder) error
	zero       func(row reflect.Value) bool
	scanTarget func(row reflect.Value) any // the target of rows.Scan
	copy       func(to, from reflect.Value, as func(reflect.Value) reflect.Value)
}

// Encode passes the column's value in row to an encoder. Encode returns the error of a Valuer.
func (c *Column) Encode(row reflect.Value, to Encoder) error { return c.value.encode(row, to) }

// Value returns the column's value in row in the form that a driver takes: nil, int64, uint64 above the greatest int64,
// float64, bool, []byte, string or time.Time. For types that only a driver knows, Value returns the field itself. The error is
// a Valuer's.
func (c *Column) Value(row reflect.Value) (any, error) {
	var b AnyEncoder
	err := c.value.encode(row, &b)
	return b.V, err
}

// AnyEncoder is an encoder that keeps the value.
type AnyEncoder struct{ V any }

// Null implements Encoder.
func (b *AnyEncoder) Null() { b.V = nil }

// Int implements Encoder.
func (b *AnyEncoder) Int(v int64) { b.V = v }

// Uint implements Encoder.
func (b *AnyEncoder) Uint(v uint64) { b.V = v }

// Float implements Encoder.
func (b *AnyEncoder) Float(v float64) { b.V = v }

// Bool implements Encoder.
func (b *AnyEncoder) Bool(v bool) { b.V = v }

// Text implements Encoder.
func (b *AnyEncoder) Text(v string) { b.V = v }

// RawText implements Encoder.
func (b *AnyEncoder) RawText(v []byte) { b.V = string(v) }

// Bytes implements Encoder.
func (b *AnyEncoder) Bytes(v []byte) { b.V = v }

// Time implements Encoder.
func (b *AnyEncoder) Time(v time.Time) { b.V = v }

// Other implements Encoder.
func (b *AnyEncoder) Other(v any) { b.V = v }

// IsZero reports whether the column's value is zero, by the value's IsZero method if there is one.
func (c *Column) IsZero(row reflect.Value) bool { return c.value.zero(row) }

// ScanTarget returns a target through which rows.Scan can fill the column's field. row must be addressable, or a map.
func (c *Column) ScanTarget(row reflect.Value) any { return c.value.scanTarget(row) }

// Copy sets the column's value in a row to the value in another row. to must be addressable, or a map.
func (c *Column) Copy(to, from reflect.Value) { c.value.copy(to, from, same) }

// Clone is Copy, and gives to memory of its own for a pointer and for bytes.
func (c *Column) Clone(to, from reflect.Value) { c.value.copy(to, from, clone) }

func same(v reflect.Value) reflect.Value { return v }

func clone(v reflect.Value) reflect.Value {
	switch {
	case v.Kind() == reflect.Pointer && !v.IsNil():
		p := reflect.New(v.Type().Elem())
		p.Elem().Set(clone(v.Elem()))
		return p
	case v.Kind() == reflect.Slice && !v.IsNil():
		s := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(s, v)
		return s
	}
	return v
}

func fieldValue(t reflect.Type, index []int) value {
	give, target := encoderOf(t), scanTargetOf(t)
	if len(index) == 1 {
		i := index[0]
		return value{
			encode:     func(row reflect.Value, to Encoder) error { return give(row.Field(i), to) },
			zero:       func(row reflect.Value) bool { return isZero(row.Field(i)) },
			scanTarget: func(row reflect.Value) any { return target(row.Field(i)) },
			copy:       func(to, from reflect.Value, as func(reflect.Value) reflect.Value) { to.Field(i).Set(as(from.Field(i))) },
		}
	}
	return value{
		encode: func(row reflect.Value, to Encoder) error {
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
		scanTarget: func(row reflect.Value) any { return target(makeField(row, index)) },
		copy: func(to, from reflect.Value, as func(reflect.Value) reflect.Value) {
			if f, ok := fieldAt(from, index); ok {
				makeField(to, index).Set(as(f))
			}
		},
	}
}

// fieldAt follows index. ok is false if a pointer on the way is nil.
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

// makeField follows index and allocates the pointers that are nil on the way.
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
		encode: func(row reflect.Value, to Encoder) error {
			return EncodeAny(row.Interface().(map[string]any)[name], to)
		},
		zero: func(row reflect.Value) bool {
			v := row.Interface().(map[string]any)[name]
			return v == nil || isZero(reflect.ValueOf(v))
		},
		scanTarget: func(row reflect.Value) any { return &mapTarget{row.Interface().(map[string]any), name} },
		copy: func(to, from reflect.Value, as func(reflect.Value) reflect.Value) {
			v := from.Interface().(map[string]any)[name]
			if v != nil {
				v = as(reflect.ValueOf(v)).Interface()
			}
			to.Interface().(map[string]any)[name] = v
		},
	}
}

// EncodeAny passes a value of any type to an encoder, for example a value of a map row.
func EncodeAny(v any, to Encoder) error {
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
		encodeBytes(v, to)
	case json.Number:
		to.Text(string(v))
	case driver.Valuer:
		return encodeValuer(v, to)
	default:
		rv := reflect.ValueOf(v)
		return encoderOf(rv.Type())(rv, to)
	}
	return nil
}

// encoderOf returns the function that encodes a value of type t. Everything that depends only on the type is decided here,
// once.
func encoderOf(t reflect.Type) func(reflect.Value, Encoder) error {
	switch {
	case t == timeType:
		return func(v reflect.Value, to Encoder) error {
			if v.CanAddr() { // a pointer becomes an interface without a copy of its target
				to.Time(*v.Addr().Interface().(*time.Time))
			} else {
				to.Time(v.Interface().(time.Time))
			}
			return nil
		}
	case t.Implements(valuerType):
		return func(v reflect.Value, to Encoder) error {
			if v.Kind() == reflect.Interface && v.IsNil() {
				to.Null()
				return nil
			}
			return encodeValuer(v.Interface().(driver.Valuer), to)
		}
	case isValuer(t):
		return func(v reflect.Value, to Encoder) error {
			if !v.CanAddr() {
				p := reflect.New(t)
				p.Elem().Set(v)
				v = p.Elem()
			}
			return encodeValuer(v.Addr().Interface().(driver.Valuer), to)
		}
	case t == jsonType:
		// JSON is sent as text: bytes would be a BLOB to SQLite, bytea to some modes of lib/pq and binary to MySQL.
		return func(v reflect.Value, to Encoder) error {
			if v.IsNil() {
				to.Null()
			} else {
				to.RawText(v.Bytes())
			}
			return nil
		}
	}
	return encoderOfKind(t)
}

func encoderOfKind(t reflect.Type) func(reflect.Value, Encoder) error {
	switch t.Kind() {
	case reflect.Bool:
		return func(v reflect.Value, to Encoder) error { to.Bool(v.Bool()); return nil }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(v reflect.Value, to Encoder) error { to.Int(v.Int()); return nil }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(v reflect.Value, to Encoder) error { encodeUint(v.Uint(), to); return nil }
	case reflect.Float32, reflect.Float64:
		return func(v reflect.Value, to Encoder) error { to.Float(v.Float()); return nil }
	case reflect.String:
		return func(v reflect.Value, to Encoder) error { to.Text(v.String()); return nil }
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return func(v reflect.Value, to Encoder) error { encodeBytes(v.Bytes(), to); return nil }
		}
	case reflect.Pointer:
		inner := encoderOf(t.Elem())
		return func(v reflect.Value, to Encoder) error {
			if v.IsNil() {
				to.Null()
				return nil
			}
			return inner(v.Elem(), to)
		}
	case reflect.Interface:
		return func(v reflect.Value, to Encoder) error {
			if v.IsNil() {
				to.Null()
				return nil
			}
			return EncodeAny(v.Elem().Interface(), to)
		}
	}
	return func(v reflect.Value, to Encoder) error { to.Other(v.Interface()); return nil }
}

// encodeValuer encodes a Valuer's value. A nil pointer to a Valuer is NULL, as in database/sql.
func encodeValuer(v driver.Valuer, to Encoder) error {
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
		encodeUint(out, to)
	case float64:
		to.Float(out)
	case bool:
		to.Bool(out)
	case string:
		to.Text(out)
	case []byte:
		encodeBytes(out, to)
	case time.Time:
		to.Time(out)
	default:
		to.Other(out)
	}
	return nil
}

func encodeUint(v uint64, to Encoder) {
	if v > math.MaxInt64 {
		to.Uint(v)
	} else {
		to.Int(int64(v))
	}
}

// encodeBytes encodes a nil byte slice as NULL, as drivers do.
func encodeBytes(b []byte, to Encoder) {
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
