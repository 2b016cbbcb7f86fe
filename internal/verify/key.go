package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/coltype"
	"github.com/goupsert/upsert/internal/ddl"
	"github.com/goupsert/upsert/internal/schema"
)

// checkArbiter: no unique index decides exactly by the conflict target which rows are the same.
func checkArbiter(r *report) {
	target := r.Spec.Target
	if slices.ContainsFunc(target.Columns, func(name string) bool { return r.stored(name) == nil }) {
		return // the missing column is a finding of its own
	}
	if target.Constraint != "" {
		r.checkConstraint()
		return
	}
	var near *schema.Index
	found, rank := false, 0
	for i := range r.Live.Indexes {
		x := &r.Live.Indexes[i]
		switch why := r.unfit(x, goOption); {
		case why == "":
			found = true
		case x.Has(target.Columns, r.folds) && x.Unique && x.Valid && !x.Immediate && x.Predicate == "":
			r.deferrable(x) // an index beside it does not help
			return
		case r.nearness(x) > rank:
			near, rank = x, r.nearness(x)
		}
	}
	if !found || r.Live.RefusesTarget {
		r.noArbiter(near)
	}
}

// nearness says how near an index that does not arbitrate comes to the target, from 0 on.
func (r *report) nearness(x *schema.Index) (n int) {
	names := x.Names()
	hasAll := func(have, want []string) bool {
		return !slices.ContainsFunc(want, func(name string) bool {
			return !slices.ContainsFunc(have, func(h string) bool { return schema.SameNames([]string{h}, []string{name}, r.folds) })
		})
	}
	switch {
	case x.Has(r.Spec.Target.Columns, r.folds):
		n = 6
	case slices.Contains(names, "") && len(names) == len(r.Spec.Target.Columns):
		n = 4
	case x.Unique && (hasAll(names, r.Spec.Target.Columns) || hasAll(r.Spec.Target.Columns, names)):
		n = 2
	}
	if n > 0 && x.Unique {
		n++
	}
	return n
}

// unfit says why an index does not arbitrate, and returns "" if it does. option is the name of IndexWhere.
func (r *report) unfit(x *schema.Index, option string) string {
	where := r.Spec.Target.Where
	if !x.Has(r.Spec.Target.Columns, r.folds) {
		if slices.Contains(x.Names(), "") && len(x.Columns) == len(r.Spec.Target.Columns) {
			return "is on an expression"
		}
		return "has the columns (" + joined(x.Names()) + ")"
	}
	at := slices.IndexFunc(x.Columns, func(c schema.IndexColumn) bool { return c.Collation != "" })
	prefix := slices.IndexFunc(x.Columns, func(c schema.IndexColumn) bool { return c.Prefix > 0 })
	switch {
	case x.Exclusion:
		return "is an exclusion constraint"
	case !x.Unique:
		return "is not unique"
	case !x.Valid:
		return "is invalid, because its build has failed"
	case !x.Visible:
		return "is invisible"
	case !x.Immediate:
		return "is deferrable"
	case at >= 0:
		return "has the collation " + x.Columns[at].Collation + ", which is not the column's"
	case prefix >= 0:
		return fmt.Sprintf("has only the first %d characters of %s, so two keys that begin alike are one", x.Columns[prefix].Prefix, x.Columns[prefix].Name)
	case x.Predicate != "" && where == "":
		return "is partial (WHERE " + x.Predicate + "), and the table has no " + option
	case where != "" && r.Live.RefusesTarget:
		return "is for another predicate than " + option + "'s"
	case r.hasEveryRow(x):
		return "has every row, and " + option + " says that some rows do not count"
	}
	return ""
}

// The names of the option that says which rows are in the target's index.
const goOption, flagOption = "IndexWhere", "-where"

// hasEveryRow reports whether an index has the target's columns of every row, although the target is a partial index.
func (r *report) hasEveryRow(x *schema.Index) bool {
	return r.Spec.Target.Where != "" && x.Predicate == "" && x.Unique && x.Has(r.Spec.Target.Columns, r.folds)
}

// noArbiter reports that no index arbitrates. near is the index that comes nearest, or nil.
func (r *report) noArbiter(near *schema.Index) {
	target := r.Spec.Target
	p := schema.Problem{Check: schema.NoUniqueIndex, Column: joined(target.Columns)}
	p.Why = "no unique index has exactly the key's columns (" + p.Column + "), so " + r.consequence(near, goOption)
	if near != nil {
		p.Index, r.near = near.Name, near
		why := func(option string) string {
			return "no unique index matches the key (" + p.Column + ") exactly: " + title(near) + " " + r.unfit(near, option) + ", so " + r.consequence(near, option)
		}
		p.Why, p.Flags.Why = why(goOption), why(flagOption)
		switch {
		case r.hasEveryRow(near):
			mend := " out, or make a unique index of (" + p.Column + ") WHERE " + target.Where + " in place of " + title(near)
			p.Mend, p.Flags.Mend = "leave "+goOption+mend, "leave "+flagOption+mend
			r.fault(p)
			return
		case !near.Visible && near.Unique:
			p.Mend = "ALTER TABLE " + r.quoted() + " ALTER INDEX " + r.dialect().Quote(near.Name) + " " + r.visible()
			r.fault(p)
			return
		}
	}
	p.Find = ddl.FindDuplicates(r.dialect(), r.Spec.Table, target, r.nullable())
	p.Mend = r.mendArbiter(near)
	r.fault(p)
}

// title is an index's name in a sentence. SQLite's rowid has no index, and so no name.
func title(x *schema.Index) string {
	if x.Name == "" {
		return "the primary key"
	}
	return x.Name
}

func (r *report) visible() string {
	if r.name() == "mariadb" {
		return "NOT IGNORED"
	}
	return "VISIBLE"
}

func hasPrefix(x *schema.Index) bool {
	return slices.ContainsFunc(x.Columns, func(c schema.IndexColumn) bool { return c.Prefix > 0 })
}

// hasCollation reports whether an index has a collation of its own.
func hasCollation(x *schema.Index) bool {
	return slices.ContainsFunc(x.Columns, func(c schema.IndexColumn) bool { return c.Collation != "" })
}

// consequence says what an index that is not the target's makes happen, or no index.
func (r *report) consequence(near *schema.Index, option string) string {
	isSame := near != nil && near.Unique && near.Has(r.Spec.Target.Columns, r.folds)
	switch {
	case isSame && r.hasEveryRow(near):
		return r.everyRow(option)
	case isSame && !near.Visible:
		return "each look for a row by its key reads the whole table"
	case isSame && hasPrefix(near):
		return "a key that begins as a stored key is refused"
	case isSame && hasCollation(near):
		return "a conflict does not mean the row that a look by the key finds"
	case r.isMySQL():
		return r.name() + " would insert a row again each time that it is written"
	}
	return r.name() + " refuses every write"
}

// everyRow says what a unique index of every row makes of the rows that IndexWhere leaves out.
func (r *report) everyRow(option string) string {
	if r.name() == "postgres" {
		return "a write changes a stored row that " + option + " leaves out"
	}
	return "a write fails that meets a stored row which " + option + " leaves out"
}

// deferrable reports a constraint that is checked at the end of a statement or a transaction. PostgreSQL refuses each statement as
// long as the constraint is there, even beside another index.
func (r *report) deferrable(x *schema.Index) {
	target := r.Spec.Target
	r.fault(schema.Problem{
		Check: schema.NoUniqueIndex, Column: joined(target.Columns), Index: x.Name, Find: ddl.FindDuplicates(r.dialect(), r.Spec.Table, target, r.nullable()),
		Why:  "the constraint " + x.Name + " of the key's columns is DEFERRABLE, and a deferrable constraint cannot arbitrate a conflict, so every write fails",
		Mend: r.replaceConstraint(x, r.newIndex()),
	})
}

// checkConstraint: OnConstraint names a constraint that does not arbitrate.
func (r *report) checkConstraint() {
	target := r.Spec.Target
	i := slices.IndexFunc(r.Live.Indexes, func(x schema.Index) bool { return x.Name == target.Constraint })
	switch {
	case i < 0:
		r.noArbiter(nil)
	case !r.Live.Indexes[i].Constraint:
		r.indexOnly(&r.Live.Indexes[i])
	case !r.Live.Indexes[i].Has(target.Columns, r.folds):
		if wrong := schema.WrongConstraint(target, r.Live.Indexes[i].Names()); wrong != nil {
			r.fault(*wrong)
		}
	case !r.Live.Indexes[i].Arbitrates():
		if x := &r.Live.Indexes[i]; !x.Immediate {
			r.deferrable(x)
		} else {
			r.noArbiter(x)
		}
	}
}

// nullable returns the key's columns that can be NULL.
func (r *report) nullable() (columns []string) {
	for _, k := range r.Spec.Target.Columns {
		if s := r.stored(k); s != nil && !s.NotNull {
			columns = append(columns, k)
		}
	}
	return columns
}

// checkNullableKey: NULL equals nothing, so that rows with NULL in their key are never the same.
func checkNullableKey(r *report) {
	for _, k := range r.nullable() {
		p := schema.Problem{
			Check: schema.NullableKey, Column: k, Find: ddl.FindNulls(r.dialect(), r.Spec.Table, k),
			Why:  "the key's column " + k + " can be NULL, and NULL equals nothing: others can store a row with NULL twice, and this library can write neither",
			Mend: ddl.SetNotNull(r.dialect(), r.Spec.Table, k, r.stored(k).Definition),
		}
		if p.Mend == "" {
			p.Mend = "make the column NOT NULL; where the database cannot change a column in place, create the table anew and copy the rows"
		}
		r.fault(p)
	}
}

// checkKeyCollation: two keys that differ are one row to the column's collation. The library refuses the second one, so that it is
// never written.
func checkKeyCollation(r *report) {
	for _, k := range r.Spec.Target.Columns {
		s := r.stored(k)
		if s == nil {
			continue
		}
		folds := s.Folds
		if isFixed(s.Type) && !slices.ContainsFunc(folds, func(f schema.Folding) bool { return f.What == padding }) && r.name() != "sqlite" && s.Collation != "" {
			folds = append(slices.Clone(folds), schema.Folding{What: padding, A: "a", B: "a "})
		}
		if len(folds) == 0 {
			continue
		}
		r.foldedKey(k, s, folds)
	}
}

const padding = "padding"

func isFixed(typ string) bool {
	return strings.HasPrefix(typ, "char(") || strings.HasPrefix(typ, "character(") || typ == "bpchar" || typ == "char" || typ == "character"
}

func (r *report) foldedKey(k string, s *schema.LiveColumn, folds []schema.Folding) {
	var whats []string
	for _, f := range folds {
		whats = append(whats, fmt.Sprintf("%s (%+q and %+q)", f.What, f.A, f.B))
	}
	name := s.Collation
	if name == "" {
		name = "the type " + s.Type
	}
	p := schema.Problem{
		Check: schema.KeyCollation, Column: k, Mend: "give the column a collation that compares the characters themselves while nobody writes, because this copies the table",
		Why: "the key's column " + k + " takes different texts for one, by " + name + ": it does not tell " + strings.Join(whats, ", ") + ", so the second of two such rows is refused",
	}
	if typ := r.keyType(k); typ != "" {
		p.Mend += ": its type would be " + typ
	}
	if len(folds) == 1 && folds[0].What == padding {
		p.Check = schema.KeyPadding
		if !coltype.HasUnpaddedBinary(r.dialect()) && !isFixed(s.Type) {
			p.Mend = "use VARBINARY if keys can end in a blank, because no binary collation of this version tells such keys apart"
			r.note(p)
			return
		}
	}
	r.fault(p)
}

func (r *report) keyType(column string) string {
	for _, c := range r.Table.Columns {
		if c.Name == column {
			return coltype.For(r.dialect(), c.Go, coltype.Use{Key: true, Merged: c.Rule == dialect.Merge})
		}
	}
	return ""
}
