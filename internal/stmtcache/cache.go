// Package stmtcache keeps prepared statements by their texts, and prepares a statement again if the server has forgotten it.
package stmtcache

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/goupsert/upsert/internal/dbconn"
)

// kept bounds how many statements one cache keeps on each connection. A table with many columns of omitzero has a text for each
// combination of them. Beyond kept a text is sent unprepared.
const kept = 64

// Cache holds prepared statements by their texts.
type Cache struct {
	by    dbconn.Preparer
	last  atomic.Pointer[named] // the statement that was asked for last: a table has mostly one
	mu    sync.RWMutex
	stmts map[string]*named
	// renewed counts how often a text was dropped. pgx names a statement by its text and returns the old statement for the same
	// text, so each time a different number of blanks is added at the end of the text.
	renewed map[string]int
	closed  bool
}

// named is a prepared statement with its text.
type named struct {
	text string
	stmt *sql.Stmt
}

var errClosed = errors.New("the prepared statements are closed")

// New returns an empty cache of statements that a pool, a connection or a transaction prepares.
func New(by dbconn.Preparer) *Cache { return &Cache{by: by, stmts: map[string]*named{}} }

// Get returns the prepared statement of a text, and prepares the text if necessary. If the cache is full, Get returns nil.
func (c *Cache) Get(ctx context.Context, query string) (*sql.Stmt, error) {
	if last := c.last.Load(); last != nil && last.text == query {
		return last.stmt, nil
	}
	c.mu.RLock()
	found, closed, full, renewed := c.stmts[query], c.closed, len(c.stmts) >= kept, c.renewed[query]
	if found != nil {
		c.last.Store(found) // under the lock, so that a statement that is dropped does not come back
	}
	c.mu.RUnlock()
	switch {
	case closed:
		return nil, errClosed
	case found != nil:
		return found.stmt, nil
	case full:
		return nil, nil
	}
	fresh, err := c.by.PrepareContext(ctx, query+strings.Repeat(" ", renewed%32))
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if found = c.stmts[query]; found != nil || c.closed { // another call was faster
		c.end(fresh)
		if c.closed {
			return nil, errClosed
		}
		return found.stmt, nil
	}
	c.stmts[query] = &named{query, fresh}
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
	if found := c.stmts[query]; found != nil && found.stmt == stmt {
		c.last.Store(nil)
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
	c.last.Store(nil)
	for query, found := range c.stmts {
		if closing := found.stmt.Close(); err == nil {
			err = closing
		}
		delete(c.stmts, query)
	}
	return err
}
