package verify

import (
	"strings"

	"github.com/goupsert/upsert/internal/ddl"
	"github.com/goupsert/upsert/internal/schema"
)

// mendArbiter returns the statements that make the target's index, or advice. near is the index that comes nearest, or nil.
func (r *report) mendArbiter(near *schema.Index) string {
	target, name := r.Spec.Target, r.newIndex()
	switch {
	case near == nil:
		return r.makeIndex(name, nil, nil)
	case !near.Valid:
		return r.makeIndex(near.Name, []string{ddl.DropIndex(r.dialect(), r.Spec.Table, near.Name, near.Constraint)}, nil)
	case target.Constraint != "" && near.Name == target.Constraint:
		return r.replaceConstraint(near, name)
	case near.Unique && hasPrefix(near) && near.Name == "PRIMARY":
		if advice := r.notIndexable(); advice != "" {
			return advice
		}
		return ddl.ReplacePrimaryKey(r.dialect(), r.Spec.Table, target)
	case near.Unique && hasPrefix(near):
		return r.makeIndex(name, nil, []string{ddl.DropIndex(r.dialect(), r.Spec.Table, near.Name, false)})
	}
	return r.makeIndex(name, nil, nil)
}

// newIndex returns a name that no index of the table has, nor one of those that are taken.
func (r *report) newIndex(taken ...string) string {
	for _, x := range r.Live.Indexes {
		taken = append(taken, x.Name)
	}
	return ddl.IndexName(r.dialect(), r.Spec.Table, r.Spec.Target.Columns, taken)
}

// notIndexable returns advice if a column of the target cannot be indexed whole, and otherwise "".
func (r *report) notIndexable() string {
	for _, k := range r.Spec.Target.Columns {
		typ := r.stored(k).Type
		if r.isMySQL() && (strings.Contains(typ, "text") || strings.Contains(typ, "blob") || typ == "json") {
			return "give the column " + k + " a type with a length, such as VARCHAR(255), because " + typ + " cannot be indexed whole; then make a unique index of (" + joined(r.Spec.Target.Columns) + ")"
		}
	}
	return ""
}

// makeIndex returns the statements that make the target's index, between other statements, or advice if a column cannot be indexed
// whole.
func (r *report) makeIndex(name string, first, last []string) string {
	if advice := r.notIndexable(); advice != "" {
		return advice
	}
	if r.Live.Relation.Kind == schema.PartitionedTable && r.name() == "postgres" {
		last = append([]string{r.makeInParts(name)}, last...)
		return strings.Join(append(first, last...), "; ")
	}
	all := append(first, ddl.CreateIndex(r.dialect(), r.Spec.Table, r.Spec.Target, name, true))
	if use := ddl.UseIndex(r.dialect(), r.Spec.Table, r.Spec.Target, name); use != "" {
		all = append(all, use)
	}
	return strings.Join(append(all, last...), "; ")
}

// makeInParts returns the statement that makes the target's index in a partitioned table. PostgreSQL makes neither such an index while
// others write nor a constraint of an index there.
func (r *report) makeInParts(name string) string {
	target := r.Spec.Target
	if target.Constraint == "" {
		return ddl.CreateIndex(r.dialect(), r.Spec.Table, target, name, false)
	}
	return ddl.AddConstraint(r.dialect(), r.Spec.Table, target)
}

// replaceConstraint returns the statements that put an index that arbitrates in the place of a constraint that does not. name is
// the new index's. If the program names the constraint, the new one gets its name.
func (r *report) replaceConstraint(x *schema.Index, name string) string {
	drop := ddl.DropIndex(r.dialect(), r.Spec.Table, x.Name, true)
	if r.Live.Relation.Kind == schema.PartitionedTable {
		return drop + "; " + r.makeInParts(name)
	}
	return strings.Join([]string{
		ddl.CreateIndex(r.dialect(), r.Spec.Table, r.Spec.Target, name, true), drop, ddl.UseIndex(r.dialect(), r.Spec.Table, r.Spec.Target, name),
	}, "; ")
}

// indexOnly reports that the name of OnConstraint is an index's that belongs to no constraint. An index that fits becomes the
// constraint; another one keeps the constraint from having its name.
func (r *report) indexOnly(x *schema.Index) {
	target := r.Spec.Target
	p := schema.Problem{
		Check: schema.NoUniqueIndex, Column: joined(target.Columns), Index: x.Name,
		Why: x.Name + " is an index and no constraint, and PostgreSQL takes the name of a constraint only, so every write fails",
	}
	r.near = x
	isPartitioned := r.Live.Relation.Kind == schema.PartitionedTable
	if r.unfit(x, goOption) == "" && !isPartitioned {
		p.Mend = ddl.UseIndex(r.dialect(), r.Spec.Table, target, x.Name)
		r.fault(p)
		return
	}
	if r.unfit(x, goOption) != "" {
		p.Why = x.Name + " is an index that " + r.unfit(x, goOption) + " and no constraint, so every write fails"
	}
	name := r.newIndex()
	p.Find = ddl.FindDuplicates(r.dialect(), r.Spec.Table, target, r.nullable())
	p.Mend = r.makeIndex(name, []string{ddl.RenameIndex(r.dialect(), r.Spec.Table, x.Name, r.newIndex(name))}, nil)
	r.fault(p)
}
