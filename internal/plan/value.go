package plan

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"time"
)

// value is a column's access to a row.
type value struct {
	get  func(row reflect.Value) (any, error)
	zero func(row reflect.Value) bool
	dest func(row reflect.Value) any // what rows.Scan fills
}

// Value returns the column's value in row as a driver takes it: nil, int64, uint64 above the greatest int64, float64, bool,
// []byte, string or time.Time, or, for types only a driver knows, the field itself. The error is a Valuer's.
func (c *Column) Value(row reflect.Value) (any, error) { return c.value.get(row) }

// IsZero reports whether the column's value is the zero one, by its IsZero method if it has one.
func (c *Column) IsZero(row reflect.Value) bool { return c.value.zero(row) }

// Dest returns what rows.Scan can fill the column's field through. row must be addressable, or a map.
func (c *Column) Dest(row reflect.Value) any { return c.value.dest(row) }

func fieldValue(t reflect.Type, index []int) value {
	read := reader(t)
	if len(index) == 1 {
		i := index[0]
		return value{
			get:  func(row reflect.Value) (any, error) { return read(row.Field(i)) },
			zero: func(row reflect.Value) bool { return isZero(row.Field(i)) },
			dest: func(row reflect.Value) any { return destOf(row.Field(i)) },
		}
	}
	return value{
		get: func(row reflect.Value) (any, error) {
			if f, ok := fieldAt(row, index); ok {
				return read(f)
			}
			return nil, nil
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
		get: func(row reflect.Value) (any, error) {
			return normal(row.Interface().(map[string]any)[name])
		},
		zero: func(row reflect.Value) bool {
			v := row.Interface().(map[string]any)[name]
			return v == nil || isZero(reflect.ValueOf(v))
		},
		dest: func(row reflect.Value) any { return &mapDest{row.Interface().(map[string]any), name} },
	}
}

// normal returns a value of any type as a driver takes it.
func normal(v any) (any, error) {
	switch v := v.(type) {
	case nil, int64, float64, bool, string, time.Time:
		return v, nil
	case []byte:
		return notNil(v), nil
	case int:
		return int64(v), nil
	case json.Number:
		return string(v), nil
	case driver.Valuer:
		return callValue(v)
	}
	rv := reflect.ValueOf(v)
	return reader(rv.Type())(rv)
}

// reader returns the function that takes a value of type t to what a driver takes. What can be decided from the type is
// decided here, once.
func reader(t reflect.Type) func(reflect.Value) (any, error) {
	switch {
	case t == timeType:
		return func(v reflect.Value) (any, error) { return v.Interface(), nil }
	case t.Implements(valuerType):
		return func(v reflect.Value) (any, error) {
			if v.Kind() == reflect.Interface && v.IsNil() {
				return nil, nil
			}
			return callValue(v.Interface().(driver.Valuer))
		}
	case isValuer(t):
		return func(v reflect.Value) (any, error) {
			if !v.CanAddr() {
				p := reflect.New(t)
				p.Elem().Set(v)
				v = p.Elem()
			}
			return callValue(v.Addr().Interface().(driver.Valuer))
		}
	case t == jsonType:
		// As text: bytes would be a BLOB to SQLite, bytea to some modes of lib/pq and binary to MySQL.
		return func(v reflect.Value) (any, error) {
			if v.IsNil() {
				return nil, nil
			}
			return string(v.Bytes()), nil
		}
	}
	return kindReader(t)
}

func kindReader(t reflect.Type) func(reflect.Value) (any, error) {
	switch t.Kind() {
	case reflect.Bool:
		return func(v reflect.Value) (any, error) { return v.Bool(), nil }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(v reflect.Value) (any, error) { return v.Int(), nil }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(v reflect.Value) (any, error) {
			if u := v.Uint(); u > math.MaxInt64 {
				return u, nil
			}
			return int64(v.Uint()), nil
		}
	case reflect.Float32, reflect.Float64:
		return func(v reflect.Value) (any, error) { return v.Float(), nil }
	case reflect.String:
		return func(v reflect.Value) (any, error) { return v.String(), nil }
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return func(v reflect.Value) (any, error) {
				if v.IsNil() {
					return nil, nil
				}
				return v.Bytes(), nil
			}
		}
	case reflect.Pointer:
		inner := reader(t.Elem())
		return func(v reflect.Value) (any, error) {
			if v.IsNil() {
				return nil, nil
			}
			return inner(v.Elem())
		}
	case reflect.Interface:
		return func(v reflect.Value) (any, error) {
			if v.IsNil() {
				return nil, nil
			}
			return normal(v.Elem().Interface())
		}
	}
	return func(v reflect.Value) (any, error) { return v.Interface(), nil }
}

// callValue asks a Valuer, a nil pointer to one being NULL as database/sql has it.
func callValue(v driver.Valuer) (any, error) {
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.Pointer && rv.IsNil() && rv.Type().Elem().Implements(valuerType) {
		return nil, nil
	}
	out, err := v.Value()
	if err != nil {
		return nil, fmt.Errorf("its Value method: %w", err)
	}
	if b, ok := out.([]byte); ok {
		return notNil(b), nil
	}
	return out, nil
}

// notNil makes a nil byte slice the NULL that drivers take it for.
func notNil(b []byte) any {
	if b == nil {
		return nil
	}
	return b
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
