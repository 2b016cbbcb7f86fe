package keys

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/backoff"
	"github.com/goupsert/upsert/internal/txn"
)

// GCOption is an option of [Store.GC], [Store.RunGC] and [Store.ForgetScope]. Later options win over earlier ones.
type GCOption interface{ applyGC(*gc) error }

type gcOption func(*gc) error

func (o gcOption) applyGC(g *gc) error { return o(g) }

type gc struct {
	batch    int
	limit    int64   // 0: no limit
	share    float64 // the part of the time in which GC works
	progress func(removed int64)
	every    time.Duration // between two collections of RunGC
}

// GCBatchSize is how many keys are removed in one transaction, by default 100: such a small batch hardly slows down the claims
// that run at the same time (hazard K18).
func GCBatchSize(n int) GCOption {
	return gcOption(func(g *gc) error {
		if n < 1 || n > chunkRows {
			return fmt.Errorf("keys: GCBatchSize(%d): it must be from 1 to %d", n, chunkRows)
		}
		g.batch = n
		return nil
	})
}

// BatchSize is [GCBatchSize]. The batches of Filter and Consume have the size that the caller gives them.
//
// Deprecated: use GCBatchSize.
func BatchSize(n int) GCOption { return GCBatchSize(n) }

// GCLimit is how many keys are removed at most, by default all that are due.
func GCLimit(n int64) GCOption {
	return gcOption(func(g *gc) error {
		g.limit = n
		return atLeastOne("GCLimit", n)
	})
}

// GCShare is the part of the time in which keys are removed, from 0.001 to 1, by default a tenth: after each batch GC pauses
// long enough to keep to this part. A greater part is quicker, and slows down the claims that run at the same time. Raise the
// part if keys expire faster than they are removed.
func GCShare(part float64) GCOption {
	return gcOption(func(g *gc) error {
		if !(part >= 0.001 && part <= 1) {
			return fmt.Errorf("keys: GCShare(%v): it must be from 0.001 to 1", part)
		}
		g.share = part
		return nil
	})
}

// GCProgress sets a function that is called after each batch with the number of keys removed so far.
func GCProgress(f func(removed int64)) GCOption {
	return gcOption(func(g *gc) error { g.progress = f; return nil })
}

// GC removes the keys and the handled messages that are finished and past their retention, in batches of one transaction each,
// until there are no more. GC leaves alone rows that are locked, messages with failed attempts, and dead messages. Run GC every
// few minutes, in as many processes as you like; [Store.RunGC] does so. On MySQL before version 8 GC ends when it has found 50
// locked keys (hazard K42).
//
// GC returns the context's error or the database's. removed counts the keys whose removal was committed, also if GC returns an
// error. A claim that runs at the same time either finds the key and replays its result, or finds the key gone and is the first
// again.
func (s *Store) GC(ctx context.Context, opts ...GCOption) (removed int64, err error) {
	if err := s.checkReady(); err != nil {
		return 0, err
	}
	if s.dialect.Traits().Immediate { // on other databases GC waits for nobody
		if err := s.refuseInside(ctx, ""); err != nil {
			return 0, err
		}
	}
	g, err := newGC(opts)
	if err != nil {
		return 0, err
	}
	return s.collect(ctx, g)
}

func newGC(opts []GCOption) (gc, error) {
	g := gc{batch: 100, share: 0.1, every: time.Minute}
	for _, o := range opts {
		if o == nil {
			return g, errNilOption
		}
		if err := o.applyGC(&g); err != nil {
			return g, err
		}
	}
	return g, nil
}

func (s *Store) collect(ctx context.Context, g gc) (removed int64, err error) {
	w := sweeper{store: s}
	for {
		size := g.batch
		if g.limit > 0 {
			size = int(min(int64(size), g.limit-removed))
		}
		began := time.Now()
		n, last, err := w.batch(ctx, size)
		removed += n
		g.tell(ctx, s, Event{Duration: time.Since(began), Count: n}, removed)
		if err != nil {
			return removed, fmt.Errorf("keys: GC: %w", err)
		}
		if last || removed == g.limit && g.limit > 0 {
			return removed, nil
		}
		if err := g.pause(ctx, time.Since(began)); err != nil {
			return removed, fmt.Errorf("keys: GC: %w", err)
		}
	}
}

// tell tells the hooks and GCProgress about a batch.
func (g *gc) tell(ctx context.Context, s *Store, batch Event, removed int64) {
	if batch.Count == 0 {
		return
	}
	s.emit(ctx, onRemove, batch)
	if g.progress != nil {
		g.progress(removed)
	}
}

// pause waits long enough for the batch's time to be the share that GC may use.
func (g *gc) pause(ctx context.Context, worked time.Duration) error {
	return backoff.Pause(ctx, time.Duration(float64(worked)*(1/g.share-1)))
}

// inTransaction runs f in a transaction of the store's own, and runs f again if that may help. f must be safe to repeat after a
// commit whose answer was lost. inTransaction waits for SQLite's lock about as long as one statement on the pool would.
func (s *Store) inTransaction(ctx context.Context, opts *sql.TxOptions, f func(handle) error) error {
	busy := time.Duration(0)
	for n, begun := 0, 1; ; begun++ {
		began := time.Now()
		err := s.tryTransaction(ctx, opts, f)
		if s.isBusy(err) {
			busy += time.Since(began)
		} else {
			n++
		}
		switch {
		case err == nil || isDecided(err):
			return err
		case ctx.Err() != nil:
			return s.explain(ctx, err)
		case !isRetryable(err):
			return s.explain(ctx, err)
		case n >= runAttempts || s.isBusy(err) && busy >= s.server.busyTimeout:
			return fmt.Errorf("after %d attempts: %w", begun, err)
		}
		s.emit(ctx, onRetry, Event{Duration: time.Since(began), Count: int64(begun), Err: err})
		began = time.Now()
		if end := backoff.Wait(ctx, begun); end != nil {
			return errors.Join(end, err)
		}
		busy += time.Since(began)
	}
}

// isBusy reports whether an error says that SQLite's lock was not to be had.
func (s *Store) isBusy(err error) bool {
	var conflict *ConflictError
	if errors.As(err, &conflict) {
		err = conflict.Err
	}
	return err != nil && s.dialect.Traits().Immediate && dialect.Classify(err) == dialect.LockTimeout
}

// readCommittedOptions returns the options of a transaction that needs no snapshot. On MySQL and MariaDB a stronger level would
// lock the gaps into which claims insert. A server that logs statements accepts no write at READ COMMITTED (error 1665), so
// there the transaction has the next level (hazard K46).
func (s *Store) readCommittedOptions() *sql.TxOptions {
	if s.server.logsStatements {
		return s.level(sql.LevelRepeatableRead)
	}
	return s.level(sql.LevelReadCommitted)
}

// level returns the options of a transaction with the given level. SQLite has only one level, and its drivers accept no other.
func (s *Store) level(l sql.IsolationLevel) *sql.TxOptions {
	if s.dialect.Traits().Immediate {
		return nil
	}
	return &sql.TxOptions{Isolation: l}
}

func (s *Store) tryTransaction(ctx context.Context, opts *sql.TxOptions, f func(handle) error) error {
	h, err := s.begin(ctx, txn.Options{Std: opts})
	if err != nil {
		return asNotCommitted(err)
	}
	defer h.own.Rollback(ctx)
	if err := f(h); err != nil {
		return asNotCommitted(err)
	}
	if err := ctx.Err(); err != nil { // nobody waits for the answer of a commit that would be slow
		return err
	}
	return h.own.Commit(ctx)
}
