package verify

import (
	"slices"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/schema"
)

// checkOtherIndexes: a row can meet another row through a unique index that is no target of the program's. An index that has a
// column which the database alone fills is met by nobody.
func checkOtherIndexes(r *report) {
	targets := append([][]string{r.Spec.Target.Columns}, r.Table.Others...)
	for i := range r.Live.Indexes {
		x := &r.Live.Indexes[i]
		isTarget := slices.ContainsFunc(targets, func(t []string) bool { return x.Has(t, r.folds) && !hasPrefix(x) }) && !r.hasEveryRow(x) && !r.isStricter(x)
		isFilled := slices.ContainsFunc(x.Columns, func(c schema.IndexColumn) bool {
			s := r.stored(c.Name)
			isNumbered := s != nil && (s.Computed == schema.Identity || s.Computed == schema.IdentityAlways)
			return s != nil && r.written(c.Name) == nil && (isNumbered || s.Default && slices.Contains(r.Spec.Generated, c.Name))
		})
		if !x.Unique && !x.Exclusion || isTarget || isFilled || x == r.near {
			continue
		}
		name := "index " + x.Name
		if x.Name == "" { // SQLite's rowid
			name = "the primary key " + joined(x.Names())
		}
		is, more := name+" is unique too: a row that meets another row through it is refused", ""
		if r.isMySQL() {
			more = ", or updates the row of its key if the key's index comes first (hazard H40)"
		}
		p := schema.Problem{
			Check: schema.OtherUniqueIndex, Index: x.Name, Column: joined(slices.DeleteFunc(x.Names(), func(s string) bool { return s == "" })), Why: is + " with ErrOtherKey" + more,
			Mend:  "declare its columns as a further target (key=NAME), if rows are the same by it; otherwise nothing",
			Flags: schema.Words{Why: is + more, Mend: "if rows are the same by it, say its columns as the -key; otherwise nothing"},
		}
		if r.hasEveryRow(x) {
			p.Why, p.Flags.Why = name+" is unique for every row, so "+r.everyRow(goOption), name+" is unique for every row, so "+r.everyRow(flagOption)
		}
		r.note(p)
	}
}

// isStricter reports whether an index has the target's columns, and can take other keys for one than the target's index does.
func (r *report) isStricter(x *schema.Index) bool {
	return x.Has(r.Spec.Target.Columns, r.folds) && (x.Exclusion || hasCollation(x))
}

// checkTriggers: a trigger runs for a row that is not changed, changes the row, or hides what happened to it.
func checkTriggers(r *report) {
	for _, t := range r.Live.Triggers {
		why := ""
		switch {
		case r.isMySQL():
			why = r.mysqlTrigger(t)
		case t.Before && t.Insert:
			why = "runs before each insert, also for a row that is stored and stays unchanged; what it changes or skips is another row than the one that was sent, and the outcome is about the sent row"
		case t.Before:
			why = "runs before each update: what it changes or skips is another row than the one that was sent, and the outcome is about the sent row"
		case t.Rewrites:
			why = "writes to the table itself, so a stored row is another one than the row that was sent, and a repetition changes it again"
		case !t.PerRow:
			why = "runs for each statement, also for one that changes no row"
		}
		if why != "" {
			r.note(schema.Problem{Check: schema.TriggerOnWrite, Why: "the trigger " + t.Name + " " + why, Mend: "nothing, if the trigger does no harm when it runs again for the same row"})
		}
	}
}

// mysqlTrigger: an INSERT … ON DUPLICATE KEY UPDATE runs the triggers before an insert for each row, and those of an update for each
// row that is stored (hazard H41). On MySQL a trigger hides the outcome from the statement (H23).
func (r *report) mysqlTrigger(t schema.Trigger) string {
	switch hides := r.dialect().Traits().Reporting == dialect.ReportLastID; {
	case t.Update:
		return "runs for each row that is stored, also if nothing changes (hazard H41), and what it assigns is stored"
	case t.Before:
		return "runs before each insert, also for a row that is stored, and what it assigns is written in place of what was sent"
	case hides:
		return "hides the outcome of an inserted row from the statement, so Put takes three statements on one connection (hazard H23)"
	}
	return ""
}

// checkRowSecurity: a policy can keep a row from being seen or written.
func checkRowSecurity(r *report) {
	if !r.Live.Relation.Secured {
		return
	}
	who := "and does not apply to the user " + r.Live.Session.User
	if r.Live.Relation.SecuresUser {
		who = "and applies to the user " + r.Live.Session.User
	}
	r.note(schema.Problem{
		Check: schema.RowSecurity, Why: "row-level security is enabled " + who + ": a write that meets a row which a policy hides fails, and an unchanged row that a policy hides has the outcome Unknown",
		Mend: "let the policies of those who write cover every row that they can meet",
	})
}

// checkPooler: some verbs work otherwise behind a pooler.
func checkPooler(r *report) {
	if r.Live.Session.Pooled {
		r.note(schema.Problem{
			Check: schema.Pooler, Why: "there is a pooler between the driver and the server: Prepare is refused, and with some drivers each statement runs in a transaction (hazard E2)",
			Mend: "see docs/poolers.md; with lib/pq use binary_parameters=yes",
		})
	}
}
