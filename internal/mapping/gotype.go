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
		g.Sort, g.Bits = numberOf(t.Kind())
	}
	return g
}

func numberOf(k reflect.Kind) (Sort, int) {
	switch k {
	case reflect.Int8:
		return Int, 8
	case reflect.Int16:
		return Int, 16
	case reflect.Int32:
		return Int, 32
	case reflect.Int, reflect.Int64:
		return Int, 64
	case reflect.Uint8:
		return Uint, 8
	case reflect.Uint16:
		return Uint, 16
	case reflect.Uint32:
		return Uint, 32
	case reflect.Uint, reflect.Uint64:
		return Uint, 64
	case reflect.Float32:
		return Float, 32
	}
	return Float, 64
}
