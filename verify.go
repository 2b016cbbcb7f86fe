package upsert

import (
	"context"
	"slices"

	"github.com/goupsert/upsert/internal/catalog"
	"github.com/goupsert/upsert/internal/schema"
	"github.com/goupsert/upsert/internal/verify"
)

// VerifyOption is an option of [Table.Verify] and [Table.Plain].
type VerifyOption interface{ applyVerify(*verifyConfig) }

type verifyOption func(*verifyConfig)

func (o verifyOption) applyVerify(c *verifyConfig) { o(c) }

type verifyConfig struct {
	ignored []Check
	count   bool
	note    func(Problem)
	trusts  bool
}

func newVerifyConfig(opts []VerifyOption) *verifyConfig {
	c := &verifyConfig{}
	for _, o := range opts {
		if o != nil {
			o.applyVerify(c)
		}
	}
	return c
}

// Ignore leaves out the faults and the notes of these checks.
func Ignore(checks ...Check) VerifyOption {
	return verifyOption(func(c *verifyConfig) { c.ignored = append(c.ignored, checks...) })
}

// CountDuplicates counts the rows of each [Problem.Find], which reads the whole table. Without it, [Problem.Duplicates] is 0, and so
// it is if the user may not read every column.
func CountDuplicates() VerifyOption { return verifyOption(func(c *verifyConfig) { c.count = true }) }

// OnNote calls f with each note, on the goroutine of the call. Without it, notes are not reported.
func OnNote(f func(Problem)) VerifyOption { return verifyOption(func(c *verifyConfig) { c.note = f }) }

// TrustUniqueIndexes says that the table will get no further unique index as long as the Table of [Table.Plain] is used. It matters on
// MySQL and MariaDB alone, and makes no difference to Verify.
func TrustUniqueIndexes() VerifyOption {
	return verifyOption(func(c *verifyConfig) { c.trusts = true })
}

// Verify compares the stored table with the Table. It reads the catalog of the database and changes nothing; a read-only transaction
// is enough. If the handle can begin a transaction, Verify reads in a read-only transaction of its own. Call it when a program
// starts, or in a test of the migrations.
//
// A finding is a fault, if writes fail, are wrong or are lost, or a note, which is harmless to those who know it. Verify returns one
// [*SchemaError] with all faults, and nil if there are none; notes go to the function of [OnNote]. Each [Check] is a kind of
// finding, and docs/migrations.md has the list. A fault about values that only some rows have counts as well: for example, a string
// in a varchar(20), because a longer string fails.
//
// Rights are asked for and not tried. A right that the user's role could take on with SET ROLE counts as lacking. Verify does not
// look at the rows, except to count them with [CountDuplicates].
//
// Verify returns a [*RowError] around the error if the server cannot be asked, for example because the context has ended or the pool
// is closed, and a *dialect.UnsupportedError for a database other than SQLite, PostgreSQL, MySQL and MariaDB.
func (t *Table[T]) Verify(ctx context.Context, db DB, opts ...VerifyOption) error {
	_, err := t.table.verify(ctx, db, newVerifyConfig(opts))
	return err
}

// Plain verifies the stored table, as [Table.Verify] does with the same options, and returns another Table, whose statements leave out
// each clause that this catalog shows to be needless. The rows that it writes and the outcomes that it reports are the same. [Table.SQL]
// of each Table shows what that one sends, and neither text ever changes. Exec is the fastest verb for a single row, and Put adds no
// more than the report of the outcome.
//
// On PostgreSQL and SQLite the stored row needs no alias, and a text whose collation tells all texts apart is compared as it is: WHERE
// "items"."name" IS DISTINCT FROM EXCLUDED."name". A column of a type or a collation that takes different values for equal keeps its
// comparison by bytes: numeric from a string, json, citext. Batches that go through arrays, a staging table or a filter are sent as
// before.
//
// On SQLite, Put of a plain Table takes one statement for a row that is inserted or changed, because SQLite's rowid tells the two apart,
// and a second statement for an unchanged row. If the key is an INTEGER PRIMARY KEY, an unchanged row takes one statement too. A row
// that its connection inserted last takes up to three statements. A table WITHOUT ROWID or with triggers, or whose rowid an update can
// change, takes the statements of the Table that Plain was called of: an insert, a comparison and a change, until one of them applies.
//
// On MySQL and MariaDB each statement compares the stored key with the row's key, because any unique index can cause the update
// (hazard H10). That comparison goes only with [TrustUniqueIndexes], if the table has no other unique index and no collation of a key
// takes two keys for one. What Put adds to report the outcome compares texts by their bytes, whatever their collation. From then on, a unique index that somebody adds makes a plain statement update another row than the key's,
// without an error; call Plain anew, or restart the program, after a migration.
//
// If the schema changes, a plain Table does not notice. Plain returns the errors of Verify, and nil beside an error. A fault that
// [Ignore] leaves out is the caller's to answer for: if a key's collation takes two keys for one, the clause that refuses the second
// key stays.
func (t *Table[T]) Plain(ctx context.Context, db DB, opts ...VerifyOption) (*Table[T], error) {
	c := newVerifyConfig(opts)
	live, err := t.table.verify(ctx, db, c)
	if err != nil {
		return nil, err
	}
	plain := *t.table
	plain.spec = verify.Plain(verify.Subject{Spec: t.table.spec, Table: t.table.layout, Live: live}, c.trusts)
	if plain.write, err = t.table.write.With(plain.spec); err != nil {
		return nil, t.table.fail(err)
	}
	return &Table[T]{&plain}, nil
}

// verify returns what is known of the stored table if the table has no faults.
func (t *table) verify(ctx context.Context, db DB, c *verifyConfig) (*schema.Live, error) {
	if err := t.checkHandle(ctx, db); err != nil {
		return nil, err
	}
	var live *schema.Live
	var found []schema.Problem
	err := t.write.Inspect(ctx, db, func(i *catalog.Inspector) (err error) {
		if live, err = i.Live(ctx); err != nil {
			return err
		}
		found = verify.Run(verify.Subject{Spec: t.spec, Table: t.layout, Live: live})
		found = slices.DeleteFunc(found, func(p schema.Problem) bool { return slices.Contains(c.ignored, Check(p.Check)) })
		if !c.count || !live.IsReadable() {
			return nil
		}
		return countRows(ctx, i, found)
	})
	if err != nil {
		return nil, t.fail(err)
	}
	faults := &schema.Error{}
	for _, p := range found {
		p = p.Told(ctx)
		switch {
		case !p.IsNote:
			faults.Problems = append(faults.Problems, p)
		case c.note != nil:
			c.note(publicProblem(p))
		}
	}
	if len(faults.Problems) > 0 {
		return nil, t.schemaError(faults)
	}
	return live, nil
}

// countRows counts the rows of each Find.
func countRows(ctx context.Context, i *catalog.Inspector, found []schema.Problem) (err error) {
	for n := range found {
		if found[n].Find != "" && err == nil {
			found[n].Duplicates, err = i.Count(ctx, found[n].Find)
		}
	}
	return err
}
