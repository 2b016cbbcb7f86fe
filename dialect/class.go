package dialect

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
)

// Class says what can be done about an error.
type Class int

const (
	// Permanent: the same statement would fail again, or nothing is known of the error.
	Permanent Class = iota
	// Retryable: the transaction is lost and nothing of it was kept; the whole transaction can be run again. A statement is
	// Retryable too if a change of the schema has invalidated the prepared statement, which the driver prepares again.
	Retryable
	// UniqueViolation: a unique key refused the row.
	UniqueViolation
	// Ambiguous: the connection was lost, or the server gave up after the statement may have been applied. Send only a write
	// again that is safe to repeat.
	Ambiguous
	// LockTimeout: a lock was not to be had in time. Nothing was done, and the statement can be tried again.
	LockTimeout
)

// String returns the class's name.
func (c Class) String() string {
	names := [...]string{"Permanent", "Retryable", "UniqueViolation", "Ambiguous", "LockTimeout"}
	if c < 0 || int(c) >= len(names) {
		return fmt.Sprintf("Class(%d)", int(c))
	}
	return names[c]
}

// Classify returns the Class of an error of database/sql or of a driver. Classify reads SQLSTATEs through `SQLState() string`
// (lib/pq, pgx) and the number fields of go-sql-driver/mysql, go-sqlite3 and modernc.org/sqlite, and looks through wrapped and
// joined errors. Classify returns Permanent for nil, for an error that it does not know, and for the end of a context.
func Classify(err error) Class {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if own, ok := e.(interface{ Class() Class }); ok {
			return own.Class() // also for a commit whose result the context's end has left open
		}
	}
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, sql.ErrTxDone) {
		return Permanent
	}
	return classify(err)
}

func classify(err error) Class {
	if known, ok := classOne(err); ok {
		return known
	}
	switch e := err.(type) { //nolint:errorlint // this is the walk itself
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return classify(inner)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if c := classify(inner); c != Permanent {
				return c
			}
		}
	}
	return Permanent
}

// classOne classifies one error of the chain. ok is false if the search must go on along the chain.
func classOne(err error) (Class, bool) {
	switch e := err.(type) { //nolint:errorlint // see classify
	case interface{ Class() Class }:
		return e.Class(), true
	case interface{ SQLState() string }:
		if isStalePlan(err) {
			return Retryable, true
		}
		if state := e.SQLState(); state != "" {
			return classSQLState(state), true
		}
	case interface{ SafeToRetry() bool }: // pgconn: nothing was sent
		if e.SafeToRetry() {
			return Retryable, true
		}
	}
	if n, ok := mysqlNumber(err); ok {
		return classMySQL(n), true
	}
	if n, ok := sqliteCode(err); ok {
		return classSQLite(n), true
	}
	if lostConnection(err) {
		return Ambiguous, true
	}
	return Permanent, false
}

// classSQLState follows PostgreSQL's Appendix A and CockroachDB's documentation of 40003.
func classSQLState(s string) Class {
	switch s {
	case "40001", "40P01", "57P03", "53300",
		"57P05", "25P03": // the session was ended while it was idle, before the statement came
		return Retryable
	case "23505":
		return UniqueViolation
	case "55P03":
		return LockTimeout
	case "40003", "57P01", "57P02":
		return Ambiguous
	}
	if strings.HasPrefix(s, "08") {
		return Ambiguous
	}
	return Permanent
}

func classMySQL(n uint64) Class {
	switch n {
	case 1213, 1020, 1040, 1047, // deadlock; row changed since read; too many connections; Galera node not ready
		4031,                         // the session was ended while it was idle, before the statement came
		8002, 8005, 8022, 8028, 9007: // TiDB's conflicts
		return Retryable
	case 1062, 1169, 1586:
		return UniqueViolation
	case 1205, 3572:
		return LockTimeout
	case 1053, 1180, 1927, 2006, 2013: // shutdown, error during COMMIT, connection killed or gone
		return Ambiguous
	}
	return Permanent
}

func classSQLite(code int64) Class {
	switch code {
	case 517: // BUSY_SNAPSHOT: the transaction's view is too old to write
		return Retryable
	case 2067, 1555, 2579:
		return UniqueViolation
	}
	if primary := code & 0xff; primary == 5 || primary == 6 {
		return LockTimeout
	}
	return Permanent
}

func lostConnection(err error) bool {
	for _, lost := range []error{
		driver.ErrBadConn, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
		syscall.ECONNRESET, syscall.ECONNABORTED, syscall.ECONNREFUSED, syscall.EPIPE, syscall.ETIMEDOUT,
	} {
		if err == lost { //nolint:errorlint // see classify
			return true
		}
	}
	switch err.(type) { //nolint:errorlint // see classify; a file's errors are net.Errors too, so that will not do
	case *net.OpError, *net.DNSError:
		return true
	}
	// ErrInvalidConn of go-sql-driver is a plain errors.New.
	return err.Error() == "invalid connection"
}
