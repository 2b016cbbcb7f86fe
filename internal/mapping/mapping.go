// Package mapping turns a row's type into columns: which columns there are, which rule each has, and how a row gives its value.
//
// This takes three steps, each of which can be read alone: a field's tag is parsed into a small value (tag.go), the fields are
// walked as sqlx's reflectx maps them (fields.go), and every column gets its accessors (encode.go, scan.go). A mapping never
// changes after it is built.
package mapping

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/goupsert/upsert/dialect"
)

// Column is one column of a mapping.
type Column struct {
	Name     string // the database's name
	Field    string // the field's path in Go, or the name for a map's column
	Rule     dialect.Rule
	Kind     dialect.Kind
	Now      bool     // the database's clock gives the value
	OmitZero bool     // a zero value is left to the column's DEFAULT
	Targets  []string // the targets that the column is part of: "" for the default one

	value value
	typ   reflect.Type // the field's; nil for a map's column
}

// Mapping holds the columns of a type.
type Mapping struct {
	Type    reflect.Type
	Columns []Column
	isMap   bool
}

// TagError says what is wrong with a struct's tags, or with the columns given for a map.
type TagError struct {
	Type   reflect.Type // the row's type
	Field  string       // the field's path, or "" for the whole type
	Reason string       // what is wrong and what to do about it
}

func (e *TagError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("upsert: type %s: %s", e.Type, e.Reason)
	}
	return fmt.Sprintf("upsert: type %s, field %s: %s", e.Type, e.Field, e.Reason)
}

// MapColumn declares a column of rows that are map[string]any.
type MapColumn struct {
	Name    string
	Options Options
}

// MapType is the row type whose columns are given as options.
var MapType = reflect.TypeFor[map[string]any]()

// OfMap returns the mapping of rows that are map[string]any.
func OfMap(cols []MapColumn) (*Mapping, error) {
	p := &Mapping{Type: MapType, isMap: true}
	for _, c := range cols {
		if err := c.Options.check(dialect.GoOpaque); err != nil {
			return nil, &TagError{Type: MapType, Field: c.Name, Reason: err.Error()}
		}
		col := c.Options.column(c.Name, c.Name)
		col.value = mapValue(c.Name)
		p.Columns = append(p.Columns, col)
	}
	return p, p.checkNames()
}

// Subset returns a mapping of the columns for which keep returns true.
func (p *Mapping) Subset(keep func(name string) bool) *Mapping {
	s := *p
	s.Columns = slices.DeleteFunc(slices.Clone(p.Columns), func(c Column) bool { return !keep(c.Name) })
	return &s
}

// IsMap reports whether the rows are map[string]any.
func (p *Mapping) IsMap() bool { return p.isMap }

func (p *Mapping) checkNames() error {
	seen := map[string]string{}
	for _, c := range p.Columns {
		if other, ok := seen[c.Name]; ok {
			reason := fmt.Sprintf("column %q is also that of %s: rename one, or leave one out with `db:\"-\"`", c.Name, other)
			if p.isMap {
				reason = fmt.Sprintf("column %q is declared twice", c.Name)
			}
			return &TagError{Type: p.Type, Field: c.Field, Reason: reason}
		}
		seen[c.Name] = c.Field
	}
	return nil
}

// Check returns an error if a map row lacks one of the columns that the mapping writes, or has any other column.
func (p *Mapping) Check(row reflect.Value) error {
	if !p.isMap {
		return nil
	}
	m := row.Interface().(map[string]any)
	written := 0
	for _, c := range p.Columns {
		if c.Rule == dialect.Generated || c.Now {
			if _, ok := m[c.Name]; !ok {
				continue
			}
			written++ // an earlier call has read the value back
			continue
		}
		if _, ok := m[c.Name]; !ok {
			if other := p.extra(m); other != "" {
				return fmt.Errorf("column %q is missing, and %q is not one of the table's", c.Name, other)
			}
			return fmt.Errorf("column %q is missing", c.Name)
		}
		written++
	}
	if written == len(m) {
		return nil
	}
	return fmt.Errorf("column %q is not one of the table's", p.extra(m))
}

// extra returns the first name, in order, that is not a column.
func (p *Mapping) extra(m map[string]any) string {
	first := ""
	for name := range m {
		if p.Index(name) < 0 && (first == "" || name < first) {
			first = name
		}
	}
	return first
}

// Index returns the index of the column with that name, or -1.
func (p *Mapping) Index(name string) int {
	for i, c := range p.Columns {
		if c.Name == name {
			return i
		}
	}
	return -1
}
