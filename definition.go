package upsert

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/ddl"
	"github.com/goupsert/upsert/internal/mapping"
	"github.com/goupsert/upsert/internal/schema"
	"github.com/goupsert/upsert/internal/sqlname"
	"github.com/goupsert/upsert/internal/write"
)

// definition is what New finds out about a table.
type definition struct {
	name      string // as given to New
	mapping   *mapping.Mapping
	needs     *mapping.Mapping  // what a row must have: if a row is a map, the chosen columns
	cols      []*mapping.Column // the columns that are written, in the mapping's order
	generated []*mapping.Column
	keys      []int // indexes in cols of the target's columns
	spec      schema.Spec
	layout    ddl.Table
	adds      bool
	guarantee Guarantee
}

// newWriter returns what writes the table's rows. It writes the text of one statement, and returns the error if the database
// lacks a feature.
func (d *definition) newWriter(c *config, e write.Events) (*write.Table, error) {
	return write.New(write.Config{
		Name: d.name, Mapping: d.mapping, Needs: d.needs, Columns: d.cols, Keys: d.keys, Generated: d.generated, Spec: d.spec,
		Attempts: c.attempts, Copy: c.copies, Events: e,
	})
}

// mappingOf returns the mapping of a row's type.
func mappingOf(row reflect.Type, c *config) (m *mapping.Mapping, err error) {
	if row != mapping.MapType {
		if len(c.declared) > 0 {
			return nil, fmt.Errorf("upsert: Column %q is given for %s: its tags say its columns", c.declared[0].Name, row)
		}
		m, err = mapping.OfStruct(row, c.mapper)
		return m, tagError(err)
	}
	if len(c.declared) == 0 {
		return nil, errors.New("upsert: a map[string]any has no columns of its own: give New a Column option for each")
	}
	m, err = mapping.OfMap(c.declared)
	return m, tagError(err)
}

// tagError returns the public form of an error of package mapping.
func tagError(err error) error {
	var wrong *mapping.TagError
	if errors.As(err, &wrong) {
		return (*TagError)(wrong)
	}
	return err
}

func (d *definition) setName(*config) (err error) {
	if d.spec.Table, err = sqlname.Parse(d.spec.Dialect, d.name); err != nil {
		return fmt.Errorf("upsert: table name %q: %w", d.name, err)
	}
	return nil
}

// setColumns chooses the columns that are written and read back.
func (d *definition) setColumns(c *config) error {
	chosen := func(string) bool { return true }
	if c.columns != nil {
		for i, name := range c.columns {
			switch {
			case d.mapping.Index(name) < 0:
				return d.unknownColumn("Columns", name)
			case slices.Contains(c.columns[:i], name):
				return fmt.Errorf("upsert: Columns: %q is there twice", name)
			}
		}
		chosen = func(name string) bool { return slices.Contains(c.columns, name) }
	}
	version := ""
	for i := range d.mapping.Columns {
		col := &d.mapping.Columns[i]
		if col.Rule == Version {
			if version != "" {
				return &TagError{Type: d.mapping.Type, Field: col.Field, Reason: "a row has one version, and " + version + " is it already"}
			}
			version = col.Field
			if !chosen(col.Name) {
				return fmt.Errorf("upsert: Columns: the version %q must be among them, or a late row would undo a newer one", col.Name)
			}
		}
		switch {
		case !chosen(col.Name):
		case col.Rule == Generated:
			d.generated = append(d.generated, col)
		default:
			d.cols = append(d.cols, col)
		}
	}
	if d.mapping.IsMap() {
		d.needs = d.mapping.Subset(chosen)
	}
	return nil
}

func (d *definition) unknownColumn(option, name string) error {
	var known []string
	for _, col := range d.mapping.Columns {
		known = append(known, col.Name)
	}
	if near := mapping.Nearest(name, known); near != "" {
		return fmt.Errorf("upsert: %s: %s has no column %q: is %q meant?", option, d.mapping.Type, name, near)
	}
	return fmt.Errorf("upsert: %s: %s has no column %q: it has %s", option, d.mapping.Type, name, strings.Join(known, ", "))
}

// setTarget finds the key's columns and derives the fields that follow from the columns.
func (d *definition) setTarget(c *config) error {
	if c.arbiter.named && c.arbiter.target == "" {
		return errors.New("upsert: Target: the name is empty: leave the option out for the columns tagged key")
	}
	if c.arbiter.where != "" && c.arbiter.constraint != "" {
		return errors.New("upsert: IndexWhere and OnConstraint exclude each other: a constraint has no predicate")
	}
	d.spec.Generated = write.Names(d.generated)
	d.spec.Target = dialect.Target{Where: c.arbiter.where, Constraint: c.arbiter.constraint}
	var omits []bool
	for i, col := range d.cols {
		w := dialect.Column{Name: col.Name, Rule: col.Rule, Kind: col.Kind, Now: col.Now}
		if slices.Contains(col.Targets, c.arbiter.target) {
			w.Rule = Key
			d.keys = append(d.keys, i)
			d.spec.Target.Columns = append(d.spec.Target.Columns, col.Name)
		}
		if col.OmitZero {
			d.spec.Zeros = append(d.spec.Zeros, i)
		}
		d.spec.Writes, omits = append(d.spec.Writes, w), append(omits, col.OmitZero)
		d.adds = d.adds || !w.Rule.RepeatSafe()
	}
	if err := d.checkTarget(c); err != nil {
		return err
	}
	d.guarantee = guaranteeOf(d.spec.Writes, d.spec.Target, omits)
	if len(d.spec.Zeros) > 64 {
		return &TagError{Type: d.mapping.Type, Reason: "more than 64 columns have omitzero"}
	}
	return nil
}

// checkTarget returns an error if the key, or a part of it, is missing.
func (d *definition) checkTarget(c *config) error {
	var others []string
	for i := range d.mapping.Columns {
		col := &d.mapping.Columns[i]
		inTarget := slices.Contains(col.Targets, c.arbiter.target)
		if inTarget && !slices.Contains(d.spec.Target.Columns, col.Name) {
			return fmt.Errorf("upsert: Columns: the key column %q must be among them", col.Name)
		}
		for _, name := range col.Targets {
			if name != "" && !slices.Contains(others, name) {
				others = append(others, name)
			}
		}
	}
	if len(d.keys) > 0 {
		return nil
	}
	if c.arbiter.named {
		if near := mapping.Nearest(c.arbiter.target, others); near != "" {
			return fmt.Errorf("upsert: Target: no field is tagged key=%s: is %q meant?", c.arbiter.target, near)
		}
		return fmt.Errorf("upsert: Target: no field is tagged key=%s", c.arbiter.target)
	}
	reason := "no field is tagged `upsert:\"key\"`: say what makes a row the same row"
	if len(others) > 0 {
		reason += ", or pick one of its targets with Target: " + strings.Join(others, ", ")
	}
	return &TagError{Type: d.mapping.Type, Reason: reason}
}

func (d *definition) checkIdents(*config) error {
	check := func(what, name string) error {
		if err := d.spec.Dialect.CheckIdent(name); err != nil {
			return fmt.Errorf("upsert: %s: %s", what, strings.TrimPrefix(err.Error(), "upsert: "))
		}
		return nil
	}
	for _, col := range d.mapping.Columns {
		if err := check("field "+col.Field, col.Name); err != nil {
			return err
		}
	}
	if err := d.checkCase(); err != nil {
		return err
	}
	if d.spec.Target.Constraint != "" {
		return check("OnConstraint", d.spec.Target.Constraint)
	}
	return nil
}

// checkCase refuses two columns whose names the database takes for one name.
func (d *definition) checkCase() error {
	seen := map[string]*mapping.Column{}
	for _, col := range slices.Concat(d.cols, d.generated) {
		name := strings.ToLower(col.Name)
		if other := seen[name]; other != nil && d.spec.Dialect.Traits().FoldsNames {
			return &TagError{Type: d.mapping.Type, Field: col.Field, Reason: fmt.Sprintf("column %q differs from %q of %s by case alone, so that they are one column to %s: rename one, or leave one out with `db:\"-\"`", col.Name, other.Name, other.Field, d.spec.Dialect.Name())}
		}
		seen[name] = col
	}
	return nil
}
