package keys

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/goupsert/upsert/internal/response"
)

// turns lets one caller of Run in a process work on a key at a time. The others wait without a connection, so that the
// repetitions of one slow request do not take the whole pool.
type turns struct {
	mu   sync.Mutex
	keys map[hash]*turn
}

// turn is a key on which a caller works.
type turn struct {
	claimed bool // the caller has claimed the key
	queue   []chan *stored
	sealed  int // how many of the queue were waiting before the caller began to read or commit
}

// enter returns nil if it is the caller's turn to work on the key; the caller must then call pass. Otherwise enter returns a
// channel to wait on. The channel brings the row that the caller before has learnt, or nil for the turn.
func (t *turns) enter(h hash) <-chan *stored {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.keys[h]
	if k == nil {
		if t.keys == nil {
			t.keys = map[hash]*turn{}
		}
		t.keys[h] = &turn{}
		return nil
	}
	next := make(chan *stored, 1)
	k.queue = append(k.queue, next)
	return next
}

// leave takes a caller out of the queue. leave returns false if something has been sent to the caller meanwhile.
func (t *turns) leave(h hash, next <-chan *stored) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.keys[h]
	if k == nil {
		return false
	}
	i := slices.IndexFunc(k.queue, func(c chan *stored) bool { return c == next })
	if i < 0 {
		return false
	}
	k.queue = slices.Delete(k.queue, i, i+1)
	if i < k.sealed {
		k.sealed--
	}
	return true
}

// isClaimed reports whether a caller who works on the key has claimed the key.
func (t *turns) isClaimed(h hash) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.keys[h]
	return k != nil && k.claimed
}

// claim notes that the caller whose turn it is has claimed the key.
func (t *turns) claim(h hash) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keys[h].claimed = true
}

// seal notes who is waiting already: the row that the caller is about to learn, by a read or by its commit, is valid for them.
// A caller who comes later asks again, because the row may be removed by then.
func (t *turns) seal(h hash) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.keys[h]
	k.sealed = len(k.queue)
}

// pass ends the caller's turn. pass sends the row, if there is one, to the callers who were waiting when seal was called, and
// gives the turn to the next caller.
func (t *turns) pass(h hash, row *stored) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.keys[h]
	for row != nil && k.sealed > 0 {
		k.queue[0] <- row
		k.queue, k.sealed = k.queue[1:], k.sealed-1
	}
	if k.claimed, k.sealed = false, 0; len(k.queue) == 0 {
		delete(t.keys, h)
		return
	}
	k.queue[0] <- nil
	k.queue = k.queue[1:]
}

// awaitTurn waits for the turn. awaitTurn returns the row if the row makes a turn unnecessary, and sets r.hasTurn if the
// turn is the caller's. A caller who does not wait at all works without a turn.
func (r *runOp) awaitTurn(ctx context.Context) (row *stored, err error) {
	all := &r.claim.store.turns
	if r.claim.limited && r.claim.limit == 0 {
		if all.isClaimed(r.claim.row.Hash) {
			return nil, r.claim.inProgress(nil)
		}
		return nil, nil
	}
	next := all.enter(r.claim.row.Hash)
	if r.hasTurn = next == nil; r.hasTurn {
		return nil, nil
	}
	before := r.claim.waited
	row, err = r.claim.waitInQueue(ctx, next)
	r.hasTurn = err == nil && row == nil
	r.claim.store.emit(ctx, onWait, Event{Key: r.claim.key, Duration: r.claim.waited - before, Err: err})
	return row, err
}

func (r *runOp) sealQueue() {
	if r.hasTurn {
		r.claim.store.turns.seal(r.claim.row.Hash)
	}
}

func (r *runOp) noteClaim() {
	if r.hasTurn {
		r.claim.store.turns.claim(r.claim.row.Hash)
	}
}

func (r *runOp) passTurn() {
	if r.hasTurn {
		r.claim.store.turns.pass(r.claim.row.Hash, r.committed)
	}
}

// waitInQueue waits in the queue.
func (c *claim) waitInQueue(ctx context.Context, next <-chan *stored) (row *stored, err error) {
	began := time.Now()
	patient := ctx
	if c.limited {
		var cancel context.CancelFunc
		patient, cancel = context.WithTimeout(ctx, c.timeLeft())
		defer cancel()
	}
	select {
	case row = <-next:
	case <-patient.Done():
		if err = ctx.Err(); err == nil {
			err = c.inProgress(nil)
		} else if c.handler {
			err = fmt.Errorf("%w: %w", response.ErrQueued, err)
		}
	}
	if err != nil && !c.store.turns.leave(c.row.Hash, next) && <-next == nil {
		c.store.turns.pass(c.row.Hash, nil)
	}
	c.waited += time.Since(began)
	if err != nil || row == nil {
		return nil, err
	}
	own := *row
	own.result = bytes.Clone(own.result) // a codec may keep the data that it is given
	return &own, nil
}
