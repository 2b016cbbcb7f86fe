package mapping

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"reflect"
	"time"
)

// ScanTargetOf is [Column.ScanTarget] for a value that does not belong to a column: a map's key that is read back.
func ScanTargetOf(v reflect.Value) any { return scanTargetOf(v.Type())(v) }

// scanTargetOf returns a function that gives the target through which rows.Scan fills a field of a type: the field's address, or a
// converter for the types that database/sql cannot fill from the values of some drivers and for the Scan methods of the caller's types.
func scanTargetOf(t reflect.Type) func(f reflect.Value) any {
	fill := converterOf(t)
	if fill == nil {
		return func(f reflect.Value) any { return f.Addr().Interface() }
	}
	_, isNull := nullInner(t)
	takesNil := isScanner(t) && !isNull
	return func(f reflect.Value) any { return &scanTarget{f, fill, takesNil} }
}

// scanPanicError carries a panic of a Scan method.
type scanPanicError struct{ value any }

func (e *scanPanicError) Error() string { return fmt.Sprintf("Scan has panicked: %v", e.value) }

// ScanPanic returns the panic's value.
func (e *scanPanicError) ScanPanic() any { return e.value }

// converter stores a driver's value, which is not nil, in a field.
type converter func(f reflect.Value, src any) error

// scanTarget is a field with its converter.
type scanTarget struct {
	f        reflect.Value
	fill     converter
	takesNil bool // the converter says what NULL is
}

// Scan implements sql.Scanner.
func (d *scanTarget) Scan(src any) error {
	if src != nil || d.takesNil {
		return d.fill(d.f, src)
	}
	if _, null := kindOf(d.f.Type()); !null && d.f.Kind() != reflect.Slice {
		return fmt.Errorf("cannot store NULL in a %s", d.f.Type())
	}
	d.f.SetZero()
	return nil
}

// converterOf returns the converter of a type, or nil if the type needs none.
func converterOf(t reflect.Type) converter {
	if inner, ok := nullInner(t); ok {
		fill := converterOf(inner)
		if fill == nil {
			return nil
		}
		return func(f reflect.Value, src any) error {
			f.Field(1).SetBool(true) // Valid
			return fill(f.Field(0), src)
		}
	}
	switch {
	case t == timeType:
		return convertTime
	case isScanner(t):
		return scan
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return convertBytes
	case t.Kind() == reflect.Bool && t != reflect.TypeFor[bool]():
		return convertBool
	case t.Kind() == reflect.Pointer:
		fill := converterOf(t.Elem())
		if fill == nil {
			return nil
		}
		return func(f reflect.Value, src any) error {
			p := reflect.New(t.Elem())
			f.Set(p)
			return fill(p.Elem(), src)
		}
	}
	return nil
}

// scan calls the Scan method of a caller's type. rows.Scan would keep a lock after a panic, and closing the rows would wait for this lock
// for ever. So the panic becomes an error, and package txn panics again as soon as the rows are closed.
func scan(f reflect.Value, src any) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &scanPanicError{v}
		}
	}()
	return f.Addr().Interface().(sql.Scanner).Scan(src)
}

// convertBytes fills any byte slice type, also from text: go-sqlite3 returns TEXT as a string, which database/sql does not
// convert to a json.RawMessage.
func convertBytes(f reflect.Value, src any) error {
	switch v := src.(type) {
	case []byte:
		f.SetBytes(append([]byte{}, v...))
	case string:
		f.SetBytes([]byte(v))
	default:
		return fmt.Errorf("cannot store a %T in a %s", src, f.Type())
	}
	return nil
}

// convertBool fills a named boolean type, which database/sql fills only from booleans.
func convertBool(f reflect.Value, src any) error {
	v, err := driver.Bool.ConvertValue(src)
	if err != nil {
		return err
	}
	f.SetBool(v.(bool))
	return nil
}

// timeLayouts are the layouts that go-sqlite3, modernc.org/sqlite, SQLite's own functions and MySQL write.
var timeLayouts = [...]string{
	"2006-01-02 15:04:05.999999999-07:00", "2006-01-02T15:04:05.999999999-07:00", "2006-01-02 15:04:05.999999999 -0700 MST",
	"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999Z", "2006-01-02 15:04:05.999999999Z",
	"2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02",
}

// convertTime fills a time, also from text. SQLite has no time type, and a RETURNING column has no declared type for SQLite's
// driver. go-sql-driver returns text without parseTime.
func convertTime(f reflect.Value, src any) error {
	var at time.Time
	var err error
	switch v := src.(type) {
	case time.Time:
		at = v
	case string:
		at, err = parseTime(v)
	case []byte:
		at, err = parseTime(string(v))
	default:
		err = fmt.Errorf("cannot store a %T in a time.Time", src)
	}
	if err == nil {
		f.Set(reflect.ValueOf(at))
	}
	return err
}

func parseTime(s string) (time.Time, error) {
	for _, layout := range timeLayouts {
		if at, err := time.Parse(layout, s); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("cannot read %q as a time", s)
}

// mapTarget stores a column in a map row.
type mapTarget struct {
	m    map[string]any
	name string
}

// Scan implements sql.Scanner.
func (d *mapTarget) Scan(src any) error {
	if b, ok := src.([]byte); ok {
		src = append([]byte{}, b...)
	}
	d.m[d.name] = src
	return nil
}
