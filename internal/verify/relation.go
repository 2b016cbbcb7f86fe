package verify

import (
	"slices"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/ddl"
	"github.com/goupsert/upsert/internal/schema"
)

// checkRelation: what has the table's name may be no table.
func checkRelation(r *report) {
	refuse := func(why string) {
		r.fault(schema.Problem{Check: schema.NotWritable, Why: why + ", so every write fails", Mend: "give New the name of the table behind it", Flags: schema.Words{Mend: "give -table the name of the table behind it"}})
	}
	switch r.Live.Relation.Kind {
	case schema.FixedView:
		refuse("it is a view that " + r.name() + " cannot write an upsert through")
	case schema.ForeignTable:
		refuse("it is a foreign table, in which no unique index can arbitrate")
	case schema.VirtualTable:
		refuse("it is a virtual table, into which SQLite has no upsert")
	case schema.WritableView:
		r.note(schema.Problem{
			Check: schema.IsView, Mend: "give New the name of the table behind the view, or verify that table too",
			Flags: schema.Words{Mend: "give -table the name of the table behind the view, or verify that table too"},
			Why:   "it is a view: the unique index, the NOT NULL and the collations of its columns are those of the table behind it and were not checked" + r.lostOutcomes(),
		})
	}
	if len(r.Live.Rules) > 0 {
		r.fault(schema.Problem{
			Check: schema.NotWritable, Why: "its rules " + joined(r.Live.Rules) + " make every statement with ON CONFLICT fail", Mend: "drop the rules, or make triggers of them",
		})
	}
	if r.Live.Relation.Unlogged {
		r.note(schema.Problem{Check: schema.Unlogged, Why: "the table is UNLOGGED, and a crash of the server empties it", Mend: "make it LOGGED while nobody writes, because this copies the table"})
	}
}

// lostOutcomes says what a statement on a view or a partitioned table does not report.
func (r *report) lostOutcomes() string {
	if r.Spec.Dialect.Traits().Reporting != dialect.ReportFlagPlain {
		return ""
	}
	return ", and the outcome of a written row is Unknown before PostgreSQL 18"
}

// checkPartitions says what a table in several parts loses.
func checkPartitions(r *report) {
	p := schema.Problem{Check: schema.Partitions, Mend: "nothing, if you can do without"}
	switch {
	case r.Live.Relation.Kind == schema.ParentTable:
		p.Why = "other tables inherit from the table: a unique index is of one table alone, so a key can be in each of them, and the library looks at this table only"
	case r.Live.Relation.Kind == schema.PartitionedTable && r.isMySQL():
		p.Why = "the table is partitioned: each unique index must contain the columns that it is partitioned by, and no foreign key can refer to it"
	case r.Live.Relation.Kind == schema.PartitionedTable:
		p.Why = "the table is partitioned: each unique index must contain the columns that it is partitioned by, and a row whose change moves it to another partition cannot be updated on a conflict" + r.lostOutcomes()
	default:
		return
	}
	r.note(p)
}

// checkEngine: a statement of a batch that fails leaves the rows before it.
func checkEngine(r *report) {
	if r.Live.Relation.Transactional {
		return
	}
	r.fault(schema.Problem{
		Check: schema.Engine, Why: "its engine " + r.Live.Relation.Engine + " has no transactions, so a batch that fails leaves a part of its rows, and a claim stays when its effect is rolled back",
		Mend: "change the engine while nobody writes, because this copies the table: ALTER TABLE " + r.quoted() + " ENGINE=InnoDB",
	})
}

// checkMode: a session that is not strict cuts what does not fit (hazard H29).
func checkMode(r *report) {
	if !r.isMySQL() || r.Live.Session.Hidden || strings.Contains(r.Live.Session.Mode, "STRICT_") {
		return
	}
	r.fault(schema.Problem{
		Check: schema.NotStrict, Why: "the session's sql_mode is '" + r.Live.Session.Mode + "', which is not strict: a value that does not fit is cut, and a key that is cut is another row's",
		Mend: "add STRICT_TRANS_TABLES to sql_mode, in the DSN or on the server",
	})
}

// checkRights: the rights that the statements need are asked for, and not tried.
func checkRights(r *report) {
	if lacks := r.Live.Session.Lacks; len(lacks) > 0 {
		p := schema.Problem{Check: schema.Rights}
		switch lacks[0] {
		case "query_only":
			p.Why, p.Mend = "the connection has PRAGMA query_only, so every write fails", "take query_only off the connections that write"
		case "USAGE":
			p.Why, p.Mend = "the user "+r.Live.Session.User+" lacks the right USAGE on the schema "+r.Spec.Table.Schema+", so every write fails", "grant it: GRANT USAGE ON SCHEMA … TO "+r.dialect().Quote(r.Live.Session.User)
		default:
			p.Why, p.Mend = "the user lacks the rights "+joined(lacks)+" on the table, so every write fails", "have an administrator grant them: GRANT "+joined(lacks)+" ON "+r.quoted()+" TO the user"
		}
		r.fault(p)
	}
	for _, right := range []string{"INSERT", "UPDATE", "SELECT"} {
		r.checkRight(right)
	}
	r.checkSequences()
}

// checkSequences: an insert that leaves a column to its DEFAULT needs the right to the DEFAULT's sequence.
func (r *report) checkSequences() {
	for _, c := range r.Live.Columns {
		isGiven := slices.ContainsFunc(r.Table.Columns, func(own ddl.Column) bool { return own.Name == c.Name && isWritten(own) && !own.OmitZero })
		if c.Sequence == "" || isGiven {
			continue
		}
		r.fault(schema.Problem{
			Check: schema.Rights, Column: c.Name, Mend: "GRANT USAGE ON SEQUENCE " + c.Sequence + " TO " + r.quotedUser(),
			Why: "the user " + r.Live.Session.User + " lacks the right USAGE on the sequence " + c.Sequence + ", which numbers the column " + c.Name + ", so an insert fails",
		})
	}
}

func (r *report) checkRight(right string) {
	var columns []string
	for _, c := range r.Live.Columns {
		if slices.Contains(c.Lacks, right) && r.needs(right, c.Name) {
			columns = append(columns, c.Name)
		}
	}
	if len(columns) == 0 {
		return
	}
	r.fault(schema.Problem{
		Check: schema.Rights, Column: joined(columns), Why: "the user " + r.Live.Session.User + " lacks the right " + right + " on " + joined(columns) + ", so writes fail",
		Mend: "GRANT " + right + " ON " + r.quoted() + " TO " + r.quotedUser(),
	})
}

// quotedUser returns the session's user as GRANT names a user.
func (r *report) quotedUser() string {
	user := r.Live.Session.User
	if r.name() == "postgres" {
		return r.dialect().Quote(user)
	}
	if name, host, ok := strings.Cut(user, "@"); ok {
		return r.dialect().Quote(name) + "@" + r.dialect().Quote(host)
	}
	return user
}

// needs reports whether the statements need a right on a column: the key is compared, and so is what is assigned. On PostgreSQL the
// assignment of a key is never made; on MySQL and MariaDB the key is set to itself.
func (r *report) needs(right, column string) bool {
	w := r.written(column)
	isKey := w != nil && slices.Contains(r.Spec.Target.Columns, w.Name)
	switch right {
	case "INSERT":
		return w != nil
	case "UPDATE":
		return w != nil && (r.assigned(w) || isKey && r.isMySQL())
	}
	return w != nil && (isKey || r.assigned(w)) || slices.Contains(r.Spec.Generated, column)
}

// checkMerge: the rule merge needs a function of the library's on PostgreSQL.
func checkMerge(r *report) {
	merges := slices.ContainsFunc(r.Spec.Writes, func(c dialect.Column) bool { return c.Rule == dialect.Merge })
	if merges && r.Live.Facts != nil && !r.Live.Facts.MergeFunction {
		r.fault(schema.Problem{
			Check: schema.NoMergeFunction, Why: "the function " + dialect.MergeFunctionName + "(jsonb, jsonb) is not installed, so every write is refused",
			Mend: dialect.PostgresMergeFunction,
		})
	}
}
