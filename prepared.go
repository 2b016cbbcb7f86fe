package upsert

import (
	"context"
	"database/sql"
	"reflect"

	"github.com/goupsert/upsert/internal/write"
)

// Prepared writes single rows with statements that are prepared once for each connection, for a service that writes single rows
// often. A Prepared is safe for concurrent use if its handle is.
type Prepared[T any] struct {
	table    *Table[T]
	db       DB // the handle as the caller gave it
	prepared *write.Prepared
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
	p, err := t.table.write.Prepare(ctx, db)
	if err != nil {
		return nil, t.table.fail(err)
	}
	return &Prepared[T]{table: t, db: db, prepared: p}, nil
}

// Put is [Table.Put] with prepared statements. Put takes one round trip for a row that is written, and more if Put must ask about
// a row that was not written. If the server has forgotten a statement, or if a change of the schema has made its plan void, Put
// prepares the statement again. In the caller's transaction Put returns the error instead, because the error has ended the
// transaction. Put takes the options of Table.Put. With [Returning], Put takes a transaction, whose statements are not prepared.
func (p *Prepared[T]) Put(ctx context.Context, row *T, opts ...PutOption) (Outcome, error) {
	ctx, w := p.table.table.watch(ctx, "Prepared.Put")
	o, err := p.put(ctx, row, opts)
	w.endOne(ctx, o, err)
	return o, err
}

func (p *Prepared[T]) put(ctx context.Context, row *T, opts []PutOption) (Outcome, error) {
	if err := p.check(ctx, row); err != nil {
		return Unknown, err
	}
	if len(opts) > 0 {
		return p.table.putWith(opts, row, func(row reflect.Value) (write.Outcome, error) { return p.prepared.Put(ctx, row) },
			func(row reflect.Value) (write.Outcome, error) { return p.prepared.PutReturning(ctx, row) })
	}
	o, err := p.prepared.Put(ctx, reflect.ValueOf(row).Elem())
	return Outcome(o), p.table.table.fail(err)
}

// Exec is [Table.Exec] with prepared statements. If the server has forgotten a statement, the statement was not executed, so Exec
// prepares the statement again and sends it, as Put does.
func (p *Prepared[T]) Exec(ctx context.Context, row *T) (sql.Result, error) {
	ctx, w := p.table.table.watch(ctx, "Prepared.Exec")
	res, err := p.exec(ctx, row)
	w.endOne(ctx, Unknown, err)
	return res, err
}

func (p *Prepared[T]) exec(ctx context.Context, row *T) (sql.Result, error) {
	if err := p.check(ctx, row); err != nil {
		return nil, err
	}
	res, err := p.prepared.Exec(ctx, reflect.ValueOf(row).Elem())
	return res, p.table.table.fail(err)
}

// check refuses a nil row, and the handle if it is not fit for the call any more. What does not change of the handle was checked by
// Prepare.
func (p *Prepared[T]) check(ctx context.Context, row *T) error {
	if err := p.table.checkRow(row); err != nil {
		return err
	}
	if err := p.table.table.checkPlace(ctx, p.db); err != nil {
		return err
	}
	return p.table.table.checkClaim(p.db)
}

// Close closes the prepared statements and returns the first error of a statement's Close. After Close, Put fails.
func (p *Prepared[T]) Close() error { return p.prepared.Close() }
