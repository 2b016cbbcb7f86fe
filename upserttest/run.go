package upserttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// run is one call of the code under test, on a handle of its own.
type run struct {
	world   *world
	strike  *strike     // nil: the run does not break
	gate    *gate       // nil: the run does not pause
	writes  *writeCount // nil: nobody asks
	ctx     context.Context
	cancel  context.CancelFunc
	err     error         // of the call
	changed chan struct{} // has a value after a connection was given back
	sending atomic.Int64  // statements without an answer

	goroutine string // in which the code under test is called, "" if the callers of statements may stay unknown

	mu     sync.Mutex
	points []*point
	conns  []*conn
	most   int // connections at once
	ended  bool
	leaks  []leak

	isTraced bool        // a panic goes on, as in a clean run, where its trace says more than a report
	panicked *panicError // nil: it did not panic
}

var (
	errReturned = errors.New("upserttest: the write has returned already")
	errExited   = errors.New("upserttest: the write ended its goroutine, as t.FailNow does")
)

type runKey struct{}

func newRun(w *world) *run {
	r := &run{world: w, changed: make(chan struct{}, 1)}
	r.ctx, r.cancel = context.WithCancel(context.WithValue(context.Background(), runKey{}, r))
	return r
}

// call runs the code under test. Afterwards every connection is back in the pool that open returned, whatever the code did.
func (r *run) call(write writeFunc) *run {
	db := openOuter(r)
	r.err = errExited
	defer db.Close()
	defer r.finish()
	stall := watchStall(r, db)
	defer func() { r.err = stall.end(r.err) }()
	r.err = r.invoke(write, withPool(r.world.handle, db))
	return r
}

// invoke makes an error of a panic.
func (r *run) invoke(write writeFunc, handle any) (err error) {
	if !r.isTraced {
		defer func() {
			if value := recover(); value != nil {
				r.panicked = &panicError{value, callerOf(stackHere(), "")}
				err = r.panicked
			}
		}()
	}
	return write(r.ctx, handle)
}

// panicError is a panic of the code under test.
type panicError struct {
	value any
	at    string // file:line
}

// Error tells the value.
func (e *panicError) Error() string { return fmt.Sprintf("the write panics: %v", e.value) }

// arrive adds a point for a request, and pauses there if the run has a gate.
func (r *run) arrive(q request, inTx bool) (*point, error) {
	p := &point{kind: q.kind, text: q.text, rows: q.rows, inTx: inTx, stack: stackHere()}
	if r.goroutine != "" {
		p.sender = callerOf(p.stack, r.goroutine)
	}
	if err := r.append(p); err != nil {
		return nil, err
	}
	if r.gate != nil && p.kind != rollback && !r.gate.pause(p) {
		return nil, errReturned
	}
	return p, nil
}

func (r *run) append(p *point) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return errReturned
	}
	p.number = len(r.points) + 1
	r.points = append(r.points, p)
	return nil
}

// note adds a point that never breaks and never pauses.
func (r *run) note(k kind, text string) {
	_ = r.append(&point{kind: k, text: text, inTx: true, stack: stackHere()})
}

// forget takes the last point back, if the driver refused to send it in this way.
func (r *run) forget(p *point) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.points); n > 0 && r.points[n-1] == p {
		r.points = r.points[:n-1]
	}
}

func (r *run) mayGoOn() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return errReturned
	}
	return nil
}

func (r *run) add(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns = append(r.conns, c)
	r.most = max(r.most, len(r.conns))
}

func (r *run) remove(c *conn) {
	r.mu.Lock()
	r.conns = slices.DeleteFunc(r.conns, func(o *conn) bool { return o == c })
	r.mu.Unlock()
	r.world.giveSlot()
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

func (r *run) open() []*conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.conns)
}

// patience is how long a run that has returned may take to give its connections back, if its context has ended.
const patience = 2 * time.Second

// finish ends the context of the run, as a server does after a request, and takes every connection back. If a connection is in
// use and does not end with the context, the run has leaked it.
func (r *run) finish() {
	r.cancel()
	r.mu.Lock()
	r.ended = true
	r.mu.Unlock()
	late := time.NewTimer(patience)
	defer late.Stop()
	for isLate := false; ; {
		open := r.open()
		if len(open) == 0 {
			return
		}
		if isLate || !slices.ContainsFunc(open, (*conn).endsWithContext) {
			for _, c := range open {
				r.addLeak(c.leak())
				_ = c.lose()
				_ = c.Close()
			}
			return
		}
		select {
		case <-r.changed:
		case <-late.C:
			isLate = true
		}
	}
}

// leak is a connection that is still in use when the code under test has returned.
type leak struct {
	what string
	by   *point // that needed the connection
}

func (r *run) addLeak(l leak) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leaks = append(r.leaks, l)
}

// endsWithContext reports whether database/sql will give the connection back, because the context of its transaction or its
// statement has ended.
func (c *conn) endsWithContext() bool {
	if open := c.tx.Load(); open != nil {
		return open.ctx != nil && open.ctx.Err() != nil
	}
	last, ok := c.ctx.Load().(holder)
	return ok && last.ctx.Err() != nil
}

// leak tells what a connection was used for when it should have been given back.
func (c *conn) leak() leak {
	if open := c.tx.Load(); open != nil {
		return leak{"a transaction is left open: neither Commit nor Rollback was called (begun by statement %d%s)", open.begun}
	}
	if p := c.last.Load(); p != nil {
		return leak{"a connection is left in use: rows or a *sql.Conn were not closed (last used by statement %d%s)", p}
	}
	return leak{what: "a connection is left in use: a *sql.Conn was not closed"}
}

// failed returns the last point that has an error, or nil.
func (r *run) failed() *point {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range slices.Backward(r.points) {
		if p.err != nil {
			return p
		}
	}
	return nil
}
