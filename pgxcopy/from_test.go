package pgxcopy_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/goupsert/upsert/pgxcopy"
	"github.com/jackc/pgx/v5"
)

// The tests that need a server are in internal/drivertest.

type wrapped struct{}

func TestFromRefusesOtherConnections(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		conn any
		want string
	}{
		{nil, "the connection is nil,"},
		{wrapped{}, "the connection is a github.com/goupsert/upsert/pgxcopy_test.wrapped,"},
		{&wrapped{}, "the connection is a *github.com/goupsert/upsert/pgxcopy_test.wrapped,"},
		{&pgx.Conn{}, "the connection is a *github.com/jackc/pgx/v5.Conn,"},
		{"a DSN", "the connection is a string,"},
	} {
		rows := strings.NewReader("1\n")
		err := pgxcopy.From(t.Context(), c.conn, "COPY t FROM STDIN", rows)
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("From on a %T = %v; want %q and errors.ErrUnsupported", c.conn, err, c.want)
		}
		if left, err := io.ReadAll(rows); err != nil || string(left) != "1\n" {
			t.Errorf("From on a %T has read rows: %q is left", c.conn, left)
		}
	}
}
