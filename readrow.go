package upsert

import (
	"context"
	"database/sql"

	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/txn"
)

// readRow runs a statement that returns columns of the stored row, and reads them into dest. readRow reads to the end even if a
// column does not fit its field, because the server's own error may come last.
func (s *single) readRow(ctx context.Context, db dbconn.Handle, query string, args, dest []any) (found bool, err error) {
	var misfit error
	err = s.batch.table.txn.Query(ctx, db, query, args, func(rows *sql.Rows) error {
		found = true
		misfit = rows.Scan(dest...)
		return nil
	})
	if err == nil && misfit != nil {
		_, own := db.(*txn.Tx)
		err = &readError{err: misfit, undone: own && s.outcome != Unchanged && s.outcome != Stale}
	}
	return found, err
}

// readError says that a column of the stored row does not fit its field, and whether the row stays written.
type readError struct {
	err    error
	undone bool
}

func (e *readError) Error() string {
	if e.undone {
		return "the row was rolled back, because a column of it cannot be read: " + e.err.Error()
	}
	return "the row is there, but a column of it cannot be read: " + e.err.Error()
}

func (e *readError) Unwrap() error { return e.err }
