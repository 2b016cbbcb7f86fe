package mapping

import (
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/goupsert/upsert/dialect"
	"github.com/jmoiron/sqlx/reflectx"
)

// built caches the mapping of a type under sqlx's own mapper, or its error: a type's tags do not change.
var built sync.Map // reflect.Type -> *result

type result struct {
	mapping *Mapping
	err     error
}

// OfStruct returns the mapping of a struct type. mapper names the columns as sqlx would. If mapper is nil, OfStruct uses sqlx's
// own: the db tag, or the field's name in lower case.
func OfStruct(t reflect.Type, mapper *reflectx.Mapper) (*Mapping, error) {
	if mapper != nil {
		return build(t, mapper)
	}
	if r, ok := built.Load(t); ok {
		return r.(*result).mapping, r.(*result).err
	}
	p, err := build(t, reflectx.NewMapperFunc("db", strings.ToLower))
	r, _ := built.LoadOrStore(t, &result{p, err})
	return r.(*result).mapping, r.(*result).err
}

func build(t reflect.Type, mapper *reflectx.Mapper) (*Mapping, error) {
	switch {
	case t.Kind() != reflect.Struct:
		return nil, &TagError{Type: t, Reason: "a row is a struct or a map[string]any"}
	case isColumn(t):
		return nil, &TagError{Type: t, Reason: "it has a Value or Scan method, its own or of a type it embeds, so it is one column: a row is a struct or a map[string]any"}
	}
	w := walker{mapping: &Mapping{Type: t}}
	if err := w.walk(mapper.TypeMap(t).Tree, t, "", []reflect.Type{t}, false); err != nil {
		return nil, err
	}
	if len(w.mapping.Columns) == 0 {
		return nil, &TagError{Type: t, Reason: "it has no exported field that is a column"}
	}
	return w.mapping, w.mapping.checkNames()
}

// walker collects the columns of a struct in the order of its fields.
type walker struct{ mapping *Mapping }

func (w *walker) walk(node *reflectx.FieldInfo, t reflect.Type, path string, above []reflect.Type, viaPointer bool) error {
	for i := range t.NumField() {
		f := t.Field(i)
		var child *reflectx.FieldInfo
		if i < len(node.Children) {
			child = node.Children[i]
		}
		if err := w.field(child, f, path+f.Name, above, viaPointer); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) field(node *reflectx.FieldInfo, f reflect.StructField, path string, above []reflect.Type, viaPointer bool) error {
	fail := func(format string, args ...any) error {
		return &TagError{Type: w.mapping.Type, Field: path, Reason: fmt.Sprintf(format, args...)}
	}
	tag, tagged := f.Tag.Lookup("upsert")
	switch {
	case !f.IsExported() && !f.Anonymous && (tagged || f.Tag.Get("db") != "" && f.Tag.Get("db") != "-"):
		return fail("it has a tag but is not exported, so it cannot be a column: export it, or remove the tag")
	case node == nil && tagged:
		return fail("it has an upsert tag but no column: give it a name in its db tag, or remove the tag")
	case node == nil:
		return nil
	case node.Name == "":
		return fail("its db tag names no column")
	}
	if isColumn(f.Type) {
		return w.column(node, f, path, tag, viaPointer)
	}
	if tagged {
		return fail("an upsert tag on a struct of columns says nothing: tag its fields")
	}
	inner, pointer := f.Type, false
	for inner.Kind() == reflect.Pointer {
		inner, pointer = inner.Elem(), true
	}
	if pointer && !f.IsExported() {
		return fail("an embedded pointer to an unexported struct cannot be filled: embed the struct itself")
	}
	for _, t := range above {
		if t == inner {
			return fail("type %s contains itself: leave the field out with `db:\"-\"`", inner)
		}
	}
	before := len(w.mapping.Columns)
	if err := w.walk(node, inner, path+".", append(above[:len(above):len(above)], inner), viaPointer || pointer); err != nil {
		return err
	}
	if len(w.mapping.Columns) == before {
		return fail("type %s has no exported fields and no Value method: implement driver.Valuer, or leave it out with `db:\"-\"`", inner)
	}
	return nil
}

func (w *walker) column(node *reflectx.FieldInfo, f reflect.StructField, path, tag string, viaPointer bool) error {
	fail := func(reason string) error { return &TagError{Type: w.mapping.Type, Field: path, Reason: reason} }
	o, err := ParseTag(tag)
	if err != nil {
		return fail(err.Error())
	}
	if !f.IsExported() {
		return fail("an embedded field of an unexported type cannot be read: give it an exported name, or leave it out with `db:\"-\"`")
	}
	if !storable(f.Type) {
		return fail(fmt.Sprintf("no driver takes a %s: use json.RawMessage for a document, implement driver.Valuer, or leave it out with `db:\"-\"`", f.Type))
	}
	kind, nullable := kindOf(f.Type)
	if err := o.check(kind); err != nil {
		return fail(err.Error())
	}
	if (nullable || viaPointer) && (o.Rule == dialect.Key || o.Targets != "") {
		return fail("a key that can be NULL matches no row: use a type without NULL")
	}
	if !readable(f.Type) && o.Rule != dialect.Generated {
		return fail(fmt.Sprintf("type %s has a Scan method but no Value method, so it cannot be written", f.Type))
	}
	c := o.column(node.Path, path)
	c.Kind = comparedAs(kind)
	c.value, c.typ = fieldValue(f.Type, node.Index), f.Type
	w.mapping.Columns = append(w.mapping.Columns, c)
	return nil
}

// readable reports whether a value of type t can be given to a driver.
func readable(t reflect.Type) bool {
	for !isValuer(t) && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return isValuer(t) || t == timeType || t.Kind() != reflect.Struct
}
