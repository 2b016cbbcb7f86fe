package faults

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/jmoiron/sqlx"
)

// DB is a pool that calls a hook at every point.
type DB struct {
	*sqlx.DB
	log *log
}

// Open returns a pool on the namespace. The pool calls the hook, which may be nil, at each point. The end of the test closes the
// pool. The pool sends no message before its first use.
func Open(t testing.TB, ns *engine.Namespace, hook Hook, opts ...engine.Option) *DB {
	t.Helper()
	return OpenDSN(t, DriverName(ns), ns.DSN(opts...), hook)
}

// Rewriting is Open without a hook. The pool sends the result of rewrite instead of each statement's text.
func Rewriting(t testing.TB, ns *engine.Namespace, rewrite func(text string) string, opts ...engine.Option) *DB {
	t.Helper()
	return open(t, DriverName(ns), ns.DSN(opts...), nil, rewrite)
}

// OpenDSN is Open for a data source name, for example the DSN of a child or a proxy, and the name of a registered driver.
func OpenDSN(t testing.TB, driverName, dsn string, hook Hook) *DB {
	t.Helper()
	return open(t, driverName, dsn, hook, func(text string) string { return text })
}

func open(t testing.TB, driverName, dsn string, hook Hook, rewrite func(string) string) *DB {
	t.Helper()
	inner, err := innerConnector(driverName, dsn)
	if err != nil {
		t.Fatalf("faults: %v", err)
	}
	log := &log{hook: hook}
	db := sql.OpenDB(&connector{inner: inner, driverName: driverName, log: log, rewrite: rewrite})
	t.Cleanup(func() { _ = db.Close() })
	return &DB{DB: sqlx.NewDb(db, driverName), log: log}
}

// DriverName returns the name of the driver for the namespace's DSN.
func DriverName(ns *engine.Namespace) string {
	switch d := ns.Engine().Dialect(); d {
	case "sqlite":
		return "sqlite3"
	case "mariadb":
		return "mysql"
	default:
		return d
	}
}

// Points returns the points so far, in order. If the driver refuses to send a statement unprepared, that point is left out,
// although it has an index.
func (db *DB) Points() []Point {
	db.log.mu.Lock()
	defer db.log.mu.Unlock()
	var sent []Point
	for _, p := range db.log.points {
		if !p.skipped {
			sent = append(sent, *p)
		}
	}
	return sent
}

// Next returns the index of the next point.
func (db *DB) Next() int {
	db.log.mu.Lock()
	defer db.log.mu.Unlock()
	return len(db.log.points)
}

// innerConnector returns the connector that sql.Open would use.
func innerConnector(driverName, dsn string) (driver.Connector, error) {
	db, err := sql.Open(driverName, dsn)
	if err != nil {
		return nil, err
	}
	d := db.Driver()
	if err := db.Close(); err != nil {
		return nil, err
	}
	if dc, ok := d.(driver.DriverContext); ok {
		return dc.OpenConnector(dsn)
	}
	return plainConnector{d, dsn}, nil
}

type plainConnector struct {
	driver driver.Driver
	dsn    string
}

func (c plainConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c plainConnector) Driver() driver.Driver                        { return c.driver }

// log numbers the points of a pool.
type log struct {
	hook   Hook
	mu     sync.Mutex
	points []*Point
}

// before adds the next point and calls the hook.
func (l *log) before(c *conn, kind Kind, text string) (*Point, error) {
	l.mu.Lock()
	p := &Point{Index: len(l.points), Kind: kind, Text: text, conn: c}
	l.points = append(l.points, p)
	l.mu.Unlock()
	return p, l.call(p, Before, nil)
}

// after calls the hook and returns the error for the caller.
func (l *log) after(p *Point, c *conn, err error) error {
	if err == driver.ErrSkip { //nolint:errorlint // database/sql uses the same comparison
		l.mu.Lock()
		p.skipped = true
		l.mu.Unlock()
		return err
	}
	at := *p
	at.conn = c
	if told := l.call(&at, After, err); told != nil {
		return told
	}
	return err
}

func (l *log) call(p *Point, m Moment, err error) error {
	if l.hook == nil {
		return nil
	}
	at := *p // a copy, because other goroutines read the log's own point
	at.Moment, at.Err = m, err
	return l.hook(&at)
}
