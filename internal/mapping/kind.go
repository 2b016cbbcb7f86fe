package mapping

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/goupsert/upsert/dialect"
)

// goKind is the kind of value in a field, as far as rules need to know.
type goKind int

const (
	kindOpaque goKind = iota // a Valuer or anything else that only the driver knows
	kindBool
	kindNumber
	kindText
	kindBytes
	kindJSON
	kindTime
	kindList // slices, arrays, maps: columns for drivers that know them
)

func (s goKind) String() string {
	return [...]string{"value of unknown kind", "boolean", "number", "string", "byte string", "JSON document", "time", "list or map"}[s]
}

func (s goKind) fits(r dialect.Rule) bool {
	switch {
	case s == kindOpaque:
		return true
	case r == dialect.Or || r == dialect.And:
		return s == kindBool
	case r == dialect.Add:
		return s == kindNumber
	case r == dialect.Max || r == dialect.Min || r == dialect.Version:
		return s == kindNumber || s == kindText || s == kindBytes || s == kindTime
	case r == dialect.Merge:
		return s == kindText || s == kindBytes || s == kindJSON
	case r == dialect.Key:
		return s != kindJSON && s != kindList
	}
	return true
}

func (s goKind) kind() dialect.Kind {
	switch s {
	case kindBool, kindNumber:
		return dialect.KindNumber
	case kindTime:
		return dialect.KindPlain
	case kindText:
		return dialect.KindText
	case kindBytes:
		return dialect.KindBytes
	case kindJSON:
		return dialect.KindJSON
	}
	return dialect.KindAny
}

var (
	valuerType  = reflect.TypeFor[driver.Valuer]()
	scannerType = reflect.TypeFor[sql.Scanner]()
	timeType    = reflect.TypeFor[time.Time]()
	jsonType    = reflect.TypeFor[json.RawMessage]()
)

// isValuer reports whether values of t, or pointers to them, have a Value method that says what is stored. A String method does
// not count.
func isValuer(t reflect.Type) bool {
	return t.Implements(valuerType) || reflect.PointerTo(t).Implements(valuerType)
}

func isScanner(t reflect.Type) bool { return reflect.PointerTo(t).Implements(scannerType) }

// isColumn reports whether a field of type t is one column, and not a struct of columns.
func isColumn(t reflect.Type) bool {
	for {
		if isValuer(t) || isScanner(t) || t == timeType {
			return true
		}
		if t.Kind() != reflect.Pointer {
			return t.Kind() != reflect.Struct
		}
		t = t.Elem()
	}
}

// storable reports false for the kinds that no driver accepts, and for maps, which only pgx accepts, and not on every path.
func storable(t reflect.Type) bool {
	for !isValuer(t) && !isScanner(t) && (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Map, reflect.Func, reflect.Chan, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer, reflect.Uintptr:
		return isValuer(t) || isScanner(t)
	}
	return true
}

// kindOf returns the kind of value in a field, and whether its type has a NULL.
func kindOf(t reflect.Type) (s goKind, nullable bool) {
	if inner, ok := nullInner(t); ok {
		s, _ = kindOf(inner)
		return s, true
	}
	if t.Kind() == reflect.Pointer && !t.Implements(valuerType) || t.Kind() == reflect.Pointer && isValuer(t.Elem()) {
		s, _ = kindOf(t.Elem())
		return s, true
	}
	switch {
	case t == timeType:
		return kindTime, false
	case isValuer(t):
		return kindOpaque, false
	case t == jsonType:
		return kindJSON, false
	}
	switch t.Kind() {
	case reflect.Bool:
		return kindBool, false
	case reflect.String:
		return kindText, false
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Float32, reflect.Float64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return kindNumber, false
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return kindBytes, false
		}
		return kindList, false
	case reflect.Array, reflect.Map:
		return kindList, false
	}
	return kindOpaque, false
}

// nullInner returns the type inside sql.NullString, sql.Null[T] and similar types, whose first field is the value.
func nullInner(t reflect.Type) (reflect.Type, bool) {
	if t.Kind() == reflect.Struct && t.PkgPath() == "database/sql" && strings.HasPrefix(t.Name(), "Null") && t.NumField() == 2 {
		return t.Field(0).Type, true
	}
	return nil, false
}
