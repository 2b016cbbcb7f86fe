package upsert

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
)

// PutAll writes rows. Rows of one key are applied one by one in their order: a row that is there twice is applied twice. Rows of different
// keys are sent in the order of their keys, so that concurrent batches meet in the same order and do not deadlock. So the stored rows
// are those that single calls of [Table.Put] leave, unless a row can be written only after a row of another key: a child before its parent in
// a table that refers to itself, or a unique value that one row hands on to another, may be refused. For such rows there is
// [InOrder]. The other options are [Outcomes], [EachOutcome], [Progress], [ChunkTx], [RefuseDuplicates] and [Via].
//
// On MySQL and MariaDB it changes the session's LAST_INSERT_ID(), as [Table.Put] says.
//
// On a handle that can begin a transaction it is atomic, all rows or none, unless ChunkTx says otherwise, and it is run
// again after a deadlock or a serialization failure. On any other handle the transaction is the caller's: after an error
// it must be rolled back. (A wrapper of a *sql.DB that has only the two methods of [DB] is such a handle too: give it a
// BeginTx method.)
//
// On PostgreSQL two rows or more are looked at first, and those that would change nothing are neither written nor locked: the
// package documentation says what follows from that. After an error that a changed schema could have caused, the columns'
// types are asked for again, and if they have changed the rows are sent once more.
//
// The result counts the rows by outcome, exactly with Outcomes and as Unknown without. It is zero where nothing was
// committed. Generated columns are not read back: see [Table.Put].
//
// It returns a [*RowError] with the row's index around [ErrNullKey], [ErrDuplicateKey], [ErrOtherKey], a Valuer's error or
// the driver's. A database does not say which row of a statement it refused: where the transaction is the library's, the
// row is found by halves, which are sent once more and rolled back: the call then takes up to twice as long as one without an error,
// and by Copy two and a half times. Else the index is -1. It returns
// ErrUnguarded for a table that adds outside of a [Claim], a [*SchemaError] as Put does, and with ChunkTx a [*PartialError].
func (t *Table[T]) PutAll(ctx context.Context, db DB, rows []T, opts ...PutOption) (Result, error) {
	ctx, w := t.watch(ctx, "PutAll")
	r, err := t.putRows(ctx, db, rows, opts)
	w.ended(ctx, r, err)
	return r, err
}

func (t *Table[T]) putRows(ctx context.Context, db DB, rows []T, opts []PutOption) (Result, error) {
	cfg, err := t.putConfig(ctx, db, opts)
	if err != nil || len(rows) == 0 {
		return Result{}, err
	}
	if cfg.chunk == 0 {
		return t.putBatch(ctx, db, source(rows), cfg)
	}
	return t.putChunks(rows, cfg, func(part rowSource, cfg *putConfig) (Result, error) {
		return t.putBatch(ctx, db, part, cfg)
	})
}

func (t *table) putConfig(ctx context.Context, db DB, opts []PutOption) (*putConfig, error) {
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

// putChunks calls put with n rows at a time and adds up.
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

// after is the configuration of a part whose first row is the done-th of the call.
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
func (t *table) putBatch(ctx context.Context, db DB, rows rowSource, cfg *putConfig) (Result, error) {
	return t.tryBatch(ctx, db, rows, cfg, false)
}

// tryBatch is putBatch, again after the schema has turned out to be another one than was known.
func (t *table) tryBatch(ctx context.Context, db DB, rows rowSource, cfg *putConfig, again bool) (Result, error) {
	b, err := t.batch(rows)
	if err != nil {
		return Result{}, err
	}
	if cfg.unique {
		if i, ok := b.duplicate(); ok {
			return Result{}, b.fail(i, t.target.Columns[0], ErrDuplicateKey)
		}
	}
	if cfg.inOrder {
		b.keepOrder()
	}
	if err := t.checkIndex(ctx, db); err != nil {
		return Result{}, err
	}
	rt, err := b.choose(ctx, db, cfg)
	if err != nil {
		return Result{}, t.fail(err, -1)
	}
	t.watchOf(ctx).goes(rt.path)
	run := inTx[*sending]
	if only, err := b.only(rt, cfg); err != nil {
		return Result{}, err
	} else if only {
		run = alone[*sending]
	}
	s := &sending{batch: b, cfg: cfg, route: rt}
	if err = run(ctx, t, db, s, (*sending).send); err != nil && !again && t.outdated(ctx, db, err) {
		return t.tryBatch(ctx, db, rows, cfg, true)
	}
	if err != nil {
		return Result{}, t.fail(t.pinpoint(ctx, db, err), -1)
	}
	for i, o := range s.each {
		cfg.each(i, o)
	}
	return s.result, nil
}

// sending is a batch on its way to one handle.
type sending struct {
	*batch
	cfg    *putConfig
	route  route
	result Result
	each   []Outcome
}

func (s *sending) send(ctx context.Context, db DB) error {
	if s.locksFirst(s.cfg) {
		if _, err := s.exec(ctx, db, s.dialect.Lock(s.ident), nil); err != nil {
			return err
		}
	}
	r := s.runner(ctx, db, s.rows.n > s.rowsMax, s.cfg)
	defer r.abort()
	each, err := s.write(r, s.route, s.cfg)
	err = cmp.Or(err, r.finish())
	s.each, s.result = each, r.result
	return err
}

// locksFirst: what is told beforehand holds only under the write lock, which a transaction of the caller's may not have.
func (t *table) locksFirst(cfg *putConfig) bool {
	return cfg.outcomes && t.traits.Reporting == dialect.ReportBeforehand
}

// only reports whether the batch is a single statement, which needs no transaction around it, and then keeps it. A Progress that
// panics must have something to roll back.
func (b *batch) only(r route, cfg *putConfig) (bool, error) {
	n := b.rows.n
	if cfg.outcomes || cfg.progress != nil || len(b.passes) > 1 || n > b.most(r) {
		return false, nil
	}
	s, taken, err := b.next(r, b.passes[0], nil)
	if err != nil || taken < n {
		return false, err
	}
	b.bound = &s
	return true, nil
}

// most is how many rows one statement can have on a path, 0 where there is more to a batch than one statement.
func (b *batch) most(r route) int {
	switch r.path {
	case Copy:
		return 0
	case Arrays:
		return arraysRows
	}
	if n := b.rows.n; b.fit(n, dialect.Params(b.writes)) < n {
		return 0
	}
	return b.rows.n
}
