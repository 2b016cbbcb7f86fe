package faults

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"time"
)

// pollInterval is the time between two checks whether a session is gone. No server reports the end of a session on its own.
const pollInterval = 2 * time.Millisecond

// killTimeout limits the wait for a server that does not end a session.
const killTimeout = 20 * time.Second

// noticeTime is how long a server may take to notice the kill of a session.
const noticeTime = 200 * time.Millisecond

// session returns the server's ID of the connection, "" on SQLite.
func session(ctx context.Context, driverName string, c rawConn) (string, error) {
	switch driverName {
	case "postgres", "pgx":
		return ask(ctx, c, "SELECT pg_backend_pid()")
	case "mysql":
		return ask(ctx, c, "SELECT CONNECTION_ID()")
	}
	return "", nil
}

// kill uses a separate connection, which has no points.
func (c *conn) kill(ctx context.Context) error {
	if c.session == "" {
		return c.drop()
	}
	ctx, cancel := context.WithTimeout(ctx, killTimeout)
	defer cancel()
	inner, err := c.connector.inner.Connect(ctx)
	if err != nil {
		return fmt.Errorf("faults: kill session %s: %w", c.session, err)
	}
	defer func() { _ = inner.Close() }()
	admin := inner.(rawConn) // connect has checked the first connection of this connector
	how, there := "SELECT pg_terminate_backend("+c.session+")", "SELECT COUNT(*) FROM pg_stat_activity WHERE pid = "+c.session
	if c.connector.driverName == "mysql" {
		how, there = "KILL "+c.session, "SELECT COUNT(*) FROM information_schema.processlist WHERE id = "+c.session
	}
	order := func() error {
		if _, err := admin.ExecContext(ctx, how, nil); err != nil {
			return fmt.Errorf("faults: kill session %s: %w", c.session, err)
		}
		return nil
	}
	deaf, err := c.isDeaf(ctx, admin)
	switch {
	case err != nil:
		return err
	case deaf:
		return c.end(ctx, admin, there, c.drop, order)
	}
	return c.end(ctx, admin, there, order, c.drop)
}

// isDeaf reports whether the server is MySQL 5.7. If a KILL arrives just before a session of MySQL 5.7 waits for the next
// statement, the session misses that KILL and every later one, and keeps its locks. The session does notice that its client has
// gone.
func (c *conn) isDeaf(ctx context.Context, admin rawConn) (bool, error) {
	if c.connector.driverName != "mysql" {
		return false, nil
	}
	is, err := ask(ctx, admin, "SELECT VERSION() LIKE '5.%'")
	return is == "1", err
}

// end ends the session by the first means. After noticeTime, it also uses the other means. It returns when the session no longer
// exists.
func (c *conn) end(ctx context.Context, admin rawConn, there string, first, other func() error) error {
	if err := first(); err != nil {
		return err
	}
	unnoticed := time.NewTimer(noticeTime)
	defer unnoticed.Stop()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		n, err := ask(ctx, admin, there)
		if err != nil || n == "0" {
			return err
		}
		select {
		case <-tick.C:
		case <-unnoticed.C:
			_ = other() // the session may have ended meanwhile
		case <-ctx.Done():
			return fmt.Errorf("faults: the server did not end a session: %w", ctx.Err())
		}
	}
}

// ask returns the only value of the only row.
func ask(ctx context.Context, c rawConn, query string) (string, error) {
	rows, err := c.QueryContext(ctx, query, nil)
	if err != nil {
		return "", err
	}
	dest := make([]driver.Value, len(rows.Columns()))
	err = rows.Next(dest)
	if err == nil {
		if end := rows.Next(make([]driver.Value, len(dest))); !errors.Is(end, io.EOF) {
			err = fmt.Errorf("faults: %s: more than a row: %w", query, end)
		}
	}
	if err := errors.Join(err, rows.Close()); err != nil {
		return "", err
	}
	if b, ok := dest[0].([]byte); ok {
		return string(b), nil
	}
	return fmt.Sprint(dest[0]), nil
}
