package main

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/goupsert/upsert/internal/words"
)

// mostStatements is where the server dies at the latest: a few payments after it was started.
const mostStatements = 100

// crash is the run with -crash: a crowd pays, and its server dies again and again.
type crash struct {
	crowd  *crowd
	draw   *rand.Rand
	addr   atomic.Value       // where the server listens, a string
	deaths map[string]*[2]int // by statement: before it, after it
}

func (p *program) crashes(ctx context.Context, l *list) (*list, error) {
	c := &crash{draw: rand.New(rand.NewPCG(p.cfg.seed, 3)), deaths: map[string]*[2]int{}}
	c.crowd = p.newCrowd(l, func() string { return "http://" + c.addr.Load().(string) })
	if err := c.run(ctx); err != nil {
		return c.crowd.list, err
	}
	p.out.printf("%s were sent, %d at a time, while the server was killed %s and the client once:\n\n",
		words.Count(len(c.crowd.list.all()), "order"), p.cfg.clients, words.Count(p.cfg.crashes, "time"))
	c.where()
	p.out.printf("\n")
	c.crowd.summary()
	return c.crowd.list, nil
}

// run starts the server, again and again, while another goroutine pays.
func (c *crash) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	server, err := c.start(ctx)
	if err != nil {
		return err
	}
	half, enough, paying := make(chan struct{}), make(chan struct{}), sync.WaitGroup{}
	paying.Go(func() {
		if err := c.payTwoLives(ctx, half, enough); err != nil {
			cancel(err) // without requests the server would live for ever
		}
	})
	c.crowd.program.progress.Start(int64(c.crowd.program.cfg.crashes))
	defer c.crowd.program.progress.Stop()
	for n := 1; n <= c.crowd.program.cfg.crashes && err == nil; n++ {
		if n == c.crowd.program.cfg.crashes/2+1 {
			close(half)
		}
		if server, err = c.next(ctx, server, n); err == nil && c.crowd.program.progress.Due() {
			c.crowd.program.progress.Show(int64(n), words.Count(n, "kill"))
		}
	}
	if err != nil {
		cancel(err)
	}
	close(enough)
	paying.Wait()
	if err := context.Cause(ctx); err != nil {
		return err // the first one
	}
	c.crowd.program.wire.CloseIdleConnections()
	return server.stop()
}

// next waits until the server is dead and starts another, the last of which lives.
func (c *crash) next(ctx context.Context, dying *child, n int) (*child, error) {
	at, err := dying.killed()
	if err != nil {
		return nil, err
	}
	when, statement, _ := strings.Cut(at, " ")
	if c.deaths[statement] == nil {
		c.deaths[statement] = &[2]int{}
	}
	if when == "before" {
		c.deaths[statement][0]++
	} else {
		c.deaths[statement][1]++
	}
	if c.crowd.program.cfg.verbose {
		c.crowd.program.out.printf("-- server killed %s\n", at)
	}
	if n == c.crowd.program.cfg.crashes {
		return c.startWith(ctx, orders{})
	}
	return c.start(ctx)
}

// start starts a server that is to die.
func (c *crash) start(ctx context.Context) (*child, error) {
	return c.startWith(ctx, orders{Kill: 1 + c.draw.Int64N(mostStatements), After: c.draw.IntN(2) == 0})
}

func (c *crash) startWith(ctx context.Context, o orders) (*child, error) {
	o.DSN, o.Naive = c.crowd.program.cfg.dsn, c.crowd.program.cfg.naive
	server, err := startChild(ctx, o)
	if err != nil {
		return nil, err
	}
	c.addr.Store(server.addr)
	return server, nil
}

// payTwoLives pays new orders until it is enough. The client is killed when half is closed; the next one has its list.
func (c *crash) payTwoLives(ctx context.Context, half, enough <-chan struct{}) error {
	life, kill := context.WithCancel(ctx)
	defer kill()
	go func() {
		select {
		case <-half:
			kill()
		case <-life.Done():
		}
	}()
	draw := c.crowd.program.orders()
	if err := c.crowd.payAll(life, c.until(enough, draw)); err != nil && (ctx.Err() != nil || life.Err() == nil) {
		return err
	}
	var err error
	if c.crowd.list, err = c.crowd.list.reopen(); err != nil {
		return err
	}
	return c.crowd.payAll(ctx, c.until(enough, draw))
}

// until gives what is open on the list, and then new orders.
func (c *crash) until(enough <-chan struct{}, draw func() order) func() (intent, bool, error) {
	open := each(c.crowd.list.open())
	return func() (intent, bool, error) {
		if i, more, _ := open(); more {
			return i, true, nil
		}
		select {
		case <-enough:
			return intent{}, false, nil
		default:
		}
		i, err := c.crowd.list.mean(draw())
		return i, err == nil, err
	}
}

// where counts the statements at which the server died.
func (c *crash) where() {
	g := &grid{right: []bool{false, true, true}}
	g.add("killed at", "before it", "after it")
	for _, statement := range slices.Sorted(maps.Keys(c.deaths)) {
		n := c.deaths[statement]
		g.add(statement, strconv.Itoa(n[0]), strconv.Itoa(n[1]))
	}
	c.crowd.program.out.printf("%s", g)
}
