package write

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/statement"
	"github.com/goupsert/upsert/internal/txn"
)

// codeReporter is for a database whose statement returns a code for each row, as MariaDB's does.
type codeReporter struct{ table *Table }

func (r codeReporter) put(ctx context.Context, h dbconn.Handle, op *rowOp) error {
	return txn.Statement(ctx, r.table.txn, h, op, (*rowOp).writeCoded)
}

func (r codeReporter) create(ctx context.Context, h dbconn.Handle, op *rowOp) error {
	return txn.Statement(ctx, r.table.txn, h, op, (*rowOp).createCoded)
}

func (codeReporter) send(w *writer, s batchStatement) error { return w.sendCoded(s) }

func (r codeReporter) first(context.Context, dbconn.Handle) (statement.Variant, error) {
	return r.table.oneRow(dialect.Write, true), nil
}

func (codeReporter) canMarkInserts(context.Context, dbconn.Handle) (bool, error) { return false, nil }
func (codeReporter) needsLock() bool                                             { return false }
func (codeReporter) isRowAtATime() bool                                          { return false }

// writeCoded sends a statement that returns the row and a code for its outcome.
func (s *rowOp) writeCoded(ctx context.Context, db dbconn.Handle) error {
	var code int64
	if _, err := s.send(ctx, db, dialect.Write, true, &code); err != nil {
		return err
	}
	o, err := codeOutcome(code)
	s.outcome = o
	return err
}

func (s *rowOp) createCoded(ctx context.Context, db dbconn.Handle) error {
	var code int64
	if _, err := s.create(ctx, db, true, &code); err != nil {
		return err
	}
	o, err := codeOutcome(code)
	s.outcome = o
	return err
}

// sendCoded sends a statement that returns an outcome code for every row.
func (w *writer) sendCoded(s batchStatement) error {
	s.variant.Report = true
	if w.result.each != nil && len(s.rows) > 1 {
		s.variant.Return = statement.ReturnKeys
	}
	query, err := w.table.text(s.variant)
	if err != nil {
		return err
	}
	m := w.matcher(s)
	return w.session.query(s, query, func(rows *sql.Rows) error {
		var code int64
		i, err := m.scan(rows, &code)
		if err != nil {
			return err
		}
		o, err := codeOutcome(code)
		if err == nil {
			w.record(i, o)
		}
		return err
	})
}

// codeOutcome returns the outcome that a code of the database stands for.
func codeOutcome(code int64) (Outcome, error) {
	switch code {
	case dialect.CodeInserted:
		return Inserted, nil
	case dialect.CodeUpdated:
		return Updated, nil
	case dialect.CodeUnchanged:
		return Unchanged, nil
	case dialect.CodeStale:
		return Stale, nil
	}
	return Unknown, fmt.Errorf("the database reports the code %d for a row, and the statement has no such code", code)
}
