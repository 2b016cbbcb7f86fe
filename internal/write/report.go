package write

import (
	"context"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/statement"
)

// A reporter is one technique by which a database tells what happened to a row.
type reporter interface {
	// put writes a row, finds its outcome and reads the columns of op.columnsBack back.
	put(ctx context.Context, h dbconn.Handle, op *rowOp) error
	// create inserts a row if no stored row has its key, and fills the row with the stored row.
	create(ctx context.Context, h dbconn.Handle, op *rowOp) error
	// send sends a statement of a batch and records the outcomes of its rows.
	send(w *writer, s batchStatement) error
	// first returns the statement that put sends first for most rows.
	first(ctx context.Context, h dbconn.Handle) (statement.Variant, error)
	// canMarkInserts reports whether a statement can return a flag that marks inserted rows.
	canMarkInserts(ctx context.Context, h dbconn.Handle) (bool, error)
	// needsLock reports whether a batch must take the write lock before it asks for outcomes.
	needsLock() bool
	// isRowAtATime reports whether a statement tells the outcome of one row only.
	isRowAtATime() bool
}

// newReporter returns the reporter of the table's database.
func newReporter(t *Table) reporter {
	switch t.traits.Reporting {
	case dialect.ReportBeforehand:
		return &compareReporter{table: t}
	case dialect.ReportCode:
		return codeReporter{t}
	case dialect.ReportLastID:
		t.checks.AskForTriggers()
		return lastIDReporter{t}
	case dialect.ReportFlag:
		return returningReporter{table: t, marks: true}
	case dialect.ReportFlagPlain:
		return returningReporter{table: t, marks: true, plainOnly: true}
	}
	if t.traits.Returning {
		return returningReporter{table: t}
	}
	return noReporter{t}
}

// oneRow returns the variant of a statement of one row that also returns the generated columns, if the database can.
func (t *Table) oneRow(mode dialect.Mode, report bool) statement.Variant {
	v := statement.Variant{Mode: mode, Rows: dialect.Rows{N: 1}, Report: report}
	if len(t.rows.generated) > 0 && t.traits.Returning {
		v.Return = statement.ReturnGenerated
	}
	return v
}
