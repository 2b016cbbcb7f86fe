package upserttest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

type (
	openFunc  func(testing.TB) any
	writeFunc func(ctx context.Context, handle any) error
)

// world is one fresh database that open made.
type world struct {
	scope  *scope
	handle any
	pool   *sql.DB // the handle's
	engine engine
	limit  int // of the pool's connections, 0: none

	mu    sync.Mutex
	taken int // connections that runs have
}

// newWorld opens a fresh database, which must not be the last one's, and is of the same engine. The world must be closed.
func newWorld(t testing.TB, open openFunc, last *world) (*world, error) {
	w := &world{scope: &scope{TB: t}}
	isOpen := false
	defer func() {
		if !isOpen {
			w.close()
		}
	}()
	w.handle = open(w.scope)
	var err error
	if w.pool, err = poolIn(w.handle); err != nil {
		return nil, err
	}
	if last != nil && w.pool == last.pool {
		return nil, errors.New("open returned the same handle twice: it must make a fresh database at each call")
	}
	w.limit = w.pool.Stats().MaxOpenConnections
	if last != nil {
		w.engine = last.engine
	} else if w.engine, err = detect(context.Background(), w.pool); err != nil {
		return nil, err
	}
	isOpen = true
	return w, nil
}

// close runs the clean-up of open, and closes the pool if open left that to the helper.
func (w *world) close() {
	w.scope.end()
	if w.pool != nil {
		_ = w.pool.Close()
	}
}

// warm opens the connections that two runs at once need. SQLite's drivers send statements when they open a connection, and
// would wait there for the lock of a run that has been stopped.
func (w *world) warm(conns int) error {
	if w.limit > 0 {
		conns = min(conns, w.limit)
	}
	w.pool.SetMaxIdleConns(conns + 1)
	held := make([]*sql.Conn, 0, conns)
	defer func() {
		for _, c := range held {
			_ = c.Close()
		}
	}()
	for range conns {
		c, err := w.pool.Conn(context.Background())
		if err != nil {
			return err
		}
		held = append(held, c)
	}
	return nil
}

// takeSlot waits for a free connection of the pool. Without a gate the handle waits itself.
func (r *run) takeSlot() error {
	w := r.world
	for {
		w.mu.Lock()
		free := r.gate == nil || w.limit == 0 || w.taken < w.limit
		if free {
			w.taken++
		}
		w.mu.Unlock()
		if free {
			return nil
		}
		if !r.gate.wait(nil) {
			return fmt.Errorf("upserttest: all %d connections of the pool are in use, and each run waits for the other", w.limit)
		}
	}
}

func (w *world) giveSlot() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.taken--
}

const (
	pollInterval = time.Millisecond // no server tells by itself that a session has ended or waits
	serverLimit  = 20 * time.Second // for a server that does not answer
)

// awaitGone waits until the server has noticed that a connection is lost, so that what follows finds no locks of it.
func (w *world) awaitGone(session int64) error {
	if session == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), serverLimit)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		gone, err := w.engine.isGone(ctx, w.pool, session)
		if gone || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("upserttest: the server did not end session %d: %w", session, ctx.Err())
		}
	}
}
