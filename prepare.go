package upsert

import (
	"context"
	"errors"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/stmtcache"
)

// Prepared writes single rows by statements that are prepared once a connection: the hot path of a service. It is safe for
// concurrent use where its handle is.
type Prepared[T any] struct {
	table *Table[T]
	db    DB // the handle, by whose prepared statements it sends
	claim DB // the handle as it was given
	cache *stmtcache.Cache
}

// Prepare prepares the statements of [Table.Put] on a *sql.DB, *sql.Conn, *sql.Tx or one of sqlx's. On a *sql.DB it outlives
// connections: a statement is prepared on each at its first use there. Close it; on a transaction, before that ends: behind a
// pooler a name that is left would meet the next client's.
//
// On PostgreSQL a prepared statement is a name on a server's connection. Behind a pooler in transaction mode that connection
// is another one from call to call, and lib/pq numbers its names, so the name can be another client's statement, on another
// table (hazard E2). So Prepare asks the server for its process id and compares it with the one that the driver was given,
// which a pooler makes up; where they differ, or the driver is wrapped and does not say, it is refused with a
// [*dialect.UnsupportedError]: use Put. In a transaction the connection stays the same, and nothing is refused.
//
// On MySQL a table's triggers hide a row's outcome from the statement (hazard H23): if there are any, Put on a pool takes a
// transaction for each row. If the user may not see triggers (the right TRIGGER), or one is created later, the outcome of the
// first row that a trigger hides is [Unknown].
//
// It returns the errors of Put that do not depend on a row, ErrUnguarded among them.
func (t *Table[T]) Prepare(ctx context.Context, db DB) (*Prepared[T], error) {
	if err := t.guard(ctx, db); err != nil {
		return nil, err
	}
	with, ok := db.(dbconn.Preparer)
	if !ok {
		return nil, &RowError{Table: t.name, Row: -1, Err: errors.New("Prepare: the handle has no PrepareContext: give it a *sql.DB, *sql.Conn or *sql.Tx, or one of sqlx's")}
	}
	if err := t.table.checkPeer(ctx, db); err != nil {
		return nil, t.fail(err, -1)
	}
	if err := t.checkIndex(ctx, db); err != nil {
		return nil, err
	}
	if err := t.ready(ctx, db); err != nil {
		return nil, err
	}
	cache := stmtcache.New(with)
	p := &Prepared[T]{table: t, claim: db, cache: cache, db: stmtcache.Wrap(db, cache, suspect)}
	flag, err := t.flags(ctx, db)
	if err != nil {
		return nil, err
	}
	tells, err := t.resultTells(ctx, p.db)
	if err != nil {
		return nil, err
	}
	query, err := t.text(t.firstShape(flag, tells))
	if err == nil {
		_, err = cache.Get(ctx, query) // what is wrong with the table is known now
	}
	if err != nil {
		return nil, t.fail(err, -1)
	}
	return p, nil
}

// firstShape is that of the statement which Put sends first for most rows.
func (t *table) firstShape(flag, tells bool) shape {
	s := shape{mode: dialect.Write, rows: 1, report: flag, result: flag && tells}
	switch t.traits.Reporting {
	case dialect.ReportBeforehand:
		s.mode = dialect.Create
	case dialect.ReportCode, dialect.ReportLastID:
		s.report = true
	}
	if len(t.generated) > 0 && t.traits.Returning {
		s.back = backGenerated
	}
	return s
}

// Put is [Table.Put] by the prepared statements: one round trip for a row, beside what Put asks again of one that it has not
// written. A statement that the server has forgotten, or whose plan a change of the schema has made void, is prepared
// again; in a transaction of the caller's that error has ended the transaction, so it is returned.
func (p *Prepared[T]) Put(ctx context.Context, row *T) (Outcome, error) {
	ctx, w := p.table.watch(ctx, "Prepared.Put")
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
		return Unknown, p.table.fail(err, -1)
	}
	return o, nil
}

// renewals bounds how often a call prepares a statement again that is forgotten under its hands.
const renewals = 5

// again reports whether a statement that is prepared now may do what the n-th that failed did not.
func (p *Prepared[T]) again(ctx context.Context, err error, n int) bool {
	return forgotten(err) || p.table.outdated(ctx, p.claim, err) || n == 0 && suspect(err)
}

// Close closes the statements. Put fails after it. It returns the first error of theirs.
func (p *Prepared[T]) Close() error { return p.cache.Close() }

// forgotten reports whether a prepared statement is to be prepared again: the server does not know its name (26000), has
// another of that name (42P05), or its result has other types than it was prepared with; to MySQL 1615 and 1243. Another call
// may have closed it for such a reason.
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

// suspect reports whether a statement's error may come of what it was prepared with: an older type of a column, above all.
func suspect(err error) bool {
	return forgotten(err) || ofSchema(err)
}
