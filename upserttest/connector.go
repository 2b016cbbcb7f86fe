package upserttest

import (
	"context"
	"database/sql"
	"database/sql/driver"
)

// connector makes the connections of a run's handle. Each is one of the pool that open returned, taken from the pool for one
// statement or one transaction, so the pool's limit, its driver and the state of its sessions apply to the run.
type connector struct{ run *run }

func (c *connector) Driver() driver.Driver { return c.run.world.pool.Driver() }

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	r := c.run
	if err := r.takeSlot(); err != nil {
		return nil, err
	}
	held, err := r.world.pool.Conn(ctx)
	if err != nil {
		r.world.giveSlot()
		return nil, err
	}
	conn := &conn{run: r, held: held}
	if err := conn.setUp(context.WithoutCancel(ctx)); err != nil {
		_ = held.Close()
		r.world.giveSlot()
		return nil, err
	}
	r.add(conn)
	return conn.optional(), nil
}

// setUp finds the driver's connection and its session.
func (c *conn) setUp(ctx context.Context) (err error) {
	err = c.held.Raw(func(driverConn any) error {
		c.raw = driverConn.(driver.Conn)
		return nil
	})
	if err != nil {
		return err
	}
	if c.run.strike != nil || c.run.gate != nil {
		if c.session, err = c.run.world.engine.session(ctx, c.held); err != nil {
			return err
		}
	}
	c.count.begin(c.run, c.held)
	if c.resendsBusy() {
		return c.dropBusyTimeout(ctx)
	}
	return nil
}

// dropBusyTimeout has SQLite answer at once if another connection has a lock. The gate decides then how long to wait.
func (c *conn) dropBusyTimeout(ctx context.Context) error {
	var ms int64
	if err := c.held.QueryRowContext(ctx, "PRAGMA busy_timeout").Scan(&ms); err != nil {
		return err
	}
	if ms != 0 {
		c.busyTimeout = ms
		return c.held.QueryRowContext(ctx, "PRAGMA busy_timeout = 0").Scan(&ms)
	}
	return nil
}

// optional returns the connection with the methods that database/sql looks for and that the driver has. The other optional
// methods of a connection do what database/sql does without them, so they are always there.
func (c *conn) optional() driver.Conn {
	switch exec, query := canExec(c.raw), canQuery(c.raw); {
	case exec && query:
		return struct {
			*conn
			execer
			queryer
		}{c, execer{c}, queryer{c}}
	case exec:
		return struct {
			*conn
			execer
		}{c, execer{c}}
	case query:
		return struct {
			*conn
			queryer
		}{c, queryer{c}}
	}
	return c
}

type execer struct{ c *conn }

func (e execer) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return e.c.exec(ctx, query, func() (driver.Result, error) { return execOn(ctx, e.c.raw, query, args) })
}

type queryer struct{ c *conn }

func (q queryer) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return q.c.query(ctx, query, func() (driver.Rows, error) { return queryOn(ctx, q.c.raw, query, args) })
}

var _ driver.Connector = (*connector)(nil)

// openOuter returns the pool that is between the code under test and the pool that open returned. It keeps no idle connections.
func openOuter(r *run) *sql.DB {
	db := sql.OpenDB(&connector{r})
	db.SetMaxOpenConns(r.world.limit)
	db.SetMaxIdleConns(-1)
	return db
}
