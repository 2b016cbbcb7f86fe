package mapping

import (
	"reflect"

	"github.com/goupsert/upsert/dialect"
)

// GoType is what is known of the values that a column's field can have. The zero GoType is unknown: a Valuer's, or a map's column.
type GoType struct {
	Sort     Sort
	Bits     int  // of a number; int and uint count as 64
	Nullable bool // a nil pointer, or one of the types sql.Null…
	Name     string
}

// Sort says what a field's values are.
type Sort int

// The sorts.
const (
	Unknown Sort = iota
	Bool
	Int
	Uint
	Float
	String
	Bytes
	JSON
	Time
)

// GoType returns what is known of the column's values.
func (c *Column) GoType() GoType {
	if c.typ == nil {
		return GoType{Name: "any"}
	}
	g := goTypeOf(c.typ)
	g.Name = c.typ.String()
	return g
}

func goTypeOf(t reflect.Type) GoType {
	kind, nullable := kindOf(t)
	if inner, ok := nullInner(t); ok {
		g := goTypeOf(inner)
		g.Nullable = true
		return g
	}
	if t.Kind() == reflect.Pointer && nullable {
		g := goTypeOf(t.Elem())
		g.Nullable = true
		return g
	}
	g := GoType{Nullable: nullable}
	switch kind {
	case dialect.GoBool:
		g.Sort = Bool
	case dialect.GoText:
		g.Sort = String
	case dialect.GoBytes:
		g.Sort = Bytes
	case dialect.GoJSON:
		g.Sort = JSON
	case dialect.GoTime:
		g.Sort = Time
	case dialect.GoNumber:
		g.Sort, g.Bits = numberOf(t)
	}
	return g
}

// numberOf returns the sort of a number's type and its size in bits. An int counts as 64 bits, also where it is smaller.
func numberOf(t reflect.Type) (Sort, int) {
	switch t.Kind() {
	case reflect.Int:
		return Int, 64
	case reflect.Uint:
		return Uint, 64
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return Int, t.Bits()
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return Uint, t.Bits()
	case reflect.Float32:
		return Float, 32
	}
	return Float, 64
}
