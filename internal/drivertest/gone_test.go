package drivertest_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/goupsert/upsert/dialect"
)

// dsns are data source names by driver. The verb %s stands for the server's address.
var dsns = map[string]string{
	"postgres": "postgres://u@%s/d?sslmode=disable",
	"pgx":      "postgres://u@%s/d?sslmode=disable",
	"mysql":    "u@tcp(%s)/d",
}

func ping(t *testing.T, driver, address string) error {
	t.Helper()
	db, err := sql.Open(driver, fmt.Sprintf(dsns[driver], address))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	_, err = db.ExecContext(ctx, "INSERT INTO t VALUES (1)")
	return err
}

// listen accepts connections and passes each connection to f, until the test ends. It returns the address.
func listen(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			f(conn)
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

// TestServerIsGone checks the class of a refused connection. If the server was reached a moment before, it may have executed
// the write, so only a repeat-safe write may be sent again.
func TestServerIsGone(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for driver := range dsns {
		err := ping(t, driver, address)
		if got := dialect.Classify(err); got != dialect.Ambiguous {
			t.Errorf("%s: a refused connection, %T %v, is %v, want Ambiguous", driver, err, err, got)
		}
	}
}

func TestServerHangsUp(t *testing.T) {
	t.Parallel()
	address := listen(t, func(net.Conn) {})
	// With MySQL the server sends first, and with PostgreSQL the client. The MySQL server hangs up before its first message,
	// the PostgreSQL server after the client's first message.
	spoken := listen(t, func(c net.Conn) { _, _ = io.ReadFull(c, make([]byte, 8)) })
	for driver := range dsns {
		at := spoken
		if driver == "mysql" {
			at = address
		}
		err := ping(t, driver, at)
		if got := dialect.Classify(err); got != dialect.Ambiguous {
			t.Errorf("%s: a server that hangs up, %T %v, is %v, want Ambiguous", driver, err, err, got)
		}
	}
}
