package upsert

import (
	"context"
	"maps"
	"reflect"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/statement"
	"github.com/goupsert/upsert/internal/txn"
)

// findAttempts bounds how often Put and GetOrCreate start over because the row was deleted before it was read.
const findAttempts = 10

// GetOrCreate inserts row if no stored row has its key, and fills row with the stored row. created says whether this call
// inserted the row. If many concurrent calls have one key, exactly one call returns true, at every isolation level.
//
// On MySQL and MariaDB, GetOrCreate changes the session's LAST_INSERT_ID(), as [Table.Put] says.
//
// A row that is there is left as it is, whatever the rules say. So GetOrCreate adds nothing to a stored row, but a table with an
// Add column needs a [Claim] here too. In the caller's transaction, GetOrCreate returns a serialization failure, and the caller
// must retry. If a trigger, a rule or a policy keeps the row out, the error says that the row is neither inserted nor visible.
//
// GetOrCreate returns the errors that [Table.Put] returns, and a *dialect.UnsupportedError if the database does not tell who
// created the row (TiDB, Vitess). On a handle that is not a transaction, a lost answer can make created false although this call
// inserted the row, as with Put.
func (t *Table[T]) GetOrCreate(ctx context.Context, db DB, row *T) (created bool, err error) {
	ctx, w := t.table.watch(ctx, "GetOrCreate")
	created, err = t.getOrCreateRow(ctx, db, row)
	o := Unchanged
	if created {
		o = Inserted
	}
	w.endedOne(ctx, o, err)
	return created, err
}

func (t *Table[T]) getOrCreateRow(ctx context.Context, db dbconn.Handle, row *T) (created bool, err error) {
	if err := t.takes(ctx, db, row); err != nil {
		return false, err
	}
	created, err = t.getOrCreate(ctx, db, row)
	if err != nil && t.table.catalog.IsOutdated(ctx, db, err) {
		created, err = t.getOrCreate(ctx, db, row)
	}
	if err != nil {
		return false, t.table.fail(err, -1)
	}
	return created, nil
}

// getOrCreate fills the row completely, or leaves the row as it is if there is an error.
func (t *Table[T]) getOrCreate(ctx context.Context, db dbconn.Handle, row *T) (created bool, err error) {
	fresh := clone(row)
	s, err := t.table.single(ctx, db, reflect.ValueOf(fresh).Elem())
	if err != nil {
		return false, err
	}
	err = t.table.whileGone(func() (err error) {
		created, err = s.getOrCreate(ctx, db)
		return err
	})
	if err != nil {
		return false, s.batch.otherKey(ctx, db, 0, err)
	}
	*row = *fresh
	return created, nil
}

func clone[T any](row *T) *T {
	fresh := *row
	if m, ok := any(fresh).(map[string]any); ok {
		fresh = any(maps.Clone(m)).(T)
	}
	return &fresh
}

func (s *single) getOrCreate(ctx context.Context, db dbconn.Handle) (created bool, err error) {
	switch {
	case s.batch.table.traits.Reporting == dialect.ReportCode:
		err = txn.Statement(ctx, s.batch.table.txn, db, s, (*single).createCoded)
	case s.batch.table.traits.Reporting == dialect.ReportLastID:
		// In a transaction the row stays locked between the two statements.
		err = txn.Transaction(ctx, s.batch.table.txn, db, s, (*single).createLastID)
	case s.batch.table.traits.Returning:
		err = txn.Statement(ctx, s.batch.table.txn, db, s, (*single).createReturning)
	default:
		err = &dialect.UnsupportedError{Feature: "way to tell who created a row", Dialect: s.batch.table.dialect.Name(), Hint: "use Put with columns of rule Keep"}
	}
	return s.outcome == Inserted, err
}

func (s *single) createCoded(ctx context.Context, db dbconn.Handle) error {
	var code int64
	if _, err := s.create(ctx, db, true, &code); err != nil {
		return err
	}
	o, err := codeOutcome(code)
	s.outcome = o
	return err
}

func (s *single) createReturning(ctx context.Context, db dbconn.Handle) error {
	s.outcome = Unknown
	created, err := s.create(ctx, db, false)
	if err != nil {
		return err
	}
	if created {
		s.outcome = Inserted
		return nil
	}
	// A second statement is needed, because the first statement's snapshot may be older than the row (hazard P4).
	if err := s.found(s.find(ctx, db, s.batch.table.all())); err != nil {
		return err
	}
	return s.checkFolded(ctx, db)
}

// checkFolded refuses a stored row whose key equals the sent key only under the collation. The database may store a key in a form
// of its own, for example a uuid, and such a key is not refused. The catalog tells by the column's type which keys have a
// collation. Without a catalog, keys that differ only in letter case are refused.
func (s *single) checkFolded(ctx context.Context, db dbconn.Handle) error {
	for place, c := range s.batch.table.keys {
		sent, ok := textOf(s.batch.keyed[place].Value(0))
		if !ok {
			continue
		}
		v, err := s.batch.table.cols[c].Value(s.row)
		if err != nil {
			return err
		}
		stored, ok := textOf(v)
		if !ok || strings.TrimRight(stored, " ") == sent {
			continue
		}
		folded := strings.EqualFold(strings.TrimRight(stored, " "), strings.TrimRight(sent, " "))
		if s.batch.table.traits.Typed {
			known, err := s.batch.table.catalog.Look(ctx, db)
			if err != nil {
				return err
			}
			folded = known.Columns[s.batch.table.spec.Writes[c].Name].Folds
		}
		if folded && stored != sent {
			return errFolded
		}
	}
	return nil
}

// textOf returns the text of a string or a []byte; ok is false for any other value.
func textOf(v any) (text string, ok bool) {
	if bytes, ok := v.([]byte); ok {
		return string(bytes), true
	}
	text, ok = v.(string)
	return text, ok
}

// found returns errGone if a row was looked for and not found.
func (s *single) found(found bool, err error) error {
	if err == nil && !found {
		return errGone
	}
	return err
}

// create sends the row's statement in mode Create, which inserts the row or does nothing. If the statement returns the row,
// create fills the row.
func (s *single) create(ctx context.Context, db dbconn.Handle, report bool, dest ...any) (returned bool, err error) {
	shape := s.stmt.variant
	shape.Mode, shape.Report, shape.Return = dialect.Create, report, statement.ReturnAll
	query, err := s.batch.table.stmts.Upsert(shape, s.batch.table.catalog.Kept())
	if err != nil {
		return false, err
	}
	return s.readRow(ctx, db, query, s.stmt.args, append(dest, dests(s.batch.table.all(), s.row)...))
}
