package keys

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/goupsert/upsert/internal/backoff"
)

// GCEvery is how long [Store.RunGC] waits after a collection before the next one, by default a minute. The wait is random,
// from half of d to one and a half times d, so that processes that were started together do not stay together. After a
// collection that has failed, a d below a second counts as a second. d is from a millisecond to a year. GC and ForgetScope
// ignore GCEvery.
func GCEvery(d time.Duration) GCOption {
	return gcOption(func(g *gc) error {
		if d < time.Millisecond || d > longestEvery {
			return fmt.Errorf("keys: GCEvery(%v): it must be from a millisecond to %v", d, longestEvery)
		}
		g.every = d
		return nil
	})
}

const (
	longestEvery  = 365 * 24 * time.Hour
	shortestAfter = time.Second // a failed collection
)

// RunGC calls [Store.GC] at once and then every minute, or as [GCEvery] says, until ctx ends. Then RunGC returns nil. Start
// RunGC in a goroutine, in as many processes as you like, and forget about it. A collection that finds nothing is two short
// transactions.
//
//	go store.RunGC(ctx)
//
// If a collection fails, for example because the database is restarted, RunGC tells the hook Retry, whose Count is the number
// of failed collections in a row, and goes on after the usual wait, or after about a second if the usual wait is shorter. The
// hook Remove is called for each batch that was removed. [GCLimit] and [GCProgress] are for each collection.
//
// RunGC returns an error only before the first collection: for an option that does not fit, for a store that does not come from
// Open, and inside the fn of a claim, whose transaction it could wait for.
func (s *Store) RunGC(ctx context.Context, opts ...GCOption) error {
	if err := s.checkReady(); err != nil {
		return err
	}
	if err := s.refuseInside(ctx, ""); err != nil {
		return err
	}
	g, err := newGC(opts)
	if err != nil {
		return err
	}
	for failed := int64(0); ctx.Err() == nil; {
		began := time.Now()
		_, err := s.collect(ctx, g)
		if ctx.Err() != nil {
			return nil
		}
		wait := g.every
		if failed++; err == nil {
			failed = 0
		} else {
			s.emit(ctx, onRetry, Event{Duration: time.Since(began), Count: failed, Err: err})
			wait = max(wait, shortestAfter)
		}
		_ = backoff.Pause(ctx, wait/2+rand.N(wait)) // the loop sees that ctx has ended
	}
	return nil
}
