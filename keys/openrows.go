package keys

import (
	"database/sql"
	"errors"
	"slices"
	"sync"
)

// errRowsOpen is permanent, because fn would leave its rows open again. Some drivers return a bad connection's error for open
// rows, which looks like a lost connection.
var errRowsOpen = errors.New("keys: fn has left the rows of a query open, so its effect was rolled back: close them before fn returns")

// openRows are the rows that fn was given and has not closed.
type openRows struct {
	mu   sync.Mutex
	rows []*sql.Rows
	left bool
}

// add adds rows, unless the query has failed.
func (o *openRows) add(rows *sql.Rows) {
	if rows == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rows = append(slices.DeleteFunc(o.rows, isClosed), rows)
}

// areLeft reports whether rows were open at this call of areLeft or at an earlier one: the transaction's end closes the rows.
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
