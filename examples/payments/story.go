package main

import (
	"context"
	"slices"
	"sync"
)

// story is the run without -crash: the scenes, a line an attempt, and then the crowd.
type story struct {
	program *program
	list    *list
	base    string // the service's URL
}

func (p *program) story(ctx context.Context, b *bank, l *list) (_ *list, err error) {
	at, stop, err := p.newServer(b).listen("127.0.0.1:0")
	if err != nil {
		return l, err
	}
	s := &story{program: p, list: l, base: "http://" + at.String()}
	p.out.heads()
	for _, scene := range []func(context.Context) error{s.heard, s.unheard, s.twice, s.reused, s.declined, s.restarted, s.keyless} {
		if err = scene(ctx); err != nil {
			break
		}
	}
	if err == nil {
		err = s.crowd(ctx)
	}
	p.wire.CloseIdleConnections()
	if e := stop(); err == nil {
		err = e
	}
	return s.list, err
}

// client returns a new one, whose network does this and then delivers.
func (s *story) client(faults ...fault) *client {
	return newClient(func() string { return s.base }, s.list, &network{inner: s.program.wire, next: scripted(faults...)})
}

// customer picks the n-th, from the first again after the last.
func (s *story) customer(n int) string {
	names := s.program.cfg.names()
	return names[n%len(names)]
}

// told sends an intent, writes what came of it and notes an answer that settles it.
func (s *story) told(ctx context.Context, c *client, i intent, what string) error {
	a := c.send(ctx, i.Order, i.Key)
	if err := ctx.Err(); err != nil {
		return err
	}
	s.program.out.attempt(i.Order, i.Key, what, a.String())
	if !a.settles() {
		return nil
	}
	return c.list.settle(i, a.status)
}

func (s *story) heard(ctx context.Context) error {
	i, err := s.list.mean(order{s.customer(0), 12_50})
	if err != nil {
		return err
	}
	return s.told(ctx, s.client(), i, "all goes well")
}

func (s *story) unheard(ctx context.Context) error {
	c := s.client(requestLost, answerLost)
	i, err := c.list.mean(order{s.customer(1), 8_00})
	if err != nil {
		return err
	}
	for _, what := range []string{"the request is lost", "sent again, the answer is lost", "sent again"} {
		if err := s.told(ctx, c, i, what); err != nil {
			return err
		}
	}
	return nil
}

func (s *story) twice(ctx context.Context) error {
	c := s.client()
	i, err := c.list.mean(order{s.customer(2), 20_00})
	if err != nil {
		return err
	}
	var both sync.WaitGroup
	answers := make([]answer, 2)
	for n := range answers {
		both.Go(func() { answers[n] = c.send(ctx, i.Order, i.Key) })
	}
	both.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	slices.SortFunc(answers, func(a, b answer) int { return len(a.String()) - len(b.String()) })
	for n, what := range []string{"sent twice at once: one", "and the other"} {
		s.program.out.attempt(i.Order, i.Key, what, answers[n].String())
	}
	return c.list.settle(i, answers[0].status)
}

func (s *story) reused(ctx context.Context) error {
	c := s.client()
	i, err := c.list.mean(order{s.customer(3), 5_00})
	if err != nil {
		return err
	}
	if err := s.told(ctx, c, i, "all goes well"); err != nil {
		return err
	}
	other := order{i.Order.Customer, 50_00}
	s.program.out.attempt(other, i.Key, "the same key, another amount", c.send(ctx, other, i.Key).String())
	return ctx.Err()
}

func (s *story) declined(ctx context.Context) error {
	c := s.client()
	i, err := c.list.mean(order{s.customer(4), tooMuch})
	if err != nil {
		return err
	}
	if err := s.told(ctx, c, i, "more than there is"); err != nil {
		return err
	}
	return s.told(ctx, c, i, "sent again: still an answer")
}

func (s *story) restarted(ctx context.Context) error {
	c := s.client(answerLost)
	i, err := c.list.mean(order{s.customer(5), 7_77})
	if err != nil {
		return err
	}
	c.send(ctx, i.Order, i.Key)
	s.program.out.attempt(i.Order, i.Key, "the client is killed while it waits", "-")
	if s.list, err = s.list.reopen(); err != nil {
		return err
	}
	for _, i := range s.list.open() {
		if err := s.told(ctx, s.client(), i, "started again, with its list"); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (s *story) keyless(ctx context.Context) error {
	o := order{s.customer(0), 1_00}
	s.program.out.attempt(o, "", "no key", s.client().send(ctx, o, "").label())
	return ctx.Err()
}
