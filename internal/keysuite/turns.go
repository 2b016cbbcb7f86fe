package keysuite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
)

func turnBehaviours() []behaviour {
	return []behaviour{
		{"leave the pool to other keys", turnsLeaveThePool},
		{"give each waiter what is stored, for its own fingerprint", turnsCompare},
		{"go on with the next one's fn where one ends without an effect", turnsGoOn},
		{"end for a waiter with its own limit or context", turnsEnd},
		{"are the same for a final error", turnsFinal},
		{"are taken in any order at once: one execution a key", turnsAtOnce},
		{"have a limit that the store gives", turnsOfStore},
	}
}

// processes opens n stores and returns a function that returns the next of them in turn. Each store is like another process,
// because within one store only one caller of a key reaches the database.
func (p *place) processes(n int) func() *keys.Store {
	p.Helper()
	stores := make([]*keys.Store, n)
	for i := range stores {
		stores[i] = p.open()
	}
	var next atomic.Int64
	return func() *keys.Store { return stores[int(next.Add(1))%n] }
}

// worker is a call that has claimed the key "a" and then waits for instructions.
type worker struct {
	goOn chan func() error // fn calls the received function
	done chan error
}

func (p *place) works(opts ...keys.ClaimOption) *worker {
	w := &worker{goOn: make(chan func() error), done: make(chan error, 1)}
	claimed := make(chan struct{})
	go func() {
		err := errors.New("the goroutine has ended")
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("panic: %v", r)
			}
			w.done <- err
		}()
		_, _, err = keys.Run(p.ctx, p.store, p.key("a"), keys.FingerprintBytes([]byte("1")), func(ctx context.Context, tx *keys.Tx) (string, error) {
			close(claimed)
			if err := (<-w.goOn)(); err != nil {
				return "", err
			}
			return "paid a", p.effect(ctx, tx, "a")
		}, opts...)
	}()
	select {
	case <-claimed:
	case <-p.ctx.Done():
		p.Fatal("the worker has not claimed the key")
	}
	return w
}

func pay() error { return nil }

func (p *place) wantEnd(w *worker, want string) {
	p.Helper()
	if have := fmt.Sprint(<-w.done); have != want {
		p.Errorf("the worker's end: %s, want %s", have, want)
	}
}

// queue starts n callers, which wait for the worker one after the other. It returns channels with the results of the callers.
func (p *place) queue(n int, fp keys.Fingerprint, f fn) []chan string {
	answers := make([]chan string, n)
	for i := range answers {
		ctx, waits := lab.Noticing(p.ctx)
		answers[i] = make(chan string, 1)
		go func() {
			r, replayed, err := keys.Run(ctx, p.store, p.key("a"), fp, f)
			switch {
			case errors.Is(err, keys.ErrMismatch):
				answers[i] <- "mismatch"
			case err != nil:
				answers[i] <- err.Error()
			default:
				answers[i] <- fmt.Sprint(r, " ", replayed)
			}
		}()
		<-waits
	}
	return answers
}

func (p *place) wantAnswers(answers []chan string, want string) {
	p.Helper()
	for i, a := range answers {
		select {
		case have := <-a:
			if have != want {
				p.Errorf("caller %d: %s, want %s", i, have, want)
			}
		case <-p.ctx.Done():
			p.Fatalf("caller %d has not returned", i)
		}
	}
}

// wantPaidOnce lets the worker pay and expects that every waiting caller gets the worker's result.
func (p *place) wantPaidOnce(w *worker, answers []chan string) {
	p.Helper()
	w.goOn <- pay
	p.wantAnswers(answers, "paid a true")
	p.wantEnd(w, "<nil>")
	p.wantEffects("a", 1)
}

var first, second = keys.FingerprintBytes([]byte("1")), keys.FingerprintBytes([]byte("2"))

func turnsLeaveThePool(p *place) {
	p.db.SetMaxOpenConns(4)
	w := p.works()
	answers := p.queue(12, first, p.never)
	if n := p.db.Stats().InUse; n != 1 {
		p.Errorf("%d connections are in use, want 1, the worker's connection", n)
	}
	if !p.sqlite() { // SQLite allows one writer
		p.wantPaid(p.store, "other")
	}
	p.wantPaidOnce(w, answers)
}

func turnsCompare(p *place) {
	w := p.works()
	same, other, whichever := p.queue(2, first, p.never), p.queue(2, second, p.never), p.queue(1, none(), p.never)
	p.wantPaidOnce(w, append(same, whichever...))
	p.wantAnswers(other, "mismatch")
}

func turnsGoOn(p *place) {
	for name, end := range map[string]func() error{
		"an error":           func() error { return asIs{1} },
		"a panic":            func() error { panic("fn") },
		"an ended goroutine": func() error { runtime.Goexit(); return nil },
	} {
		p.on(name, func(p *place) {
			p.prefix = name + "/"
			w := p.works()
			answers := p.queue(3, first, pays(p, "a", "paid next"))
			w.goOn <- end
			p.wantAnswers(answers[:1], "paid next false")
			p.wantAnswers(answers[1:], "paid next true")
			if err := <-w.done; err == nil {
				p.Error("the first call returned no error")
			}
			p.wantEffects("a", 1)
		})
	}
}

func turnsEnd(p *place) {
	w := p.works()
	answers := p.queue(1, first, p.never)
	for _, l := range p.limits() {
		wantInProgress(p, l, func() (string, bool, error) {
			return keys.Run(p.ctx, p.store, p.key("a"), none(), p.never, l.option)
		})
	}
	ctx, cancel := context.WithCancel(p.ctx)
	noticing, waits := lab.Noticing(ctx)
	done := make(chan error, 1)
	go func() {
		_, _, err := keys.Run(noticing, p.store, p.key("a"), none(), p.never)
		done <- err
	}()
	<-waits
	cancel()
	wantIs(p, "Run", <-done, context.Canceled)
	answers = append(answers, p.queue(1, first, p.never)...)
	p.wantPaidOnce(w, answers)
}

func turnsFinal(p *place) {
	w := p.works()
	answers := p.queue(3, first, p.never)
	w.goOn <- func() error { return keys.Final(errors.New("declined")) }
	p.wantAnswers(answers, "declined")
	p.wantEnd(w, "declined")
}

// turnsAtOnce starts callers concurrently. They must lose no turn and share no turn.
func turnsAtOnce(p *place) {
	ids := []string{"a", "b", "c"}
	var ran [3]atomic.Int64
	var all sync.WaitGroup
	for i := range 60 {
		k := i % len(ids)
		all.Go(func() {
			var opts []keys.ClaimOption
			if i%4 == 1 {
				opts = append(opts, keys.MaxWait(time.Duration(i)*time.Millisecond/4))
			}
			ctx, cancel := context.WithCancel(p.ctx)
			defer cancel()
			_, replayed, err := keys.Run(ctx, p.store, p.key(ids[k]), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
				if i%5 == 2 {
					cancel()
				}
				if i%7 == 3 {
					return "", asIs{i}
				}
				return "paid " + ids[k], p.effect(ctx, tx, ids[k])
			}, opts...)
			var late *keys.InProgressError
			switch {
			case err == nil && !replayed:
				ran[k].Add(1)
			case err == nil, errors.As(err, &late), errors.Is(err, asIs{i}), errors.Is(err, context.Canceled):
			default:
				p.Errorf("call %d: %v", i, err)
			}
		})
	}
	all.Wait()
	for k, id := range ids {
		if n := ran[k].Load(); n != 1 {
			p.Errorf("%s ran %d times, want once", id, n)
		}
		p.wantEffects(id, 1)
		p.wantReplayed(p.store, id)
	}
}

func turnsOfStore(p *place) {
	s := p.open(keys.NoWait())
	tx := p.holds("a")
	wantInProgress(p, p.limits()[0], func() (string, bool, error) {
		return keys.Run(p.ctx, s, p.key("a"), none(), p.never)
	})
	p.commit(tx)
	p.wantReplayed(s, "a")
	_, err := keys.Open(p.ctx, p.db, keys.MaxWait(-1))
	wantText(p, "Open", err, "is negative")
}
