package upsert

import (
	"context"
	"errors"
	"reflect"

	"github.com/goupsert/upsert/dialect"
)

// errGone says that a row vanished between two statements of a call; the call begins again.
var errGone = errors.New("the row is being deleted by others each time it is looked at")

// Put writes one row and returns what happened to it. Generated columns are read back into row, from the stored row
// whatever the outcome.
//
// The outcome is exact, on every dialect and with every setting of its driver, except where [Unknown] says that the
// database does not tell. On a *sql.DB or *sql.Conn one thing can falsify it: an answer that is lost makes database/sql
// send the statement again (hazard E1), and the second time the row that this call inserted is Unchanged. Nothing is
// written twice by it; inside a transaction it does not happen.
//
// It returns a [*RowError] around [ErrNullKey], [ErrOtherKey], a Valuer's error or the driver's; [ErrUnguarded] for a
// table that adds outside of a [Claim]; and a *dialect.UnsupportedError for Merge on a PostgreSQL without its function.
func (t *Table[T]) Put(ctx context.Context, db DB, row *T) (Outcome, error) {
	if row == nil {
		return Unknown, &RowError{Table: t.name, Row: -1, Err: errors.New("the row is nil")}
	}
	if err := t.guard(db); err != nil {
		return Unknown, err
	}
	one, err := t.single(reflect.ValueOf(row).Elem())
	if err != nil {
		return Unknown, err
	}
	o, err := one.put(ctx, db)
	return o, t.fail(err, -1)
}

// single is one row on its way.
type single struct {
	*table
	row reflect.Value
	statement
	keyed []any
}

func (t *table) single(row reflect.Value) (*single, error) {
	b := &batch{table: t, rows: rowSource{n: 1, at: func(int) reflect.Value { return row }}, keyed: make([]any, len(t.keys))}
	err := b.checkRow(0)
	if err == nil {
		var s statement
		if s, _, err = b.next([]int32{0}, make([]any, 0, len(t.cols))); err == nil {
			return &single{table: t, row: row, statement: s, keyed: b.keyed}, nil
		}
	}
	var known *RowError
	if errors.As(err, &known) {
		known.Row = -1 // the caller has only this one
	}
	return nil, err
}

func (s *single) put(ctx context.Context, db DB) (o Outcome, err error) {
	if err := s.ready(ctx, db); err != nil {
		return Unknown, err
	}
	switch s.traits.Reporting {
	case dialect.ReportBeforehand:
		return s.putForetold(ctx, db)
	case dialect.ReportCode:
		return s.putCoded(ctx, db)
	case dialect.ReportLastID:
		return s.putLastID(ctx, db)
	}
	if !s.traits.Returning {
		return s.putBlind(ctx, db)
	}
	return s.putFlagged(ctx, db)
}

// send runs the row's statement in the given mode and reports whether it returned a row, whose leading columns go to dest
// and whose generated ones to the row.
func (s *single) send(ctx context.Context, db DB, mode dialect.Mode, report bool, dest ...any) (returned bool, err error) {
	shape := s.shape
	shape.mode, shape.report, shape.back = mode, report, backGenerated
	if len(s.generated) == 0 {
		shape.back = backNone
		if !report {
			shape.back = backKeys // something must come back
		}
	}
	query, err := s.text(shape)
	if err != nil {
		return false, err
	}
	switch shape.back {
	case backGenerated:
		for _, c := range s.generated {
			dest = append(dest, c.Dest(s.row))
		}
	case backKeys:
		for range s.keys {
			dest = append(dest, new(any))
		}
	}
	return queryRow(ctx, db, query, s.args, dest)
}

func queryRow(ctx context.Context, db DB, query string, args, dest []any) (found bool, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	if rows.Next() {
		found = true
		if err := rows.Scan(dest...); err != nil {
			return false, err
		}
	}
	for rows.Next() { // to the end: some drivers report the statement's error only there
	}
	if err := rows.Err(); err != nil {
		return false, err
	}
	return found, rows.Close()
}

// putFlagged: the statement returns the row if it wrote it, with a flag.
func (s *single) putFlagged(ctx context.Context, db DB) (o Outcome, err error) {
	flag, err := s.flags(ctx, db)
	if err != nil {
		return Unknown, err
	}
	write := func(db DB) (bool, error) {
		var inserted bool
		var dest []any
		if flag {
			dest = append(dest, &inserted)
		}
		written, err := s.send(ctx, db, dialect.Write, flag, dest...)
		o = Unchanged
		switch {
		case !written:
		case !flag:
			o = Unknown
		case inserted:
			o = Inserted
		default:
			o = Updated
		}
		return written, err
	}
	written := false
	err = s.alone(ctx, db, func(db DB) (err error) {
		written, err = write(db)
		return err
	})
	if err != nil || written || !s.versioned && len(s.generated) == 0 {
		return o, err
	}
	// The row was skipped, and more must be known of it. In a transaction the statement keeps it locked, so it is sent
	// again in one: it is safe to repeat.
	err = s.inTx(ctx, db, func(tx DB) error {
		if canBegin(db) {
			if written, err = write(tx); err != nil || written {
				return err
			}
		}
		if s.versioned {
			f, err := s.compare(ctx, tx)
			if err != nil {
				return err
			}
			o = f.outcome(Unknown)
		}
		return s.readBack(ctx, tx)
	})
	return o, err
}

// putForetold: the write lock makes what Compare says hold. The first statement takes it, and is all there is to do for a
// new row.
func (s *single) putForetold(ctx context.Context, db DB) (o Outcome, err error) {
	created := false
	err = s.alone(ctx, db, func(db DB) (err error) {
		created, err = s.send(ctx, db, dialect.Create, false)
		return err
	})
	if err != nil || created {
		return Inserted, err
	}
	err = s.inTx(ctx, db, func(db DB) error {
		f, err := s.compare(ctx, db)
		if err != nil {
			return err
		}
		if o = f.outcome(Inserted); o == Inserted || o == Updated {
			_, err = s.send(ctx, db, dialect.Write, false)
			return err
		}
		return s.readBack(ctx, db)
	})
	return o, err
}

// putCoded: the statement returns the row and a code for it.
func (s *single) putCoded(ctx context.Context, db DB) (o Outcome, err error) {
	err = s.alone(ctx, db, func(db DB) error {
		var code int64
		if _, err := s.send(ctx, db, dialect.Write, true, &code); err != nil {
			return err
		}
		o, err = codeOutcome(code)
		return err
	})
	return o, err
}

// putLastID: the statement leaves a code in LastInsertId; generated columns take a second one.
func (s *single) putLastID(ctx context.Context, db DB) (o Outcome, err error) {
	run := s.alone
	if len(s.generated) > 0 {
		run = s.inTx
	}
	err = run(ctx, db, func(db DB) error {
		if o, err = s.execReport(ctx, db, dialect.Write); err != nil {
			return err
		}
		return s.readBack(ctx, db)
	})
	return o, err
}

func (s *single) execReport(ctx context.Context, db DB, mode dialect.Mode) (Outcome, error) {
	shape := s.shape
	shape.mode, shape.report = mode, true
	query, err := s.text(shape)
	if err != nil {
		return Unknown, err
	}
	return lastID(db.ExecContext(ctx, query, s.args...))
}

// putBlind: nothing tells.
func (s *single) putBlind(ctx context.Context, db DB) (Outcome, error) {
	query, err := s.text(s.shape)
	if err != nil {
		return Unknown, err
	}
	err = s.inTx(ctx, db, func(db DB) error {
		if _, err := db.ExecContext(ctx, query, s.args...); err != nil {
			return err
		}
		return s.readBack(ctx, db)
	})
	return Unknown, err
}

func (s *single) compare(ctx context.Context, db DB) (f fate, err error) {
	query, err := s.compareText(ctx, db, []int32{0}, s.omit)
	if err != nil {
		return 0, err
	}
	var at, n int
	found, err := queryRow(ctx, db, query, s.args, []any{&at, &n})
	if found {
		f = fate(n + 1)
	}
	return f, err
}

// readBack reads the generated columns of the stored row.
func (s *single) readBack(ctx context.Context, db DB) error {
	if len(s.generated) == 0 {
		return nil
	}
	found, err := s.find(ctx, db, s.generated, s.row)
	if err == nil && !found {
		return errGone
	}
	return err
}

// find reads columns of the stored row into row.
func (s *single) find(ctx context.Context, db DB, cols []*column, row reflect.Value) (found bool, err error) {
	query := s.dialect.Find(dialect.Find{Table: s.ident, Key: s.target.Columns, Return: columnNames(cols), Lock: !canBegin(db)})
	return queryRow(ctx, db, query, s.keyed, dests(cols, row))
}

func dests(cols []*column, row reflect.Value) []any {
	var dest []any
	for _, c := range cols {
		dest = append(dest, c.Dest(row))
	}
	return dest
}
