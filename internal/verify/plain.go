package verify

import (
	"slices"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/schema"
)

// Plain returns the program's table with the clauses left out that the stored table does not need. trusts says that the table will get
// no further unique index.
//
// On SQLite and PostgreSQL every table becomes plain, and a column keeps a comparison by bytes if its type or its collation takes
// different values for equal. On MySQL and MariaDB a conflict with any unique index makes the statement update a row. So the comparison
// of the key goes only if the caller trusts the indexes, and if no other index and no collation can make another row conflict.
func Plain(s Subject, trusts bool) schema.Spec {
	r := newReport(s)
	spec := s.Spec
	spec.Writes = slices.Clone(spec.Writes)
	for i := range spec.Writes {
		c := &spec.Writes[i]
		typed := *c
		folds := s.Live.Relation.Collates
		if s.Live.Facts != nil {
			facts := s.Live.Facts.Columns[c.Name]
			typed.Base, folds = facts.Base, facts.Folds
		}
		folds = folds || slices.Contains(spec.Target.Columns, c.Name) && r.hasFoldingIndex()
		if spec.Dialect.IsExact(typed, folds) {
			c.Kind = dialect.KindExact
		}
	}
	spec.Plain = !r.isMySQL() || trusts && r.isOnlyArbiter()
	spec.RowID = r.rowID()
	key := r.stored(spec.Target.Columns[0])
	spec.RowIDKey = spec.RowID != "" && len(spec.Target.Columns) == 1 && spec.Target.Where == "" && key != nil && key.Computed == schema.Identity
	return spec
}

// rowID returns a name of SQLite's rowid if the rowid can tell an inserted row from an updated one: no update changes the rowid, and no
// trigger keeps a row that was written from being returned. Otherwise it returns "".
func (r *report) rowID() string {
	if r.name() != "sqlite" || !r.Live.Relation.HasRowID || !r.Live.IsTable() || len(r.Live.Triggers) > 0 {
		return ""
	}
	for i, c := range r.Spec.Writes {
		if s := r.stored(c.Name); s == nil || s.Computed == schema.Identity && r.assigned(&r.Spec.Writes[i]) {
			return ""
		}
	}
	for _, name := range []string{"rowid", "_rowid_", "oid"} {
		if r.stored(name) == nil {
			return name
		}
	}
	return ""
}

// hasFoldingIndex reports whether a unique index of the target's columns has a collation of its own. PostgreSQL lets such an index
// arbitrate beside the target's.
func (r *report) hasFoldingIndex() bool {
	return slices.ContainsFunc(r.Live.Indexes, func(x schema.Index) bool {
		return x.Unique && x.Has(r.Spec.Target.Columns, r.folds) && hasCollation(&x)
	})
}

// isOnlyArbiter reports whether the table has a unique index, and each unique index is the target's and tells all keys apart. The
// indexes of a view's table are not known, and neither are those of a table that the user may not see.
func (r *report) isOnlyArbiter() bool {
	found := false
	for i := range r.Live.Indexes {
		x := &r.Live.Indexes[i]
		if x.Unique && r.unfit(x, goOption) != "" {
			return false
		}
		found = found || x.Unique
	}
	// Only columns of the target are asked how they fold.
	return found && r.Live.IsTable() && !slices.ContainsFunc(r.Live.Columns, func(c schema.LiveColumn) bool { return len(c.Folds) > 0 })
}
