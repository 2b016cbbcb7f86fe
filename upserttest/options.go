package upserttest

import (
	"fmt"
	"slices"
	"strings"
)

// Option changes what a check does.
type Option interface{ apply(*options) }

type optionFunc func(*options)

func (f optionFunc) apply(o *options) { f(o) }

type options struct {
	quiet     bool
	only      []string
	ignored   []string
	ids       []idDomain
	schedules int
	orders    int
	effects   *Effects
}

const (
	defaultSchedules = 200
	defaultOrders    = 200
)

func optionsOf(all []Option) *options {
	o := &options{schedules: defaultSchedules, orders: defaultOrders}
	for _, opt := range all {
		opt.apply(o)
	}
	return o
}

// Quiet has the second of two runs in a row change nothing at all: no row, no column even if [IgnoreColumns] names it, and on
// PostgreSQL and SQLite no row that is written again with the values it had.
func Quiet() Option { return optionFunc(func(o *options) { o.quiet = true }) }

// Tables has only these tables compared. Without this option all tables of the current database are compared. On PostgreSQL
// these are the tables of all schemas or, if the connection sets a search_path, of the schemas in it.
func Tables(names ...string) Option {
	return optionFunc(func(o *options) { o.only = append(o.only, names...) })
}

// IgnoreColumns leaves columns out of the comparison, such as the time of the last change. A name is "table.column", or "column"
// for the column of every table. A name that no table has fails the test.
func IgnoreColumns(names ...string) Option {
	return optionFunc(func(o *options) { o.ignored = append(o.ignored, names...) })
}

// GeneratedID names a column whose values the database generates, as "table.column", and the columns that refer to it. The
// values may differ from a clean run's, if the rows that belong together still do. [IgnoreColumns] would overlook a child row
// under the wrong parent; GeneratedID finds it.
//
//	upserttest.GeneratedID("orders.id", "lines.order_id", "invoices.order_id")
func GeneratedID(column string, references ...string) Option {
	return optionFunc(func(o *options) { o.ids = append(o.ids, append(idDomain{column}, references...)) })
}

// MaxSchedules limits the interleavings of two runs; the default is 200. A write of n statements has n × (n-1) of them. If
// there are more than the limit, a part is taken that is spread evenly, and the test's log says how many were left out. 0
// leaves out all.
func MaxSchedules(n int) Option {
	return optionFunc(func(o *options) { o.schedules = max(n, 0) })
}

// MaxOrders limits the orders in which [Reorder] delivers messages; the default is 200. If there are more, a part is taken that
// is spread evenly, and the test's log says how many were left out.
func MaxOrders(n int) Option {
	return optionFunc(func(o *options) { o.orders = max(n, 1) })
}

// WithEffects has the calls of a fake provider counted with the tables, and broken like statements.
func WithEffects(e *Effects) Option {
	return optionFunc(func(o *options) { o.effects = e })
}

func (o *options) reads(table string) bool {
	return len(o.only) == 0 || slices.Contains(o.only, table)
}

// ignores returns for each column of a table whether it is left out of the comparison.
func (o *options) ignores(t *table) []bool {
	ignored := make([]bool, len(t.columns))
	for i, column := range t.columns {
		ignored[i] = slices.Contains(o.ignored, column) || slices.Contains(o.ignored, t.name+"."+column)
	}
	return ignored
}

// check reports names in the options that the database does not have.
func (o *options) check(tables []string, s snapshot) error {
	var columns []string
	for _, t := range s {
		for _, column := range t.columns {
			columns = append(columns, t.name+"."+column)
		}
	}
	for _, name := range o.only {
		if !slices.Contains(tables, name) {
			return fmt.Errorf("Tables(%q): there is no such table; there are %s", name, list(tables))
		}
	}
	for _, name := range o.ignored {
		has := func(column string) bool { return column == name || strings.HasSuffix(column, "."+name) }
		if !slices.ContainsFunc(columns, has) {
			return fmt.Errorf("IgnoreColumns(%q): there is no such column; there are %s", name, list(columns))
		}
	}
	for _, domain := range o.ids {
		for _, name := range domain {
			if !slices.Contains(columns, name) {
				return fmt.Errorf("GeneratedID: there is no column %q; want \"table.column\", and there are %s", name, list(columns))
			}
		}
	}
	return nil
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
