package keys

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"

	"github.com/goupsert/upsert/internal/response"
)

// places bounds how many handlers hold a transaction at a time, so that a connection of the pool stays free. A handler also
// uses the pool itself. If the transactions of other handlers had taken the whole pool, all handlers would wait for each other.
type places struct {
	mu    sync.Mutex
	taken int
	queue []chan struct{}
}

// enter takes a place and returns nil, or returns a channel to wait on if all places are taken.
func (p *places) enter(all int) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken < all {
		p.taken++
		return nil
	}
	next := make(chan struct{}, 1)
	p.queue = append(p.queue, next)
	return next
}

// leave gives the place to the next in the queue.
func (p *places) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		p.taken--
		return
	}
	p.queue[0] <- struct{}{}
	p.queue = p.queue[1:]
}

// giveUp takes a caller out of the queue. If the caller has just been given a place, giveUp leaves the place.
func (p *places) giveUp(next <-chan struct{}) {
	p.mu.Lock()
	i := slices.IndexFunc(p.queue, func(c chan struct{}) bool { return c == next })
	if i >= 0 {
		p.queue = slices.Delete(p.queue, i, i+1)
	}
	p.mu.Unlock()
	if i < 0 {
		p.leave()
	}
}

// takePlace waits for a place if the call is a handler's. The caller must call leave.
func (c *claim) takePlace(ctx context.Context) (leave func(), err error) {
	if !c.handler {
		return func() {}, nil
	}
	most := c.store.db.Stats().MaxOpenConnections
	if most == 0 {
		return func() {}, nil
	}
	p := &c.store.places
	next := p.enter(max(most-1, 1))
	if next == nil {
		return p.leave, nil
	}
	err = c.wait(ctx, func(ctx context.Context) error {
		select {
		case <-next:
			return nil
		case <-ctx.Done():
			p.giveUp(next)
			return errors.Join(response.ErrNoPlace, ctx.Err())
		}
	})
	if err != nil {
		return nil, err
	}
	return p.leave, nil
}

var boundedType = reflect.TypeFor[response.Bounded]()

// isHandler reports whether results of type R are made by a handler.
func isHandler[R any]() bool { return reflect.TypeFor[R]().Implements(boundedType) }
