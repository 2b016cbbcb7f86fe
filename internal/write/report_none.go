package write

import (
	"context"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/statement"
	"github.com/goupsert/upsert/internal/txn"
)

// noReporter is for a database that does not tell what happened to a row.
type noReporter struct{ table *Table }

func (r noReporter) put(ctx context.Context, h dbconn.Handle, op *rowOp) error {
	return txn.Transaction(ctx, r.table.txn, h, op, (*rowOp).writePlain)
}

func (r noReporter) create(context.Context, dbconn.Handle, *rowOp) error {
	return &dialect.UnsupportedError{Feature: "way to tell who created a row", Dialect: r.table.spec.Dialect.Name(), Hint: "use Put with columns of rule Keep"}
}

func (noReporter) send(w *writer, s batchStatement) error { return w.sendPlain(s) }

func (r noReporter) first(context.Context, dbconn.Handle) (statement.Variant, error) {
	return r.table.oneRow(dialect.Write, false), nil
}

func (noReporter) canMarkInserts(context.Context, dbconn.Handle) (bool, error) { return false, nil }
func (noReporter) needsLock() bool                                             { return false }
func (noReporter) isRowAtATime() bool                                          { return false }

// writePlain sends a statement on a database that does not tell the outcome.
func (s *rowOp) writePlain(ctx context.Context, db dbconn.Handle) error {
	query, err := s.table.text(s.variant)
	if err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, query, s.to.args...); err != nil {
		return err
	}
	return s.readBack(ctx, db)
}

// sendPlain sends a statement without asking for outcomes.
func (w *writer) sendPlain(s batchStatement) error {
	query, err := w.table.text(s.variant)
	if err != nil {
		return err
	}
	if err := w.session.run(s, query); err != nil {
		return err
	}
	w.session.counts.Add(Unknown, len(s.rows))
	return nil
}
