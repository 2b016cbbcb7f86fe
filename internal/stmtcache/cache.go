// Package stmtcache keeps prepared statements by their texts, and prepares those again that the server has forgotten.
package stmtcache

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"

	"github.com/goupsert/upsert/internal/dbconn"
)

// kept bounds what one cache keeps on each connection: a table with many columns of omitzero has a text for each choice of them.
// Beyond kept a text is sent unprepared.
const kept = 64

// Cache is prepared statements, by their texts.
type Cache struct {
	by    dbconn.Preparer
	mu    sync.RWMutex
	stmts map[string]*sql.Stmt
	// renewed counts how often a text was dropped. pgx names a statement by its text and gives the old one for the same, so
	// each time the text is another, by the blanks at its end.
	renewed map[string]int
	closed  bool
}

var errClosed = errors.New("the prepared statements are closed")

// New returns an empty cache of statements that are prepared by a pool, a connection or a transaction.
func New(by dbconn.Preparer) *Cache { return &Cache{by: by, stmts: map[string]*sql.Stmt{}} }

// Get returns the statement of a text, prepared if it is not, or nil if there are too many.
func (c *Cache) Get(ctx context.Context, query string) (*sql.Stmt, error) {
	c.mu.RLock()
	stmt, closed, full, renewed := c.stmts[query], c.closed, len(c.stmts) >= kept, c.renewed[query]
	c.mu.RUnlock()
	switch {
	case closed:
		return nil, errClosed
	case stmt != nil || full:
		return stmt, nil
	}
	fresh, err := c.by.PrepareContext(ctx, query+strings.Repeat(" ", renewed%32))
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if stmt = c.stmts[query]; stmt != nil || c.closed { // another call was faster
		c.end(fresh)
		if c.closed {
			return nil, errClosed
		}
		return stmt, nil
	}
	c.stmts[query] = fresh
	return fresh, nil
}

// end closes a statement. On a pool that waits for the calls that use it, which may wait for this one; on a single
// connection there is none, and nothing else may be sent there meanwhile.
func (c *Cache) end(stmt *sql.Stmt) {
	if _, pool := c.by.(dbconn.Connector); pool {
		go stmt.Close() //nolint:errcheck // the server has forgotten it
	} else {
		_ = stmt.Close()
	}
}

// drop has a text prepared again, if stmt is still its statement.
func (c *Cache) drop(query string, stmt *sql.Stmt) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stmts[query] == stmt {
		delete(c.stmts, query)
		if c.renewed == nil {
			c.renewed = map[string]int{}
		}
		c.renewed[query]++
		c.end(stmt)
	}
}

// Close closes the statements, and returns the first error of theirs. Get fails after it.
func (c *Cache) Close() (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for query, stmt := range c.stmts {
		if closing := stmt.Close(); err == nil {
			err = closing
		}
		delete(c.stmts, query)
	}
	return err
}
