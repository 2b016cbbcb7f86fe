package write

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/catalog"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/stmtcache"
)

// Prepared writes single rows with prepared statements.
type Prepared struct {
	table *Table
	h     dbconn.Handle // prepares what it sends
	bare  dbconn.Handle // the caller's handle
	cache *stmtcache.Cache
}

// renewals bounds how often a call prepares a statement again because the server forgets the statement during the call.
const renewals = 5

// Prepare asks the server what must be known of the table, and prepares the statement that Put sends first for most rows.
func (t *Table) Prepare(ctx context.Context, h dbconn.Handle) (*Prepared, error) {
	with, ok := h.(dbconn.Preparer)
	if !ok {
		return nil, errors.New("Prepare: the handle has no PrepareContext: give it a *sql.DB, *sql.Conn or *sql.Tx, or one of sqlx's")
	}
	for _, step := range []func(context.Context, dbconn.Handle) error{t.checkPeer, t.checks.Check, t.loadFacts} {
		if err := step(ctx, h); err != nil {
			return nil, err
		}
	}
	cache := stmtcache.New(with)
	p := &Prepared{table: t, bare: h, cache: cache, h: stmtcache.Wrap(h, cache, isSuspect)}
	first, err := t.reporter.first(ctx, p.h)
	if err != nil {
		return nil, err
	}
	query, err := t.text(first)
	if err == nil {
		_, err = cache.Get(ctx, query) // prepare one statement now, so that an error about the table is returned here
	}
	return p, err
}

// Put is Table.Put with prepared statements.
func (p *Prepared) Put(ctx context.Context, row reflect.Value) (Outcome, error) {
	return p.putBy(ctx, row, (*Table).put)
}

func (p *Prepared) putBy(ctx context.Context, row reflect.Value, put putFunc) (o Outcome, err error) {
	err = p.renew(ctx, func() error {
		o, err = put(p.table, ctx, p.h, row)
		return err
	}, func(err error, n int) bool {
		return isForgotten(err) || p.table.catalog.IsOutdated(ctx, p.bare, err) || n == 0 && isSuspect(err)
	})
	return o, err
}

// Exec is Table.Exec with prepared statements.
func (p *Prepared) Exec(ctx context.Context, row reflect.Value) (res sql.Result, err error) {
	err = p.renew(ctx, func() error {
		res, err = p.table.Exec(ctx, p.h, row)
		return err
	}, func(err error, _ int) bool { return isForgotten(err) })
	return res, err
}

// renew calls f, and calls f again, with statements that are prepared anew, as long as again says that this may help. again is
// given how many calls have failed before. In the caller's transaction f is called once, because its error has ended the
// transaction.
func (p *Prepared) renew(ctx context.Context, f func() error, again func(err error, n int) bool) error {
	err := f()
	for n := 0; err != nil && n < renewals && dbconn.CanBegin(p.h) && ctx.Err() == nil && again(err, n); n++ {
		err = f()
	}
	return err
}

// Close closes the prepared statements.
func (p *Prepared) Close() error { return p.cache.Close() }

// isForgotten reports whether err means that a prepared statement must be prepared again: the server does not know the statement's
// name (26000), has another statement of this name (42P05), or returns other types than when the statement was prepared (0A000).
// MySQL's numbers are 1615 and 1243. Another call may have closed the statement for such a reason, so the error of a closed
// statement counts too.
func isForgotten(err error) bool {
	switch state := dialect.SQLState(err); state {
	case "26000", "42P05":
		return true
	case "0A000":
		return dialect.Classify(err) == dialect.Retryable
	}
	n, _ := dialect.MySQLNumber(err)
	return n == 1615 || n == 1243 || strings.Contains(err.Error(), "sql: statement is closed")
}

// isSuspect reports whether the cause of err may be old knowledge from when the statement was prepared, above all an older type of
// a column.
func isSuspect(err error) bool {
	return isForgotten(err) || catalog.IsOfSchema(err)
}
