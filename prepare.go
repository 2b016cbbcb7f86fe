package upsert

import (
	"context"
	"errors"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/catalog"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/stmtcache"
)

// Prepared writes single rows with statements that are prepared once for each connection, for a service that writes single rows
// often. A Prepared is safe for concurrent use if its handle is.
type Prepared[T any] struct {
	table *Table[T]
	db    DB // the handle, wrapped so that statements are sent prepared
	claim DB // the handle as the caller gave it
	cache *stmtcache.Cache
}

// Prepare prepares the statements of [Table.Put] on a *sql.DB, *sql.Conn or *sql.Tx, or on one of sqlx's handles. On a *sql.DB, a
// Prepared outlives connections, because a statement is prepared on each connection at its first use there. Close the Prepared
// when you no longer need it. On a transaction, close it before the transaction ends: behind a pooler, the name of a statement
// that is left open would meet the next client's names.
//
// On PostgreSQL a prepared statement is a name on a server's connection. Behind a pooler in transaction mode, each call may get
// another server connection, and lib/pq numbers its names. So the name can be another client's statement, on another table
// (hazard E2). To notice a pooler, Prepare asks the server for its process id and compares the answer with the process id that
// the driver was given, which a pooler makes up. If the two differ, or if the driver is wrapped and does not tell its process id,
// Prepare returns a [*dialect.UnsupportedError]: use Put. In a transaction the connection stays the same, and Prepare refuses
// nothing.
//
// On MySQL, a table's triggers hide a row's outcome from the statement (hazard H23). If there are triggers, Put on a pool takes a
// transaction for each row. If the user may not see triggers (the right TRIGGER), or if a trigger is created later, the outcome
// of the first row that a trigger hides is [Unknown].
//
// Prepare returns the errors of Put that do not depend on a row, ErrUnguarded among them.
func (t *Table[T]) Prepare(ctx context.Context, db DB) (*Prepared[T], error) {
	if err := t.table.guard(ctx, db); err != nil {
		return nil, err
	}
	with, ok := db.(dbconn.Preparer)
	if !ok {
		return nil, &RowError{Table: t.table.name, Row: -1, Err: errors.New("Prepare: the handle has no PrepareContext: give it a *sql.DB, *sql.Conn or *sql.Tx, or one of sqlx's")}
	}
	if err := t.table.checkPeer(ctx, db); err != nil {
		return nil, t.table.fail(err, -1)
	}
	if err := t.table.checks.Check(ctx, db); err != nil {
		return nil, t.table.fail(err, -1)
	}
	if err := t.table.ready(ctx, db); err != nil {
		return nil, t.table.fail(err, -1)
	}
	cache := stmtcache.New(with)
	p := &Prepared[T]{table: t, claim: db, cache: cache, db: stmtcache.Wrap(db, cache, suspect)}
	first, err := t.table.reporter.first(ctx, p.db)
	if err != nil {
		return nil, t.table.fail(err, -1)
	}
	query, err := t.table.stmts.Upsert(first, t.table.catalog.Kept())
	if err == nil {
		_, err = cache.Get(ctx, query) // prepare one statement now, so that an error about the table is returned here
	}
	if err != nil {
		return nil, t.table.fail(err, -1)
	}
	return p, nil
}

// Put is [Table.Put] with prepared statements. Put takes one round trip for a row that is written, and more if Put must ask about
// a row that was not written. If the server has forgotten a statement, or if a change of the schema has made its plan void, Put
// prepares the statement again. In the caller's transaction Put returns the error instead, because the error has ended the
// transaction.
func (p *Prepared[T]) Put(ctx context.Context, row *T) (Outcome, error) {
	ctx, w := p.table.table.watch(ctx, "Prepared.Put")
	o, err := p.put(ctx, row)
	w.endedOne(ctx, o, err)
	return o, err
}

func (p *Prepared[T]) put(ctx context.Context, row *T) (Outcome, error) {
	if err := p.table.takes(ctx, p.claim, row); err != nil {
		return Unknown, err
	}
	o, err := p.table.put(ctx, p.db, row)
	for n := 0; err != nil && n < renewals && dbconn.CanBegin(p.db) && ctx.Err() == nil && p.again(ctx, err, n); n++ {
		o, err = p.table.put(ctx, p.db, row)
	}
	if err != nil {
		return Unknown, p.table.table.fail(err, -1)
	}
	return o, nil
}

// renewals bounds how often a call prepares a statement again because the server forgets the statement during the call.
const renewals = 5

// again reports whether a call that has failed n times before may succeed with a statement that is prepared now.
func (p *Prepared[T]) again(ctx context.Context, err error, n int) bool {
	return forgotten(err) || p.table.table.catalog.IsOutdated(ctx, p.claim, err) || n == 0 && suspect(err)
}

// Close closes the prepared statements and returns the first error of a statement's Close. After Close, Put fails.
func (p *Prepared[T]) Close() error { return p.cache.Close() }

// forgotten reports whether err means that a prepared statement must be prepared again: the server does not know the statement's
// name (26000), has another statement of this name (42P05), or returns other types than when the statement was prepared (0A000).
// MySQL's numbers are 1615 and 1243. Another call may have closed the statement for such a reason, so the error of a closed
// statement counts too.
func forgotten(err error) bool {
	switch state := dialect.SQLState(err); state {
	case "26000", "42P05":
		return true
	case "0A000":
		return dialect.Classify(err) == dialect.Retryable
	}
	n, _ := dialect.MySQLNumber(err)
	return n == 1615 || n == 1243 || strings.Contains(err.Error(), "sql: statement is closed")
}

// suspect reports whether the cause of err may be old knowledge from when the statement was prepared, above all an older type of
// a column.
func suspect(err error) bool {
	return forgotten(err) || catalog.IsOfSchema(err)
}
