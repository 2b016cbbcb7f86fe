package pgxcopy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// From runs query, a COPY … FROM STDIN, with what rows holds as its data. driverConn is what (*sql.Conn).Raw gives: a
// *stdlib.Conn of github.com/jackc/pgx/v5/stdlib, however its pool was opened. The query is sent as it is, without a prepared
// statement, in whatever transaction the connection is. It is an upsert.CopyFunc.
//
// From reads rows on another goroutine and does not return before the last Read has, so a Read that can wait for ever must
// end when ctx does. It returns
//
//   - nil if the server has taken all the rows,
//   - an error that wraps errors.ErrUnsupported, with nothing sent and nothing read, for a connection of another type,
//   - the error of rows other than io.EOF as it is: the COPY has failed then, and the connection can be used on,
//   - the server's error, a *pgconn.PgError with its SQLSTATE, for rows or a query that it refuses: likewise,
//   - an error that wraps ctx.Err() if ctx ended before the server's answer, and the connection's own error if that was lost.
//     pgx has closed the connection then, unless ctx ended before anything was sent.
//
// After an error in a transaction, PostgreSQL takes nothing more in it but its ROLLBACK.
func From(ctx context.Context, driverConn any, query string, rows io.Reader) error {
	conn, ok := driverConn.(*stdlib.Conn)
	if !ok {
		return fmt.Errorf("pgxcopy: the connection is %s, not pgx's *stdlib.Conn: open the pool by the driver of github.com/jackc/pgx/v5/stdlib with nothing around it, or give upsert.New no CopyThrough(pgxcopy.From): %w", typeOf(driverConn), errors.ErrUnsupported)
	}
	from := &source{rows: rows}
	_, err := conn.Conn().PgConn().CopyFrom(ctx, from, query)
	failed := from.leave()
	if err == nil || !vague(err) {
		return err
	}
	if failed != nil {
		return failed
	}
	// Where pgx was writing when ctx ended, its error is that of a connection that it has closed itself.
	if end := ctx.Err(); end != nil && !errors.Is(err, end) {
		return fmt.Errorf("%w: %w", end, err)
	}
	return err
}

// queryCanceled is what the server answers to a client that gives a COPY up, or has it cancelled.
const queryCanceled = "57014"

// vague reports whether an error says no more than that the COPY has ended, by the client or with the connection.
func vague(err error) bool {
	var answer *pgconn.PgError
	return !errors.As(err, &answer) || answer.Code == queryCanceled
}

// typeOf names a type with its package's path: other releases of pgx have a *stdlib.Conn too.
func typeOf(v any) string {
	t := reflect.TypeOf(v)
	switch {
	case t == nil:
		return "nil"
	case t.Kind() == reflect.Pointer && t.Elem().PkgPath() != "":
		return "a *" + t.Elem().PkgPath() + "." + t.Elem().Name()
	case t.PkgPath() != "":
		return "a " + t.PkgPath() + "." + t.Name()
	}
	return "a " + t.String()
}
