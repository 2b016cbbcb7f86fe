package keys

import (
	"database/sql"
	"errors"
	"slices"
	"sync"
)

// errRowsOpen is permanent: fn would leave its rows open again. Some drivers call the connection bad for it, which looks like a lost
// one.
var errRowsOpen = errors.New("keys: fn has left the rows of a query open, so its effect was rolled back: close them before fn returns")

// openRows are the rows that fn was given and has not closed.
type openRows struct {
	mu   sync.Mutex
	rows []*sql.Rows
	left bool
}

// add keeps rows, unless the query has failed.
func (o *openRows) add(rows *sql.Rows) {
	if rows == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rows = append(slices.DeleteFunc(o.rows, isClosed), rows)
}

// areLeft reports whether there were rows when areLeft was called, this time or before: the transaction's end closes them.
func (o *openRows) areLeft() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.left = o.left || slices.ContainsFunc(o.rows, func(rows *sql.Rows) bool { return !isClosed(rows) })
	return o.left
}

func isClosed(rows *sql.Rows) bool {
	_, err := rows.Columns()
	return err != nil
}
