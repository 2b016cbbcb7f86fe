package upsert

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/stmtcache"
	"github.com/goupsert/upsert/internal/txn"
)

// checkIndex refuses a table in which no unique index has exactly the target's columns, on a database that would then insert each
// row again (hazard H24). It also refuses a session that is not strict (hazard H29), and finds out whether the table has
// triggers, if triggers matter. checkIndex asks once for each pool, and once for all handles that do not say which pool they
// belong to.
//
// If the server cannot answer, the call goes on: for a view, and for a table on which the user lacks a right that SHOW INDEX
// needs. The call also goes on if the table does not exist, because the statement's error is better.
func (t *table) checkIndex(ctx context.Context, db dbconn.Handle) error {
	if t.index.text.Ask == "" || t.index.isAsked(db) {
		return nil
	}
	for r := t.txn.Retry(!dbconn.CanBegin(db)); ; {
		err := t.askIndex(ctx, db)
		if again, err := r.Next(ctx, err); !again {
			return t.fail(err, -1)
		}
	}
}

func (t *table) askIndex(ctx context.Context, db dbconn.Handle) error {
	err := t.checkMode(ctx, db)
	found, view := false, false
	if err == nil {
		found, err = t.findIndex(ctx, db)
	}
	if err == nil && !found {
		if view, err = isView(ctx, db, t.index.text.Kind); err == nil && !view {
			return t.noIndex()
		}
	}
	if err == nil {
		err = t.lookForTriggers(ctx, db, view)
	}
	number, isServers := dialect.MySQLNumber(err)
	switch {
	case err == nil, isServers && lacksRight(number):
		t.index.setAsked(db)
		return nil
	case isServers && dialect.Classify(err) == dialect.Permanent:
		return nil
	}
	return err
}

// lacksRight reports whether a server's error says that the user may not ask, or that a view is broken.
func lacksRight(number int) bool {
	switch number {
	case 1044, 1142, 1143, 1227, 1356:
		return true
	}
	return false
}

func (t *table) noIndex() error {
	return &SchemaError{Table: t.name, Problems: []Problem{{
		Check: CheckNoUniqueIndex, Severity: Fault, Column: strings.Join(t.target.Columns, ", "),
		Why:  "no unique index has exactly the key's columns (" + strings.Join(t.target.Columns, ", ") + "), so " + t.dialect.Name() + " would insert a row again each time that it is written",
		Find: t.index.text.Find, Mend: t.index.text.Mend,
	}}}
}

// findIndex reports whether one of the table's unique indexes has exactly the target's columns. A prefix index serves as well,
// because equal values have equal prefixes, and the statement compares whole values.
func (t *table) findIndex(ctx context.Context, db dbconn.Handle) (bool, error) {
	indexes, err := t.uniqueIndexes(ctx, db)
	found := slices.ContainsFunc(indexes, func(x uniqueIndex) bool { return x.has(t.target.Columns) })
	return found, err
}

// uniqueIndexes asks for the table's unique indexes, and returns them in the order in which the server checks them.
func (t *table) uniqueIndexes(ctx context.Context, db dbconn.Handle) (indexes []uniqueIndex, err error) {
	rows, err := db.QueryContext(ctx, t.index.text.Ask)
	if err != nil {
		return nil, err
	}
	err = eachNamed(rows, func(value func(string) string) {
		if value("Non_unique") != "0" {
			return
		}
		name := value("Key_name")
		if n := len(indexes); n == 0 || indexes[n-1].name != name {
			indexes = append(indexes, uniqueIndex{name: name})
		}
		last := &indexes[len(indexes)-1]
		last.columns = append(last.columns, value("Column_name"))
	})
	return indexes, err
}

// isView reports whether the table's name belongs to a view.
func isView(ctx context.Context, db dbconn.Handle, kind string) (bool, error) {
	rows, err := db.QueryContext(ctx, kind)
	if err != nil {
		return false, err
	}
	columns, err := rows.Columns()
	if reading := txn.Each(rows, func() error { return nil }); err == nil {
		err = reading
	}
	return err == nil && len(columns) > 0 && columns[0] == "View", err
}

// eachNamed calls f for every row with a function that returns a column's value by its name, because servers and versions differ
// in the columns that they return, and in their order.
func eachNamed(rows *sql.Rows, f func(value func(column string) string)) error {
	columns, err := rows.Columns()
	values, dest := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		dest[i] = &values[i]
	}
	reading := txn.Each(rows, func() error {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		f(func(column string) string {
			if i := slices.Index(columns, column); i >= 0 {
				return values[i].String
			}
			return ""
		})
		return nil
	})
	if err == nil {
		err = reading
	}
	return err
}

// indexCheck remembers on which pools checkIndex has asked. A transaction or a single connection does not say which pool it
// belongs to, so all of them count as one.
type indexCheck struct {
	text  dialect.IndexText
	pools dbconn.Recent[struct{}]
	other atomic.Bool
}

func (c *indexCheck) isAsked(db dbconn.Handle) bool {
	switch db.(type) {
	case *stmtcache.Pool, *stmtcache.Handle: // Prepare has asked
		return true
	}
	if !isPool(db) {
		return c.other.Load()
	}
	_, ok := c.pools.Get(db)
	return ok
}

func (c *indexCheck) setAsked(db dbconn.Handle) {
	if isPool(db) {
		c.pools.Add(db, struct{}{})
	} else {
		c.other.Store(true)
	}
}

func isPool(db dbconn.Handle) bool {
	_, pool := db.(dbconn.Connector)
	_, conn := db.(dbconn.Rawer)
	return pool || dbconn.CanBegin(db) && !conn
}
