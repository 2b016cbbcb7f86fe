package upserttest

import (
	"database/sql"
	"fmt"
	"sync/atomic"
	"time"
)

// stallTime is how long a run may wait for a connection while its own idle transactions have them all. It would wait for ever.
const stallTime = 5 * time.Second

// stallWatch ends a run that waits for itself: its transaction has the last connection of the pool, and it asks the pool for
// another.
type stallWatch struct {
	run     *run
	db      *sql.DB
	stop    chan struct{}
	stopped chan struct{}
	stalled atomic.Bool
}

// watchStall starts to watch. A pool without a limit has nothing to wait for.
func watchStall(r *run, db *sql.DB) *stallWatch {
	s := &stallWatch{run: r, db: db, stop: make(chan struct{}), stopped: make(chan struct{})}
	if r.world.limit == 0 || r.gate != nil {
		close(s.stopped)
		return s
	}
	go s.watch()
	return s
}

func (s *stallWatch) watch() {
	defer close(s.stopped)
	tick := time.NewTicker(stallTime / 50)
	defer tick.Stop()
	var waits int64 // of the pool, when it last had a connection left
	moves, since := -1, time.Now()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
		now := s.db.Stats()
		switch n := s.run.moves(); {
		case now.InUse < s.run.world.limit:
			waits, since = now.WaitCount, time.Now()
		case n != moves || s.run.isSending():
			moves, since = n, time.Now()
		case now.WaitCount > waits && time.Since(since) > stallTime:
			s.stalled.Store(true)
			s.run.cancel()
			_ = s.db.Close() // ends the wait, whatever its context is
			return
		}
	}
}

// end stops the watch and explains the error of a run that it has ended.
func (s *stallWatch) end(err error) error {
	close(s.stop)
	<-s.stopped
	if s.stalled.Load() {
		return fmt.Errorf("the write waits for a connection, but its own transactions have all of its pool (%d): send the statement through the transaction (%w)",
			s.run.world.limit, err)
	}
	return err
}

// moves counts what the run has sent.
func (r *run) moves() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.points)
}

// isSending reports whether a statement has no answer yet.
func (r *run) isSending() bool { return r.sending.Load() > 0 }
