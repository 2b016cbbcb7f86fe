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

// comparedAs returns how the database compares values of that kind.
func comparedAs(k dialect.GoKind) dialect.Kind {
	switch k {
	case dialect.GoBool, dialect.GoNumber:
		return dialect.KindNumber
	case dialect.GoTime:
		return dialect.KindPlain
	case dialect.GoText:
		return dialect.KindText
	case dialect.GoBytes:
		return dialect.KindBytes
	case dialect.GoJSON:
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
func kindOf(t reflect.Type) (k dialect.GoKind, nullable bool) {
	if inner, ok := nullInner(t); ok {
		k, _ = kindOf(inner)
		return k, true
	}
	if t.Kind() == reflect.Pointer && !t.Implements(valuerType) || t.Kind() == reflect.Pointer && isValuer(t.Elem()) {
		k, _ = kindOf(t.Elem())
		return k, true
	}
	switch {
	case t == timeType:
		return dialect.GoTime, false
	case isValuer(t):
		return dialect.GoOpaque, false
	case t == jsonType:
		return dialect.GoJSON, false
	}
	switch t.Kind() {
	case reflect.Bool:
		return dialect.GoBool, false
	case reflect.String:
		return dialect.GoText, false
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Float32, reflect.Float64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return dialect.GoNumber, false
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return dialect.GoBytes, false
		}
		return dialect.GoList, false
	case reflect.Array, reflect.Map:
		return dialect.GoList, false
	}
	return dialect.GoOpaque, false
}

// nullInner returns the type inside sql.NullString, sql.Null[T] and similar types, whose first field is the value.
func nullInner(t reflect.Type) (reflect.Type, bool) {
	if t.Kind() == reflect.Struct && t.PkgPath() == "database/sql" && strings.HasPrefix(t.Name(), "Null") && t.NumField() == 2 {
		return t.Field(0).Type, true
	}
	return nil, false
}
