package plan

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/goupsert/upsert/dialect"
)

// shape is what a field holds, as far as rules care.
type shape int

const (
	shapeOpaque shape = iota // a Valuer or anything else only the driver knows
	shapeBool
	shapeNumber
	shapeText
	shapeBytes
	shapeJSON
	shapeTime
	shapeList // slices, arrays, maps: columns for drivers that know them
)

func (s shape) String() string {
	return [...]string{"value of unknown kind", "boolean", "number", "string", "byte string", "JSON document", "time", "list or map"}[s]
}

func (s shape) fits(r dialect.Rule) bool {
	switch {
	case s == shapeOpaque:
		return true
	case r == dialect.Or || r == dialect.And:
		return s == shapeBool
	case r == dialect.Add:
		return s == shapeNumber
	case r == dialect.Max || r == dialect.Min || r == dialect.Version:
		return s == shapeNumber || s == shapeText || s == shapeBytes || s == shapeTime
	case r == dialect.Merge:
		return s == shapeText || s == shapeBytes || s == shapeJSON
	case r == dialect.Key:
		return s != shapeJSON && s != shapeList
	}
	return true
}

func (s shape) kind() dialect.Kind {
	switch s {
	case shapeBool, shapeNumber:
		return dialect.KindNumber
	case shapeTime:
		return dialect.KindPlain
	case shapeText:
		return dialect.KindText
	case shapeBytes:
		return dialect.KindBytes
	case shapeJSON:
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

// isValuer reports whether values of t, or pointers to them, say themselves what is stored. A String method does not.
func isValuer(t reflect.Type) bool {
	return t.Implements(valuerType) || reflect.PointerTo(t).Implements(valuerType)
}

func isScanner(t reflect.Type) bool { return reflect.PointerTo(t).Implements(scannerType) }

// isColumn reports whether a field of type t is one column rather than a struct of columns.
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

// storable is false for the kinds that no driver takes, and for maps, which pgx alone takes, and not on every path.
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

// shapeOf returns a field's shape and whether its type has a NULL.
func shapeOf(t reflect.Type) (s shape, nullable bool) {
	if inner, ok := nullInner(t); ok {
		s, _ = shapeOf(inner)
		return s, true
	}
	if t.Kind() == reflect.Pointer && !t.Implements(valuerType) || t.Kind() == reflect.Pointer && isValuer(t.Elem()) {
		s, _ = shapeOf(t.Elem())
		return s, true
	}
	switch {
	case t == timeType:
		return shapeTime, false
	case isValuer(t):
		return shapeOpaque, false
	case t == jsonType:
		return shapeJSON, false
	}
	switch t.Kind() {
	case reflect.Bool:
		return shapeBool, false
	case reflect.String:
		return shapeText, false
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Float32, reflect.Float64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return shapeNumber, false
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return shapeBytes, false
		}
		return shapeList, false
	case reflect.Array, reflect.Map:
		return shapeList, false
	}
	return shapeOpaque, false
}

// nullInner returns the type inside sql.NullString, sql.Null[T] and their like, whose first field is the value.
func nullInner(t reflect.Type) (reflect.Type, bool) {
	if t.Kind() == reflect.Struct && t.PkgPath() == "database/sql" && strings.HasPrefix(t.Name(), "Null") && t.NumField() == 2 {
		return t.Field(0).Type, true
	}
	return nil, false
}
