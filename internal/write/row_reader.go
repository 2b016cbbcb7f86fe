package write

import (
	"context"
	"database/sql"
	"reflect"
	"slices"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/schema"
	"github.com/goupsert/upsert/internal/txn"
)

// rowReader reads the rows that are stored under the keys of sent rows.
type rowReader struct {
	sent  *keyedRows
	ctx   context.Context //nolint:containedctx // a rowReader lives within one call
	db    dbconn.Handle
	query func(ctx context.Context, db dbconn.Handle, text string, args []any, scan func(*sql.Rows) error) error
}

// read reads the row of each key into targets. keys are rows of different keys. It returns a row whose key no stored row has, or
// -1.
func (r *rowReader) read(keys []int32, targets func(key int32) []reflect.Value) (missing int32, err error) {
	t := r.sent.table
	var known *schema.Table
	if t.traits.Typed {
		if known, err = t.catalog.Look(r.ctx, r.db); err != nil {
			return -1, err
		}
	}
	index, err := r.index(len(keys))
	if err != nil {
		return -1, err
	}
	for renamed := false; len(keys) > 0; {
		text, times, n := t.stmts.FindAll(len(keys), index, known)
		found, err := r.readSome(text, times, keys[:n], targets)
		if number, _ := dialect.MySQLNumber(err); number == unknownIndex && !renamed {
			renamed = true
			t.checks.ForgetIndex()
			if index, err = r.index(len(keys)); err == nil {
				continue
			}
		}
		if err != nil {
			return -1, err
		}
		if at := slices.Index(found, false); at >= 0 {
			return keys[at], nil
		}
		keys = keys[n:]
	}
	return -1, nil
}

// unknownIndex is the number of MySQL's error about an index that is named and does not exist.
const unknownIndex = 1176

// index returns the name of the unique index by which several rows are read, on a database that might otherwise read, and lock, a
// small table as a whole.
func (r *rowReader) index(keys int) (string, error) {
	if c := r.sent.table.checks; keys > 1 && c.NamesIndexes() {
		return c.TargetIndex(r.ctx, r.db)
	}
	return "", nil
}

// readSome reads the rows of some keys with one query, and reports which of the keys have a stored row.
func (r *rowReader) readSome(text string, times int, keys []int32, targets func(key int32) []reflect.Value) (found []bool, err error) {
	found = make([]bool, len(keys))
	var args []any
	for _, i := range keys {
		args = append(args, r.sent.keyArgs(i)...)
	}
	if times > 1 {
		args = append(args, args...)
	}
	columns, at := r.sent.table.rows.columns(), 0
	position := []any{&at}
	for range columns {
		position = append(position, unread{})
	}
	err = r.query(r.ctx, r.db, text, args, func(rows *sql.Rows) error {
		if err := rows.Scan(position...); err != nil || at < 0 {
			return err
		}
		if found[at] {
			return r.fail(keys[at], errTwoRows)
		}
		found[at] = true
		for _, row := range targets(keys[at]) {
			if err := rows.Scan(append(position[:1:1], dests(columns, row)...)...); err != nil {
				_, own := r.db.(*txn.Tx)
				return r.fail(keys[at], &readError{err: err, undone: own})
			}
		}
		return nil
	})
	return found, err
}

// fail returns an error about a row, which names the row if the call has several.
func (r *rowReader) fail(i int32, err error) error {
	row := int(i) + r.sent.rows.first
	if r.sent.rows.one {
		row = -1
	}
	return &RowError{Row: row, Err: err}
}

// unread is the target of a column that is read later.
type unread struct{}

// Scan implements sql.Scanner.
func (unread) Scan(any) error { return nil }

// errTwoRows says that a snapshot holds two rows of one key, the current row and a row that others have deleted since.
var errTwoRows error = twoRowsError{}

type twoRowsError struct{}

func (twoRowsError) Error() string {
	return "the transaction's snapshot holds two rows of this key, one of which another transaction has deleted since: run the transaction again"
}

func (twoRowsError) Class() dialect.Class { return dialect.Retryable }
