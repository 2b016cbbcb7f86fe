package bridges_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"testing"

	"github.com/DATA-DOG/go-sqlmock"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
)

// repository is what is tested with a mock.
type repository struct {
	db      upsert.DB
	devices *upsert.Table[Device]
}

func (r *repository) Save(ctx context.Context, d Device) error {
	_, err := r.devices.PutAll(ctx, r.db, []Device{d})
	return err
}

// mocked returns a mock that compares whole statements, and a table for the mock.
func mocked(t *testing.T) (*sql.DB, sqlmock.Sqlmock, *upsert.Table[Device]) {
	t.Helper()
	db, mock, err := sqlmock.New(sqlmock.QueryMatcherOption(sqlmock.QueryMatcherEqual))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	devices, err := upsert.New[Device](dialect.SQLite, "devices")
	if err != nil {
		t.Fatal(err)
	}
	return db, mock, devices
}

// A PutAll of one row without Outcomes is exactly the statement of SQL on SQLite, so a mock can expect it.
func TestSQLMock_PutAllOfOneRow(t *testing.T) {
	t.Parallel()
	db, mock, devices := mocked(t)
	lamp := Device{"d1", "lamp", 1}
	query, args, err := devices.SQL(lamp)
	if err != nil {
		t.Fatal(err)
	}
	var want []driver.Value
	for _, a := range args {
		want = append(want, a)
	}
	mock.ExpectExec(query).WithArgs(want...).WillReturnResult(sqlmock.NewResult(0, 1))
	if err := (&repository{db, devices}).Save(t.Context(), lamp); err != nil {
		t.Error(err)
	}
	if err := mock.ExpectationsWereMet(); err != nil {
		t.Error(err)
	}
}

// Put asks more than one question, so its text is not that of SQL.
func TestSQLMock_PutIsNotTheStatementOfSQL(t *testing.T) {
	t.Parallel()
	db, mock, devices := mocked(t)
	lamp := Device{"d1", "lamp", 1}
	query, _, err := devices.SQL(lamp)
	if err != nil {
		t.Fatal(err)
	}
	mock.ExpectExec(query).WillReturnResult(sqlmock.NewResult(0, 1))
	if _, err := devices.Put(t.Context(), db, &lamp); err == nil {
		t.Error("Put sends the statement of SQL by now: say so in docs/testing.md")
	}
}
