package lab

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"

	"github.com/go-sql-driver/mysql"
)

// SerializationFailure is an error that no repetition cures.
type SerializationFailure struct{}

func (SerializationFailure) Error() string { return "could not serialize" }

// SQLState is the code for which a transaction is repeated.
func (SerializationFailure) SQLState() string { return "40001" }

// Refusing is a handle of MySQL's that could begin a transaction and whose statements fail. At is when each was sent.
type Refusing struct{ At []time.Time }

// BeginTx is never called: a statement of its own needs no transaction.
func (r *Refusing) BeginTx(context.Context, *sql.TxOptions) (*sql.Tx, error) { panic("BeginTx") }

// QueryContext refuses the question about the unique index as a server does that lacks the right.
func (r *Refusing) QueryContext(context.Context, string, ...any) (*sql.Rows, error) {
	return nil, &mysql.MySQLError{Number: 1142}
}

// ExecContext fails with a SerializationFailure.
func (r *Refusing) ExecContext(context.Context, string, ...any) (sql.Result, error) {
	r.At = append(r.At, time.Now())
	return nil, SerializationFailure{}
}

// Unreadable is a column whose value cannot be had if there is an error, and is 1 otherwise.
type Unreadable struct{ Err error }

// Value returns the error.
func (u Unreadable) Value() (driver.Value, error) {
	if u.Err != nil {
		return nil, u.Err
	}
	return int64(1), nil
}

// Scan takes anything.
func (*Unreadable) Scan(any) error { return nil }
