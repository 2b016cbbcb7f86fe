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

// From runs query, a COPY … FROM STDIN, with the data that rows returns. driverConn is the connection that (*sql.Conn).Raw
// gives: a *stdlib.Conn of github.com/jackc/pgx/v5/stdlib, however its pool was opened. The query is sent unchanged, without a
// prepared statement, in the connection's current transaction. From is an upsert.CopyFunc.
//
// From reads rows on another goroutine and returns only after the last Read has returned, so if a Read can wait for ever, the
// Read must end when ctx does. From returns
//
//   - nil if the server has taken all the rows,
//   - an error that wraps errors.ErrUnsupported, with nothing sent and nothing read, for a connection of another type,
//   - the error of rows unchanged, if it is not io.EOF: the COPY has failed then, and the connection can still be used,
//   - the server's error, a *pgconn.PgError with its SQLSTATE, if the server refuses the rows or the query: the connection can
//     still be used too,
//   - an error that wraps ctx.Err() if ctx ended before the server's answer, and the connection's own error if the connection
//     was lost. pgx has closed the connection then, unless ctx ended before anything was sent.
//
// After an error in a transaction, PostgreSQL accepts only the transaction's ROLLBACK.
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
	// If pgx was writing when ctx ended, pgx closed the connection itself and returns the closed connection's error.
	if end := ctx.Err(); end != nil && !errors.Is(err, end) {
		return fmt.Errorf("%w: %w", end, err)
	}
	return err
}

// queryCanceled is the server's answer if a client gives a COPY up, or cancels it.
const queryCanceled = "57014"

// vague reports whether an error says only that the COPY has ended, by the client or with the connection.
func vague(err error) bool {
	var answer *pgconn.PgError
	return !errors.As(err, &answer) || answer.Code == queryCanceled
}

// typeOf names a type with its package's path, because other releases of pgx have a *stdlib.Conn too.
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
