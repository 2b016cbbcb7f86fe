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

// GCOption is an option of [Store.GC]. Later options win over earlier ones.
type GCOption interface{ applyGC(*gc) error }

type gcOption func(*gc) error

func (o gcOption) applyGC(g *gc) error { return o(g) }

type gc struct {
	batch    int
	limit    int64   // 0: none
	share    float64 // of the time that it works
	progress func(removed int64)
}

// GCBatchSize is how many keys are removed in one transaction, by default 100: so few are hardly noticed by the claims
// beside them (hazard K18).
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

// GCLimit is how many keys are removed at most, by default all that may be.
func GCLimit(n int64) GCOption {
	return gcOption(func(g *gc) error {
		g.limit = n
		return atLeastOne("GCLimit", n)
	})
}

// GCShare is the part of the time in which keys are removed, from 0.001 to 1, by default a tenth: after each batch GC pauses
// for as long as it needs to come to that. A greater part is quicker, and is felt by the claims beside it; raise it where keys
// expire faster than they are removed.
func GCShare(part float64) GCOption {
	return gcOption(func(g *gc) error {
		if !(part >= 0.001 && part <= 1) {
			return fmt.Errorf("keys: GCShare(%v): it must be from 0.001 to 1", part)
		}
		g.share = part
		return nil
	})
}

// GCProgress is called after each batch with the number removed so far.
func GCProgress(f func(removed int64)) GCOption {
	return gcOption(func(g *gc) error { g.progress = f; return nil })
}

// GC removes the keys and the handled messages that are finished and past their retention, in batches of a transaction each,
// until there are none. It leaves alone what is locked, what has failed attempts to it, and what is dead. Run it every few
// minutes, in as many processes as you like. On MySQL before version 8 it ends when it has found 50 locked keys (hazard K42).
//
// removed counts what was committed, also where an error ends it: the context's, or the database's. A claim that runs
// beside it either finds the key and replays it, or finds it gone and is the first again.
func (s *Store) GC(ctx context.Context, opts ...GCOption) (removed int64, err error) {
	if err := s.ready(); err != nil {
		return 0, err
	}
	if s.dialect.Traits().Immediate { // elsewhere it waits for nobody
		if err := s.outside(ctx, ""); err != nil {
			return 0, err
		}
	}
	g := gc{batch: 100, share: 0.1}
	for _, o := range opts {
		if o == nil {
			return 0, errors.New("keys: an option is nil")
		}
		if err := o.applyGC(&g); err != nil {
			return 0, err
		}
	}
	w := sweeper{store: s}
	for {
		size := g.batch
		if g.limit > 0 {
			size = int(min(int64(size), g.limit-removed))
		}
		began := time.Now()
		n, last, err := w.batch(ctx, size)
		if n > 0 {
			removed += n
			s.emit(ctx, onRemove, Event{Duration: time.Since(began), Count: n})
			if g.progress != nil {
				g.progress(removed)
			}
		}
		if err != nil {
			return removed, fmt.Errorf("keys: GC: %w", err)
		}
		if last || removed == g.limit {
			return removed, nil
		}
		if err := g.pause(ctx, time.Since(began)); err != nil {
			return removed, fmt.Errorf("keys: GC: %w", err)
		}
	}
}

// pause waits so long that a batch's time is its share.
func (g *gc) pause(ctx context.Context, worked time.Duration) error {
	return backoff.Pause(ctx, time.Duration(float64(worked)*(1/g.share-1)))
}

// inTransaction runs f in a transaction of the store's, and again if that may help. f must be safe to repeat after a commit
// whose answer was lost. It waits for SQLite's lock about as long as one statement of the pool's would.
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
		case err == nil || decided(err):
			return err
		case ctx.Err() != nil:
			return s.explain(ctx, err)
		case !worthRepeating(err):
			return s.explain(ctx, err)
		case n >= runAttempts || s.isBusy(err) && busy >= s.busyTimeout:
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

// readCommittedOptions are those of a transaction that needs no snapshot: on MySQL and MariaDB a stronger level locks the gaps into
// which claims insert. A server that logs statements takes no write at READ COMMITTED (error 1665, hazard K46), and gets the
// next level.
func (s *Store) readCommittedOptions() *sql.TxOptions {
	if s.logsStatements {
		return s.level(sql.LevelRepeatableRead)
	}
	return s.level(sql.LevelReadCommitted)
}

// level are the options of a transaction of that level. SQLite has one only, and its drivers know no other.
func (s *Store) level(l sql.IsolationLevel) *sql.TxOptions {
	if s.dialect.Traits().Immediate {
		return nil
	}
	return &sql.TxOptions{Isolation: l}
}

func (s *Store) tryTransaction(ctx context.Context, opts *sql.TxOptions, f func(handle) error) error {
	h, err := s.begin(ctx, txn.Options{Std: opts})
	if err != nil {
		return beforeCommit(err)
	}
	defer h.own.Rollback(ctx)
	if err := f(h); err != nil {
		return beforeCommit(err)
	}
	return h.own.Commit(ctx)
}
