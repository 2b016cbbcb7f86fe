package lab

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"

	"github.com/go-sql-driver/mysql"
)

// SerializationFailure is a retryable error. The tests return it from every attempt, so no retry helps.
type SerializationFailure struct{}

func (SerializationFailure) Error() string { return "could not serialize" }

// SQLState returns the SQLSTATE of a serialization failure, which makes the library retry the transaction.
func (SerializationFailure) SQLState() string { return "40001" }

// Refusing is a MySQL handle that could begin a transaction but fails every statement. At holds the time of each statement.
type Refusing struct{ At []time.Time }

// BeginTx panics because the library must not call it: a single statement needs no transaction.
func (r *Refusing) BeginTx(context.Context, *sql.TxOptions) (*sql.Tx, error) { panic("BeginTx") }

// QueryContext refuses the query for the unique index, as a server does if the user lacks the privilege.
func (r *Refusing) QueryContext(context.Context, string, ...any) (*sql.Rows, error) {
	return nil, &mysql.MySQLError{Number: 1142}
}

// ExecContext fails with a SerializationFailure.
func (r *Refusing) ExecContext(context.Context, string, ...any) (sql.Result, error) {
	r.At = append(r.At, time.Now())
	return nil, SerializationFailure{}
}

// Unreadable is a column whose Value method returns Err, or 1 if Err is nil.
type Unreadable struct{ Err error }

// Value returns Err, or 1 if Err is nil.
func (u Unreadable) Value() (driver.Value, error) {
	if u.Err != nil {
		return nil, u.Err
	}
	return int64(1), nil
}

// Scan accepts any value.
func (*Unreadable) Scan(any) error { return nil }
