package upsert

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goupsert/upsert/internal/mapping"
)

// Column declares a column of rows that are map[string]any. The columns have the order of the Column options. If the row's type
// is a struct, New refuses Column, because a struct's tags declare the columns.
func Column(name string, rule Rule, modifiers ...Modifier) Option {
	return option(func(c *config) error {
		o := mapping.Options{Rule: rule}
		for _, m := range modifiers {
			if m.apply == nil {
				return fmt.Errorf("upsert: column %q: a modifier is empty: use OmitZero, Now or InTarget", name)
			}
			if err := m.apply(&o); err != nil {
				return fmt.Errorf("upsert: column %q: %w", name, err)
			}
		}
		c.declared = append(c.declared, mapping.MapColumn{Name: name, Options: o})
		return nil
	})
}

// Modifier is an argument of [Column] after the rule. It means the same as a modifier in a tag.
type Modifier struct{ apply func(*mapping.Options) error }

// OmitZero leaves a zero value to the column's DEFAULT on insert and to the stored value on conflict.
func OmitZero() Modifier {
	return Modifier{func(o *mapping.Options) error { o.OmitZero = true; return nil }}
}

// Now takes the value from the database's clock. It can be used with Keep, Fill and Touch.
func Now() Modifier {
	return Modifier{func(o *mapping.Options) error { o.Now = true; return nil }}
}

// InTarget makes the column a part of the named target, as key=NAME does in a tag.
func InTarget(name string) Modifier {
	return Modifier{func(o *mapping.Options) error {
		if name == "" || strings.Contains(name, ",") {
			return errors.New("InTarget: a target's name is not empty and has no comma")
		}
		o.AddTarget(name)
		return nil
	}}
}
