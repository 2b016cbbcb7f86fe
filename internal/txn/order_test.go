package txn_test

import (
	"context"
	"errors"
	"testing"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/txn"
)

var errServer = errors.New("the server says no")

// TestOrderOfATransaction: what is sent for a transaction on a pool, call by call, and after the failure of each. Whatever fails, the
// connection is asked for a ROLLBACK before it goes back to its pool (hazard E7).
func TestOrderOfATransaction(t *testing.T) {
	t.Parallel()
	const insert = "INSERT INTO t VALUES (1)"
	immediate := txn.Options{Immediate: true}
	for name, c := range map[string]struct {
		options txn.Options
		expect  func(sqlmock.Sqlmock)
		isKept  bool
	}{
		"all is well": {expect: func(m sqlmock.Sqlmock) {
			m.ExpectBegin()
			m.ExpectExec(insert).WillReturnResult(sqlmock.NewResult(0, 1))
			m.ExpectCommit()
		}, isKept: true},
		"BEGIN fails": {expect: func(m sqlmock.Sqlmock) {
			m.ExpectBegin().WillReturnError(errServer)
			m.ExpectExec("ROLLBACK").WillReturnResult(sqlmock.NewResult(0, 0))
		}},
		"the statement fails": {expect: func(m sqlmock.Sqlmock) {
			m.ExpectBegin()
			m.ExpectExec(insert).WillReturnError(errServer)
			m.ExpectRollback()
		}},
		"COMMIT fails": {expect: func(m sqlmock.Sqlmock) {
			m.ExpectBegin()
			m.ExpectExec(insert).WillReturnResult(sqlmock.NewResult(0, 1))
			m.ExpectCommit().WillReturnError(errServer)
			m.ExpectExec("ROLLBACK").WillReturnResult(sqlmock.NewResult(0, 0))
		}},
		"the statement and ROLLBACK fail": {expect: func(m sqlmock.Sqlmock) {
			m.ExpectBegin()
			m.ExpectExec(insert).WillReturnError(errServer)
			m.ExpectRollback().WillReturnError(errServer)
			m.ExpectExec("ROLLBACK").WillReturnResult(sqlmock.NewResult(0, 0))
		}},
		"the statement and each ROLLBACK fail": {expect: func(m sqlmock.Sqlmock) {
			m.ExpectBegin()
			m.ExpectExec(insert).WillReturnError(errServer)
			m.ExpectRollback().WillReturnError(errServer)
			m.ExpectExec("ROLLBACK").WillReturnError(errServer)
			m.ExpectClose() // the connection does not go back to its pool
		}},
		"BEGIN IMMEDIATE": {options: immediate, expect: func(m sqlmock.Sqlmock) {
			m.ExpectExec("BEGIN IMMEDIATE").WillReturnResult(sqlmock.NewResult(0, 0))
			m.ExpectExec(insert).WillReturnResult(sqlmock.NewResult(0, 1))
			m.ExpectExec("COMMIT").WillReturnResult(sqlmock.NewResult(0, 0))
		}, isKept: true},
		"BEGIN IMMEDIATE fails": {options: immediate, expect: func(m sqlmock.Sqlmock) {
			m.ExpectExec("BEGIN IMMEDIATE").WillReturnError(errServer)
			m.ExpectExec("ROLLBACK").WillReturnError(errors.New("cannot rollback - no transaction is active"))
		}},
		"the statement after BEGIN IMMEDIATE fails": {options: immediate, expect: func(m sqlmock.Sqlmock) {
			m.ExpectExec("BEGIN IMMEDIATE").WillReturnResult(sqlmock.NewResult(0, 0))
			m.ExpectExec(insert).WillReturnError(errServer)
			m.ExpectExec("ROLLBACK").WillReturnResult(sqlmock.NewResult(0, 0))
		}},
		"COMMIT after BEGIN IMMEDIATE fails": {options: immediate, expect: func(m sqlmock.Sqlmock) {
			m.ExpectExec("BEGIN IMMEDIATE").WillReturnResult(sqlmock.NewResult(0, 0))
			m.ExpectExec(insert).WillReturnResult(sqlmock.NewResult(0, 1))
			m.ExpectExec("COMMIT").WillReturnError(errServer)
			m.ExpectExec("ROLLBACK").WillReturnResult(sqlmock.NewResult(0, 0))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, mock, err := sqlmock.New(sqlmock.QueryMatcherOption(sqlmock.QueryMatcherEqual))
			if err != nil {
				t.Fatal(err)
			}
			c.expect(mock)
			err = inTransaction(t.Context(), db, c.options, insert)
			if (err == nil) != c.isKept || err != nil && !errors.Is(err, errServer) {
				t.Errorf("the call returned %v; want nil: %v, or the server's error", err, c.isKept)
			}
			if err := mock.ExpectationsWereMet(); err != nil {
				t.Error(err)
			}
		})
	}
}

func inTransaction(ctx context.Context, db dbconn.Handle, o txn.Options, query string) error {
	tx, err := txn.Begin(ctx, db, o)
	if err != nil {
		return err
	}
	defer tx.Rollback(ctx)
	if _, err := tx.Handle().ExecContext(ctx, query); err != nil {
		return err
	}
	return tx.Commit(ctx)
}
