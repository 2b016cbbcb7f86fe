package upsert_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
)

// Meter is a row of the repository that the example tests with a mock.
type Meter struct {
	ID    string `db:"id" upsert:"key"`
	Place string `db:"place"`
	Peak  int64  `db:"peak" upsert:"max"`
}

// Meters is a repository that writes single rows with Exec, so that a unit test can know each statement beforehand.
type Meters struct {
	db    *sql.DB
	table *upsert.Table[Meter]
}

func NewMeters(db *sql.DB) (*Meters, error) {
	table, err := upsert.New[Meter](dialect.Postgres, "meters")
	return &Meters{db, table}, err
}

func (r *Meters) Save(ctx context.Context, m *Meter) error {
	_, err := r.table.Exec(ctx, r.db, m)
	return err
}

// A repository that uses a Table can be tested with a mock of the driver: SQL returns the statement and the arguments that
// Exec sends. QueryMatcherEqual compares the whole text. The default matcher of go-sqlmock treats the text as a regular
// expression, in which $1 and the brackets have a special meaning.
func ExampleTable_Exec_sqlmock() {
	db, mock, err := sqlmock.New(sqlmock.QueryMatcherOption(sqlmock.QueryMatcherEqual))
	if err != nil {
		panic(err)
	}
	defer func() { _ = db.Close() }()
	meters := must(NewMeters(db))

	m := Meter{ID: "m1", Place: "cellar", Peak: 7}
	query, args, err := meters.table.SQL(m)
	if err != nil {
		panic(err)
	}
	mock.ExpectExec(query).WithArgs(mockArgs(args)...).WillReturnResult(sqlmock.NewResult(0, 1))
	mock.ExpectExec(query).WithArgs(mockArgs(args)...).WillReturnError(errors.New("the network is down"))

	fmt.Println(meters.Save(context.Background(), &m))
	fmt.Println(meters.Save(context.Background(), &m))
	fmt.Println(mock.ExpectationsWereMet())
	// Output:
	// <nil>
	// upsert: table meters: the network is down
	// <nil>
}

// mockArgs converts arguments to the type that go-sqlmock requires.
func mockArgs(args []any) []driver.Value {
	values := make([]driver.Value, len(args))
	for i, v := range args {
		values[i] = v
	}
	return values
}
