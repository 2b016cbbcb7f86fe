package upserttest

import (
	"context"
	"database/sql"
	"sync/atomic"
)

// writeCount counts the rows that a run has written on SQLite, for [Quiet]. The other engines tell it by the rows' versions.
// Rows of transactions that were rolled back do not count.
type writeCount struct{ rows atomic.Int64 }

// connCount is the part of one connection.
type connCount struct {
	held       *sql.Conn
	start      int64 // rows written before the run, or in vain
	beforeTx   int64
	isCounting bool
}

// writes returns how many rows the connection has ever written.
func (c *connCount) writes() (n int64) {
	if c.isCounting {
		_ = c.held.QueryRowContext(context.Background(), "SELECT total_changes()").Scan(&n)
	}
	return n
}

// begin is called when a connection comes to the run.
func (c *connCount) begin(r *run, held *sql.Conn) {
	_, lite := r.world.engine.(sqlite)
	c.held, c.isCounting = held, lite && r.writes != nil
	c.start = c.writes()
}

// follow is called after a point that begins or ends a transaction.
func (c *connCount) follow(k kind) {
	switch k {
	case begin:
		c.beforeTx = c.writes()
	case rollback:
		c.start += c.writes() - c.beforeTx
	}
}

// end is called when the connection leaves the run.
func (c *connCount) end(r *run) {
	if c.isCounting {
		r.writes.rows.Add(c.writes() - c.start)
	}
}

// notQuiet returns what a run has changed since before, in any column.
func (c *check) notQuiet(w *world, before snapshot, r *run) ([]tableDiff, error) {
	after, err := w.snapshot(c.o)
	if err != nil {
		return nil, err
	}
	diffs := differ{ignores: c.o.ignores, exact: true}.compare(before, after)
	if len(diffs) == 0 && r.writes.rows.Load() > 0 {
		diffs = append(diffs, tableDiff{rewrote: true, table: &table{}})
	}
	return diffs, nil
}
