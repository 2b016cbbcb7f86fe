package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/goupsert/upsert/internal/words"
)

// tooMuch is more than any account has.
const tooMuch = 10 * openingBalance

// crowd is many payments at once on an unreliable network.
type crowd struct {
	program *program
	list    *list
	url     func() string
	network *network

	mu      sync.Mutex
	tally   map[string]int // attempts, by what they got
	tries   int
	settled int
	showing bool // the progress counts what is settled
}

func (p *program) newCrowd(l *list, url func() string) *crowd {
	n := &network{inner: p.wire, next: unreliable(rand.New(rand.NewPCG(p.cfg.seed, 1)))}
	return &crowd{program: p, list: l, url: url, network: n, tally: map[string]int{}}
}

// orders draws what customers want to pay; now and then it is too much.
func (p *program) orders() func() order {
	r, names := rand.New(rand.NewPCG(p.cfg.seed, 2)), p.cfg.names()
	return func() order {
		o := order{names[r.IntN(len(names))], 1 + r.Int64N(100_00)}
		if r.IntN(20) == 0 {
			o.Amount += tooMuch
		}
		return o
	}
}

func (c *crowd) client() *client {
	return newPatientClient(c.url, c.list, c.network, c.attempt)
}

func (c *crowd) attempt(i intent, try int, a answer) {
	c.mu.Lock()
	c.tally[a.label()]++
	c.tries++
	if a.settles() {
		c.settled++
	}
	if c.showing && c.program.progress.Due() {
		c.program.progress.Show(int64(c.settled), words.Count(c.tries, "attempt"))
	}
	c.mu.Unlock()
	if c.program.cfg.verbose {
		what := "sent"
		if try > 1 {
			what = "sent again"
		}
		c.program.out.attempt(i.Order, i.Key, what, a.String())
	}
}

// payAll pays what next gives until it has no more, cfg.clients at a time. It returns the first error.
func (c *crowd) payAll(ctx context.Context, next func() (intent, bool, error)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	one, mu := c.client(), sync.Mutex{}
	work := func() error {
		for {
			mu.Lock()
			i, more, err := next()
			mu.Unlock()
			if err != nil || !more {
				return err
			}
			if _, err := one.pay(ctx, i); err != nil {
				return err
			}
		}
	}
	var workers sync.WaitGroup
	for range c.program.cfg.clients {
		workers.Go(func() {
			if err := work(); err != nil {
				cancel(err)
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

// each gives the intents of a slice.
func each(intents []intent) func() (intent, bool, error) {
	return func() (intent, bool, error) {
		if len(intents) == 0 {
			return intent{}, false, nil
		}
		i := intents[0]
		intents = intents[1:]
		return i, true, nil
	}
}

// crowd is the story's second half: the client makes a list, is killed when it has paid half of it, and another client goes
// on with the list.
func (s *story) crowd(ctx context.Context) error {
	if s.program.cfg.payments == 0 {
		return nil
	}
	draw := s.program.orders()
	for range s.program.cfg.payments {
		if _, err := s.list.mean(draw()); err != nil {
			return err
		}
	}
	c := s.program.newCrowd(s.list, func() string { return s.base })
	c.showing = true
	s.program.progress.Start(int64(s.program.cfg.payments))
	defer s.program.progress.Stop()
	if err := c.half(ctx); err != nil {
		return err
	}
	var err error
	if s.list, err = s.list.reopen(); err != nil {
		return err
	}
	c.list = s.list
	if err := c.payAll(ctx, each(s.list.open())); err != nil {
		return err
	}
	s.program.progress.Stop()
	s.program.out.printf("\nThen %d payments, %d at a time, on a network that draws its faults; half-way the client is killed and started again.\n\n",
		s.program.cfg.payments, s.program.cfg.clients)
	c.summary()
	return nil
}

// half pays until half of the list is settled, with requests on their way.
func (c *crowd) half(ctx context.Context) error {
	killed, kill := context.WithCancel(ctx)
	defer kill()
	var done atomic.Int64
	next := each(c.list.open())
	err := c.payAll(killed, func() (intent, bool, error) {
		if done.Add(1) > int64(c.program.cfg.payments)/2 {
			kill()
		}
		return next()
	})
	if ctx.Err() == nil && killed.Err() != nil {
		return nil
	}
	return err
}
