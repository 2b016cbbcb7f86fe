// Package stmtcache keeps prepared statements by their texts, and prepares a statement again if the server has forgotten it.
package stmtcache

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"

	"github.com/goupsert/upsert/internal/dbconn"
)

// kept bounds how many statements one cache keeps on each connection. A table with many columns of omitzero has a text for each
// combination of them. Beyond kept a text is sent unprepared.
const kept = 64

// Cache holds prepared statements by their texts.
type Cache struct {
	by    dbconn.Preparer
	mu    sync.RWMutex
	stmts map[string]*sql.Stmt
	// renewed counts how often a text was dropped. pgx names a statement by its text and returns the old statement for the same
	// text, so each time a different number of blanks is added at the end of the text.
	renewed map[string]int
	closed  bool
}

var errClosed = errors.New("the prepared statements are closed")

// New returns an empty cache of statements that a pool, a connection or a transaction prepares.
func New(by dbconn.Preparer) *Cache { return &Cache{by: by, stmts: map[string]*sql.Stmt{}} }

// Get returns the prepared statement of a text, and prepares the text if necessary. If the cache is full, Get returns nil.
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

// end closes a statement. On a pool, closing waits for the calls that use the statement, which may wait for this call. On a
// single connection there are no such calls, and nothing else may be sent there meanwhile.
func (c *Cache) end(stmt *sql.Stmt) {
	if _, pool := c.by.(dbconn.Connector); pool {
		go stmt.Close() //nolint:errcheck // the server has forgotten it
	} else {
		_ = stmt.Close()
	}
}

// drop removes stmt, if stmt is still the statement of the text, so that the text is prepared again.
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

// Close closes the statements, and returns their first error. After Close, Get fails.
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
