package keys

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
)

// kind says what a column has to hold.
type kind int

const (
	digest  kind = iota // 32 bytes
	token               // 16 bytes
	blob                // any bytes
	label               // 1020 characters
	word                // 64 characters
	small               // a number of 16 bits
	medium              // a number of 32 bits
	large               // a number of 64 bits
	instant             // a time, to the microsecond or as exact as the database allows
)

// column is a column that the statements write.
type column struct {
	name    string
	kind    kind
	null    bool
	changes bool // the value changes when a key is finished
}

func columns() []column {
	return []column{
		{name: "key_hash", kind: digest},
		{name: "scope", kind: label},
		{name: "op", kind: label},
		{name: "id", kind: label},
		{name: "state", kind: small, changes: true},
		{name: "fingerprint_version", kind: small},
		{name: "fingerprint", kind: digest, null: true},
		{name: "result", kind: blob, null: true, changes: true},
		{name: "codec", kind: word, changes: true},
		{name: "attempts", kind: medium},
		{name: "fence", kind: large},
		{name: "owner", kind: token},
		{name: "lease_until", kind: instant},
		{name: "claimed_at", kind: instant},
		{name: "finished_at", kind: instant, null: true, changes: true},
		{name: "expires_at", kind: instant},
	}
}

// facts are the catalog's facts about the table.
type facts struct {
	migrated int              // how many of the migrations are done
	problems []upsert.Problem // the problems that no migration solves
}

func (t table) verify(f facts) error {
	switch {
	case len(f.problems) > 0:
		return &SchemaError{Table: t.String(), Problems: f.problems}
	case f.migrated < len(t.migrations()):
		return errNoTable
	}
	return nil
}

// check returns nil if the table is as it should be, errNoTable if there is no table or Migrate has yet to complete the table,
// and otherwise a *SchemaError that names everything that is wrong with the table.
func (t table) check(ctx context.Context, db dialect.Queryer) error {
	f, err := t.inspect(ctx, db)
	if err != nil {
		return err
	}
	return t.verify(f)
}

// inspect asks the catalog about the table.
func (t table) inspect(ctx context.Context, db dialect.Queryer) (facts, error) {
	c, err := catalogOf(t.dialect)
	if err != nil {
		return facts{}, err
	}
	s, err := survey(ctx, db, c, t)
	if err != nil {
		return facts{}, fmt.Errorf("keys: table %s: the catalog was asked about it: %w", t, err)
	}
	if s.relation == nil {
		return facts{}, nil
	}
	f := facts{migrated: 1}
	if !s.relation.isTable() {
		f.problems = []upsert.Problem{{Check: CheckTable, Why: "it is a view or another relation that is not a table", Mend: "give the name of the table behind it"}}
		return f, nil
	}
	f.problems = append(c.relationProblems(*s.relation), t.columnProblems(c, s.columns)...)
	indexes, ordered := indexProblems(s.indexes)
	f.problems = append(f.problems, indexes...)
	switch {
	case ordered:
		f.migrated = len(t.migrations())
	case len(f.problems) > 0: // if there are no problems, Migrate makes the index
		f.problems = append(f.problems, upsert.Problem{Check: CheckNoIndex, Column: "expires_at",
			Why: "there is no index on expires_at, so GC would read the whole table", Mend: t.createIndex()})
	}
	return f, nil
}

func (t table) createIndex() string {
	all := t.migrations()
	return t.renamed(all[len(all)-1].statements()[0])
}

// columnProblems compares the columns found with the columns that the statements write.
func (t table) columnProblems(c catalog, found []foundColumn) (problems []upsert.Problem) {
	for _, want := range columns() {
		definition := t.definition(want.name)
		i := slices.IndexFunc(found, func(f foundColumn) bool { return f.name == want.name })
		if i < 0 {
			problems = append(problems, columnProblem(want.name, "is missing", c.add(t, want, definition)))
			continue
		}
		problems = append(problems, t.columnProblem(c, want, found[i], definition)...)
	}
	for _, f := range found {
		if !f.null && !f.hasDefault && !slices.ContainsFunc(columns(), func(want column) bool { return want.name == f.name }) {
			problems = append(problems, columnProblem(f.name, "is NOT NULL without a default, so no key can be claimed", "give it a default"))
		}
	}
	return problems
}

func (t table) columnProblem(c catalog, want column, found foundColumn, definition string) (problems []upsert.Problem) {
	say := func(what, do string) { problems = append(problems, columnProblem(want.name, what, do)) }
	switch c.fits(want.kind, found) {
	case tooNarrow:
		say("is "+found.typeText()+", which is too narrow", c.retype(t, want, definition))
	case lacksCharacters:
		say("is "+found.typeText()+", which does not hold every character", c.retype(t, want, definition))
	case wrongType:
		say("is "+found.typeText()+", which is the wrong type", c.retype(t, want, definition))
	case fitting:
	}
	switch {
	case found.computed:
		say("is computed by the database", "make it a plain column")
	case found.null && !want.null:
		say("can be NULL", c.renull(t, want, definition))
	case !found.null && want.null:
		say("is NOT NULL, and an unfinished key has no "+want.name, c.renull(t, want, definition))
	}
	return problems
}

func columnProblem(name, what, mend string) upsert.Problem {
	return upsert.Problem{Check: CheckColumn, Column: name, Why: "column " + name + " " + what, Mend: mend}
}

// definition returns how the first migration declares the column, without the column's name and the primary key.
func (t table) definition(name string) string {
	_, rest, _ := strings.Cut(t.migrations()[0].text, "\n  "+name+" ")
	line, _, _ := strings.Cut(rest, "\n")
	line, _, _ = strings.Cut(line, " PRIMARY KEY")
	return strings.TrimSuffix(line, ",")
}

// indexProblems looks for the primary key and for indexes that must not exist. ordered reports that GC has an index.
func indexProblems(found []foundIndex) (problems []upsert.Problem, ordered bool) {
	primary := upsert.Problem{Check: CheckPrimaryKey, Column: "key_hash", Why: "there is no primary key", Mend: "make key_hash the primary key"}
	for _, x := range found {
		switch only := len(x.columns) == 1 && x.columns[0] == "key_hash"; {
		case x.primary && only && x.usable:
			primary = upsert.Problem{}
		case x.primary && only:
			primary.Index, primary.Mend = x.name, "make key_hash a plain primary key"
			primary.Why = "the primary key is deferrable, prefixed or partial, and decides no claim"
		case x.primary:
			primary.Index, primary.Mend = x.name, "make it key_hash alone; a partitioned table must be partitioned by key_hash"
			primary.Why = fmt.Sprintf("the primary key is (%s), so one key could be claimed twice", strings.Join(x.columns, ", "))
		case x.unique:
			problems = append(problems, upsert.Problem{Check: CheckUniqueIndex, Index: x.name,
				Why: fmt.Sprintf("index %s is unique, and a claim that conflicts with it fails", x.name), Mend: "drop it"})
		}
		if c := x.changing(); c != "" {
			problems = append(problems, upsert.Problem{Check: CheckChangingIndex, Column: c, Index: x.name,
				Why: fmt.Sprintf("index %s has %s, which changes when a key is finished, so every key writes the index twice", x.name, c), Mend: "drop it"})
		}
		ordered = ordered || x.usable && len(x.columns) > 0 && x.columns[0] == "expires_at"
	}
	if primary.Why != "" {
		problems = append([]upsert.Problem{primary}, problems...)
	}
	return problems, ordered
}

// changing returns the first column in the index that changes when a key is finished, or "".
func (x foundIndex) changing() string {
	for _, c := range columns() {
		if c.changes && (slices.Contains(x.columns, c.name) || slices.Contains(x.uses, c.name)) {
			return c.name
		}
	}
	return ""
}

// eachRow calls f for every row of a query.
func eachRow(ctx context.Context, db dialect.Queryer, query string, f func(*sql.Rows) error) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
