package write_test

import (
	"errors"
	"testing"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/lab"
)

// TestOrderOfABatch: what a batch sends on a pool, call by call, and after the failure of each.
func TestOrderOfABatch(t *testing.T) {
	t.Parallel()
	table, err := upsert.New[lab.Pair](dialect.SQLite, "things")
	if err != nil {
		t.Fatal(err)
	}
	rows := []lab.Pair{{K: 1, V: 7}, {K: 2, V: 9}}
	insert, _, err := table.SQL(rows...)
	if err != nil {
		t.Fatal(err)
	}
	errServer := errors.New("the server says no")
	done := sqlmock.NewResult(0, 0)
	write := func(m sqlmock.Sqlmock) *sqlmock.ExpectedQuery {
		return m.ExpectQuery(insert).WithArgs(1, 7, 2, 9)
	}
	none := func() *sqlmock.Rows { return sqlmock.NewRows(nil) }
	for name, c := range map[string]struct {
		expect func(sqlmock.Sqlmock)
		isKept bool
	}{
		"all is well": {func(m sqlmock.Sqlmock) {
			m.ExpectExec("BEGIN IMMEDIATE").WillReturnResult(done)
			write(m).WillReturnRows(none())
			m.ExpectExec("COMMIT").WillReturnResult(done)
		}, true},
		"BEGIN fails": {func(m sqlmock.Sqlmock) {
			m.ExpectExec("BEGIN IMMEDIATE").WillReturnError(errServer)
			m.ExpectExec("ROLLBACK").WillReturnResult(done)
		}, false},
		"COMMIT fails": {func(m sqlmock.Sqlmock) {
			m.ExpectExec("BEGIN IMMEDIATE").WillReturnResult(done)
			write(m).WillReturnRows(none())
			m.ExpectExec("COMMIT").WillReturnError(errServer)
			m.ExpectExec("ROLLBACK").WillReturnResult(done)
		}, false},
		"the statement and ROLLBACK fail": {func(m sqlmock.Sqlmock) {
			m.ExpectExec("BEGIN IMMEDIATE").WillReturnResult(done)
			write(m).WillReturnError(errServer)
			m.ExpectExec("ROLLBACK").WillReturnError(errServer)
			m.ExpectClose()
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, mock, err := sqlmock.New(sqlmock.QueryMatcherOption(sqlmock.QueryMatcherEqual))
			if err != nil {
				t.Fatal(err)
			}
			c.expect(mock)
			_, err = table.PutAll(t.Context(), db, rows, upsert.Progress(func(int64) {}))
			if (err == nil) != c.isKept || err != nil && !errors.Is(err, errServer) {
				t.Errorf("PutAll returned %v; want nil: %v, or the server's error", err, c.isKept)
			}
			if err := mock.ExpectationsWereMet(); err != nil {
				t.Error(err)
			}
		})
	}
}
