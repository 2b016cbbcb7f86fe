package dialect_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/goupsert/upsert/dialect"
)

// These errors have the shape of the drivers' errors. internal/drivertest tries the drivers' errors themselves.
type (
	// stateError is like the error of lib/pq and pgx.
	stateError string
	// numberError is go-sql-driver's MySQLError.
	numberError struct {
		Number  uint16
		Message string
	}
	// extendedCode is go-sqlite3's ErrNoExtended.
	extendedCode int
	// codeError is go-sqlite3's Error, a struct and no pointer.
	codeError struct {
		Code         int
		ExtendedCode extendedCode
	}
	// otherNumber has a field Number and is no MySQLError.
	otherNumber struct{ Number int }
	// otherCode has a Code method and is no error of SQLite.
	otherCode int
	// unsent is like pgconn's error about a statement that was never sent.
	unsent bool
	// classed knows its class.
	classed dialect.Class
	// columnError is like the error of lib/pq, and pgxColumn like the error of pgx.
	columnError struct{ Column string }
	pgxColumn   struct{ ColumnName string }
	// stalePlan is like the error of lib/pq or pgx. Its message is in the server's language.
	stalePlan struct{ Routine, Message string }
)

func (e stateError) Error() string     { return "state " + string(e) }
func (e stateError) SQLState() string  { return string(e) }
func (e *numberError) Error() string   { return e.Message }
func (e codeError) Error() string      { return fmt.Sprint(e.ExtendedCode) }
func (e *otherNumber) Error() string   { return "other" }
func (e otherCode) Error() string      { return "other" }
func (e otherCode) Code() int          { return int(e) }
func (e unsent) Error() string         { return "not sent" }
func (e unsent) SafeToRetry() bool     { return bool(e) }
func (e classed) Error() string        { return "classed" }
func (e classed) Class() dialect.Class { return dialect.Class(e) }
func (e *columnError) Error() string   { return "column" }
func (e *pgxColumn) Error() string     { return "column" }
func (e *stalePlan) Error() string     { return e.Message }
func (e *stalePlan) SQLState() string  { return "0A000" }

func mysqlError(n uint16) error { return &numberError{Number: n, Message: "mysql"} }
func sqliteError(code int) error {
	return codeError{Code: code & 0xff, ExtendedCode: extendedCode(code)}
}

// classes lists errors by the class that Classify must return.
func classes() map[dialect.Class][]error {
	byClass := map[dialect.Class][]error{
		dialect.Permanent: {
			nil, errors.New("anything"), context.Canceled, context.DeadlineExceeded, sql.ErrTxDone, sql.ErrNoRows, sql.ErrConnDone,
			otherCode(5), &otherNumber{1213}, unsent(false), stateError(""), classed(dialect.Permanent), &stalePlan{"other", "no system column"},
			fmt.Errorf("lost: %w", errors.Join(driver.ErrBadConn, context.Canceled)),
		},
		dialect.Retryable: {
			unsent(true), classed(dialect.Retryable),
			&stalePlan{Message: "ERROR: cached plan must not change result type (SQLSTATE 0A000)"}, &stalePlan{"RevalidateCachedQuery", "geänderter Ergebnistyp"},
		},
		dialect.UniqueViolation: {classed(dialect.UniqueViolation)},
		dialect.Ambiguous: {
			driver.ErrBadConn, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE, errors.New("invalid connection"),
			&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, &net.OpError{Op: "write", Err: syscall.EPIPE},
			classed(dialect.Ambiguous),
		},
		dialect.LockTimeout: {classed(dialect.LockTimeout)},
	}
	for class, states := range map[dialect.Class][]string{
		dialect.Permanent:       {"42P10", "42601", "21000", "42809", "55000", "428C9", "0A000", "25P02", "23502", "23503", "23514", "22001", "57014", "XX000", "00000"},
		dialect.Retryable:       {"40001", "40P01", "57P03", "53300", "57P05", "25P03"},
		dialect.UniqueViolation: {"23505"},
		dialect.Ambiguous:       {"40003", "57P01", "57P02", "08000", "08003", "08006", "08007", "08P01"},
		dialect.LockTimeout:     {"55P03"},
	} {
		for _, s := range states {
			byClass[class] = append(byClass[class], stateError(s))
		}
	}
	for class, numbers := range map[dialect.Class][]uint16{
		dialect.Permanent:       {1054, 1064, 1390, 1048, 1364, 1242, 1166, 1},
		dialect.Retryable:       {1213, 1020, 1040, 1047, 4031, 8002, 8005, 8022, 8028, 9007},
		dialect.UniqueViolation: {1062, 1169, 1586},
		dialect.Ambiguous:       {1053, 1180, 1927, 2006, 2013},
		dialect.LockTimeout:     {1205, 3572},
	} {
		for _, n := range numbers {
			byClass[class] = append(byClass[class], mysqlError(n))
		}
	}
	for class, codes := range map[dialect.Class][]int{
		dialect.Permanent:       {1, 19, 1299, 275, 787, 8, 13, 11},
		dialect.Retryable:       {517},
		dialect.UniqueViolation: {2067, 1555, 2579},
		dialect.LockTimeout:     {5, 261, 6, 262, 773},
	} {
		for _, c := range codes {
			byClass[class] = append(byClass[class], sqliteError(c))
		}
	}
	return byClass
}

func TestClassify(t *testing.T) {
	t.Parallel()
	for want, errs := range classes() {
		for _, err := range errs {
			if got := dialect.Classify(err); got != want {
				t.Errorf("%T %v is %v, want %v", err, err, got, want)
			}
		}
	}
}

func TestClassifyLooksThroughWrapping(t *testing.T) {
	t.Parallel()
	for want, errs := range classes() {
		for _, err := range errs {
			if err == nil {
				continue
			}
			for how, wrapped := range map[string]error{
				"wrapped":        fmt.Errorf("table t: %w", err),
				"wrapped twice":  fmt.Errorf("a: %w", fmt.Errorf("b: %w", err)),
				"joined":         errors.Join(err),
				"joined first":   errors.Join(err, errors.New("the rollback failed too")),
				"joined last":    errors.Join(errors.New("the rollback failed too"), err),
				"two verbs":      fmt.Errorf("%w and %w", errors.New("x"), err),
				"joined, deeper": fmt.Errorf("x: %w", errors.Join(errors.New("y"), fmt.Errorf("z: %w", err))),
			} {
				if got := dialect.Classify(wrapped); got != want {
					t.Errorf("%T %v, %s, is %v, want %v", err, err, how, got, want)
				}
			}
		}
	}
}

// If the context has ended, the caller does not want another attempt, whatever the other errors are.
func TestClassifyOfAContextsEnd(t *testing.T) {
	t.Parallel()
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		for _, err := range []error{errors.Join(stateError("40001"), end), fmt.Errorf("%w: %w", end, mysqlError(1213)), errors.Join(end, io.EOF)} {
			if got := dialect.Classify(err); got != dialect.Permanent {
				t.Errorf("%v is %v, want Permanent", err, got)
			}
		}
	}
}

func TestClassifyOfANilPointer(t *testing.T) {
	t.Parallel()
	var none *safe
	if got := dialect.Classify(fmt.Errorf("x: %w", none)); got != dialect.Permanent {
		t.Errorf("a nil pointer in the chain is %v, want Permanent", got)
	}
}

// safe is an error type whose nil pointer can be asked for its text.
type safe struct{ Number uint16 }

func (*safe) Error() string { return "safe" }

func TestClassString(t *testing.T) {
	t.Parallel()
	for c, want := range map[dialect.Class]string{
		dialect.Permanent: "Permanent", dialect.Retryable: "Retryable", dialect.UniqueViolation: "UniqueViolation",
		dialect.Ambiguous: "Ambiguous", dialect.LockTimeout: "LockTimeout", 9: "Class(9)", -1: "Class(-1)",
	} {
		func() {
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("class %d: %v", int(c), r)
				}
			}()
			if got := c.String(); got != want {
				t.Errorf("class %d is %q, want %q", int(c), got, want)
			}
		}()
	}
}

func TestErrorParts(t *testing.T) {
	t.Parallel()
	if n, ok := dialect.MySQLNumber(fmt.Errorf("x: %w", mysqlError(1062))); n != 1062 || !ok {
		t.Errorf("MySQLNumber = %d, %v, want 1062", n, ok)
	}
	if n, ok := dialect.MySQLNumber(errors.New("x")); n != 0 || ok {
		t.Errorf("MySQLNumber of no such error = %d, %v", n, ok)
	}
	if s := dialect.SQLState(fmt.Errorf("x: %w", stateError("23505"))); s != "23505" {
		t.Errorf("SQLState = %q", s)
	}
	if s := dialect.SQLState(nil); s != "" {
		t.Errorf("SQLState of nil = %q", s)
	}
	for _, err := range []error{&columnError{"c"}, &pgxColumn{"c"}, fmt.Errorf("x: %w", &columnError{"c"})} {
		if c := dialect.ErrorColumn(err); c != "c" {
			t.Errorf("ErrorColumn of %T = %q, want c", err, c)
		}
	}
	if c := dialect.ErrorColumn(errors.New("x")); c != "" {
		t.Errorf("ErrorColumn of no such error = %q", c)
	}
}

// TestStatementInAnError: some drivers put the statement into their errors. Such an error is not the failure that a statement
// causes on purpose.
func TestStatementInAnError(t *testing.T) {
	t.Parallel()
	for _, d := range []dialect.Dialect{dialect.SQLite, dialect.Postgres} {
		query, err := d.Upsert(dialect.Upsert{
			Table: dialect.Table{Name: "t"}, Target: dialect.Target{Columns: []string{"k"}}, Rows: dialect.Rows{N: 1}, Stored: dialect.Stored{Guard: true},
			Columns: []dialect.Column{{Name: "k", Rule: dialect.Key, Kind: dialect.KindText}, {Name: "v", Rule: dialect.Replace, Kind: dialect.KindText}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(query, "upsert: other key") {
			t.Fatalf("%s: the statement has no mark: %s", d.Name(), query)
		}
		for text, want := range map[string]bool{
			"connection refused: " + query:                      false,
			"malformed JSON: 'upsert: other key a'":             true,
			"malformed JSON: 'upsert: other key a' in " + query: true,
		} {
			if got := dialect.IsOtherKey(errors.New(text)); got != want {
				t.Errorf("%s: IsOtherKey of %q is %v", d.Name(), text, got)
			}
		}
	}
}
