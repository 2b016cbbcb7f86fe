// Package verify compares a stored table with the table that a program writes to, and says what is wrong. It sends nothing: package
// catalog reads what the server says of the table.
package verify

import (
	"slices"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/ddl"
	"github.com/goupsert/upsert/internal/schema"
)

// Subject is a stored table beside the program's.
type Subject struct {
	Spec schema.Spec
	// Table is the program's table as Schema would make it. Its columns include those that are only read back.
	Table ddl.Table
	Live  *schema.Live
}

// A check is one kind of finding. It appends what it finds to the report.
type check func(*report)

// checks are all checks, in the order of their findings. A check that needs a table is not made of a view and the like.
var checks = []struct {
	of        check
	needTable bool
}{
	{of: checkRelation},
	{of: checkPartitions},
	{of: checkEngine, needTable: true},
	{of: checkMode},
	{of: checkRights},
	{of: checkColumnsExist},
	{of: checkArbiter, needTable: true},
	{of: checkNullableKey, needTable: true},
	{of: checkKeyCollation, needTable: true},
	{of: checkComputed},
	{of: checkMandatory, needTable: true},
	{of: checkNotNull, needTable: true},
	{of: checkTypes},
	{of: checkMerge},
	{of: checkOtherIndexes, needTable: true},
	{of: checkTriggers},
	{of: checkRowSecurity},
	{of: checkPooler},
	{of: checkUnenforced},
}

// report collects findings.
type report struct {
	Spec     schema.Spec
	Table    ddl.Table
	Live     *schema.Live
	folds    bool          // the names of columns are equal in upper and lower case
	near     *schema.Index // the index that comes nearest to the target, if no index is the target's
	problems []schema.Problem
}

func newReport(s Subject) *report {
	return &report{Spec: s.Spec, Table: s.Table, Live: s.Live, folds: s.Spec.Dialect.Traits().FoldsNames}
}

// Run returns everything that the checks find.
func Run(s Subject) []schema.Problem {
	r := newReport(s)
	switch s.Live.Relation.Kind {
	case schema.Nothing:
		checkTable(r)
		return r.problems
	case schema.FixedView, schema.ForeignTable, schema.VirtualTable:
		checkRelation(r)
		return r.problems
	}
	for _, c := range checks {
		if !c.needTable || s.Live.IsTable() && len(s.Live.Columns) > 0 {
			c.of(r)
		}
	}
	return r.problems
}

func (r *report) fault(p schema.Problem) { r.problems = append(r.problems, p) }

func (r *report) note(p schema.Problem) {
	p.IsNote = true
	r.problems = append(r.problems, p)
}

func (r *report) dialect() dialect.Dialect { return r.Spec.Dialect }
func (r *report) name() string             { return r.Spec.Dialect.Name() }
func (r *report) quoted() string           { return r.Spec.Dialect.QuoteTable(r.Spec.Table) }
func (r *report) isMySQL() bool            { return r.name() == "mysql" || r.name() == "mariadb" }

func (r *report) stored(column string) *schema.LiveColumn { return r.Live.Column(column, r.folds) }

// written returns the column that the table writes, or nil.
func (r *report) written(name string) *dialect.Column {
	for i, c := range r.Spec.Writes {
		if c.Name == name || r.folds && strings.EqualFold(c.Name, name) {
			return &r.Spec.Writes[i]
		}
	}
	return nil
}

// assigned reports whether a conflict can change the column.
func (r *report) assigned(c *dialect.Column) bool {
	return c.Rule != dialect.Key && c.Rule != dialect.Keep && !slices.Contains(r.Spec.Target.Columns, c.Name) && dialect.Assigns(r.Spec.Writes, r.Spec.Target)
}

// checkTable: there is nothing of that name.
func checkTable(r *report) {
	p := schema.Problem{Check: schema.NoTable, Why: "there is no table " + r.quoted() + ", or the user may not see it, so every write fails"}
	text, err := r.Table.Schema()
	if p.Mend = text; err != nil {
		p.Mend = "make the table; Table.Schema writes the statement as soon as it knows every type: " + err.Error()
		p.Flags.Mend = "make the table; upsert schema writes the statement if each column has its type: -column name=type"
	}
	r.fault(p)
}

// joined returns names with commas between them.
func joined(names []string) string { return strings.Join(names, ", ") }
