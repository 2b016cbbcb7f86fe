package upsert

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/txn"
)

// PutAll writes rows. Rows of one key are applied one by one in their order, so a row that is there twice is applied twice. Rows
// of different keys are sent in the order of their keys, so that concurrent batches lock rows in the same order and do not
// deadlock. The stored rows are the same as after single calls of [Table.Put], with one exception: a row that can be written only
// after a row of another key may be refused. For example, a child may be refused because its parent comes later, in a table that
// refers to itself, or a row may be refused because its unique value still belongs to another row of the batch. For such rows use
// [InOrder]. The other options are [Outcomes], [EachOutcome], [Progress], [ChunkTx], [RefuseDuplicates] and [Via].
//
// On MySQL and MariaDB, PutAll with Outcomes changes the session's LAST_INSERT_ID(), as [Table.Put] says.
//
// On a handle that can begin a transaction, PutAll writes all rows or none, unless ChunkTx says otherwise, and runs the
// transaction again after a deadlock or a serialization failure. On any other handle the transaction is the caller's, and the
// caller must roll the transaction back after an error. (A wrapper of a *sql.DB that has only the two methods of [DB] counts as
// such a handle: give the wrapper a BeginTx method.)
//
// On PostgreSQL, PutAll compares two rows or more with the stored rows first, and neither writes nor locks the rows that would
// change nothing. The package documentation says what follows. After an error that a changed schema could have caused, PutAll
// asks for the columns' types again, and if the types have changed, PutAll sends the rows once more.
//
// The Result counts the rows by outcome: exactly with Outcomes, and all as Unknown without Outcomes. The Result is zero if
// nothing was committed. Generated columns are not read back: use [Table.Put] for them.
//
// PutAll returns a [*RowError] with the row's index around [ErrNullKey], [ErrDuplicateKey], [ErrOtherKey], a Valuer's error or
// the driver's error. A database does not say which row of a statement made the statement fail. If the transaction is the
// library's, PutAll finds the row by sending halves of the statement's rows again and rolling them back. Otherwise the index is
// -1. A call that finds the row takes up to twice as long as a call without an error, and with Copy two and a half times. PutAll
// returns ErrUnguarded if the table has an Add column and the handle is not a [Claim], a [*SchemaError] as Put does, and with
// ChunkTx a [*PartialError].
func (t *Table[T]) PutAll(ctx context.Context, db DB, rows []T, opts ...PutOption) (Result, error) {
	ctx, w := t.table.watch(ctx, "PutAll")
	r, err := t.putRows(ctx, db, rows, opts)
	w.ended(ctx, r, err)
	return r, err
}

func (t *Table[T]) putRows(ctx context.Context, db dbconn.Handle, rows []T, opts []PutOption) (Result, error) {
	cfg, err := t.table.putConfig(ctx, db, opts)
	if err != nil || len(rows) == 0 {
		return Result{}, err
	}
	if cfg.chunk == 0 {
		return t.table.putBatch(ctx, db, source(rows), cfg)
	}
	return t.putChunks(rows, cfg, func(part rowSource, cfg *putConfig) (Result, error) {
		return t.table.putBatch(ctx, db, part, cfg)
	})
}

func (t *table) putConfig(ctx context.Context, db dbconn.Handle, opts []PutOption) (*putConfig, error) {
	cfg := &putConfig{via: t.via}
	for _, o := range opts {
		if o == nil {
			return nil, errors.New("upsert: a put option is nil")
		}
		o.applyPut(cfg)
	}
	switch {
	case cfg.chunked && cfg.chunk < 1:
		return nil, fmt.Errorf("upsert: ChunkTx: %d rows are no chunk", cfg.chunk)
	case cfg.chunk > 0 && !dbconn.CanBegin(db):
		return nil, errors.New("upsert: ChunkTx: the handle cannot begin a transaction: give it a *sql.DB or *sql.Conn, or leave the option out")
	case cfg.inOrder && cfg.via != Auto && cfg.via != Values:
		return nil, fmt.Errorf("upsert: InOrder: Via(%v) does not keep the order of rows: give the call Via(Values) too", cfg.via)
	case cfg.chunk > 0 && cfg.unique:
		return nil, errors.New("upsert: RefuseDuplicates and ChunkTx exclude each other: a chunk does not know the keys of those before it")
	}
	return cfg, t.guard(ctx, db)
}

// putChunks calls put for each chunk of cfg.chunk rows and adds up the results.
func (t *Table[T]) putChunks(rows []T, cfg *putConfig, put func(rowSource, *putConfig) (Result, error)) (total Result, err error) {
	for first := 0; first < len(rows); first += cfg.chunk {
		part := source(rows[first:min(first+cfg.chunk, len(rows))])
		part.first = first
		r, err := put(part, cfg.after(first))
		if err != nil {
			return total, &PartialError{Rows: int64(first), Result: total, Err: err}
		}
		total.add(r)
	}
	return total, nil
}

// after returns the configuration for a part of the call that comes after the first done rows.
func (c *putConfig) after(done int) *putConfig {
	part := *c
	if c.progress != nil {
		part.progress = func(rows int64) { c.progress(int64(done) + rows) }
	}
	if c.each != nil {
		part.each = func(row int, o Outcome) { c.each(done+row, o) }
	}
	return &part
}

// putBatch writes rows in one transaction.
func (t *table) putBatch(ctx context.Context, db dbconn.Handle, rows rowSource, cfg *putConfig) (Result, error) {
	return t.tryBatch(ctx, db, rows, cfg, false)
}

// tryBatch implements putBatch. If the schema has changed since the catalog was read, tryBatch calls itself once more with again
// set.
func (t *table) tryBatch(ctx context.Context, db dbconn.Handle, rows rowSource, cfg *putConfig, again bool) (Result, error) {
	b, err := t.batch(rows)
	if err != nil {
		return Result{}, err
	}
	if cfg.unique {
		if i, ok := b.duplicate(); ok {
			return Result{}, b.fail(i, t.spec.Target.Columns[0], ErrDuplicateKey)
		}
	}
	if cfg.inOrder {
		b.keepOrder()
	}
	if err := t.checks.Check(ctx, db); err != nil {
		return Result{}, t.fail(err, -1)
	}
	rt, err := b.choosePlan(ctx, db, cfg)
	if err != nil {
		return Result{}, t.fail(err, -1)
	}
	t.watchOf(ctx).goes(rt.path)
	run := txn.Transaction[*batchOp]
	if only, err := b.only(rt, cfg); err != nil {
		return Result{}, err
	} else if only {
		run = txn.Statement[*batchOp]
	}
	s := &batchOp{batch: b, cfg: cfg, plan: rt}
	if err = run(ctx, t.txn, db, s, (*batchOp).send); err != nil && !again && t.catalog.IsOutdated(ctx, db, err) {
		return t.tryBatch(ctx, db, rows, cfg, true)
	}
	if err != nil {
		return Result{}, t.fail(t.locate(ctx, db, err), -1)
	}
	for i, o := range s.each {
		cfg.each(i, o)
	}
	return s.result, nil
}

// sending is a batch that is being sent on one handle.
type batchOp struct {
	batch  *batch
	cfg    *putConfig
	plan   plan
	result Result
	each   []Outcome
}

func (s *batchOp) send(ctx context.Context, db dbconn.Handle) error {
	if s.cfg.outcomes && s.batch.table.reporter.needsLock() {
		if _, err := s.batch.table.txn.Exec(ctx, db, s.batch.table.dialect.Lock(s.batch.table.spec.Table), nil); err != nil {
			return err
		}
	}
	r := s.batch.table.newSession(ctx, db, s.batch.rows.n > s.batch.table.stmts.RowsMax(), s.cfg)
	defer r.abort()
	each, err := s.batch.write(r, s.plan, s.cfg)
	err = cmp.Or(err, r.finish())
	s.each, s.result = each, r.result
	return err
}
