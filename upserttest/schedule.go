package upserttest

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// schedule is two runs on one database with a switch between them: A runs to before its statement i, B to before its statement
// j, then A runs to its end, then B. A run that waits for the other lets the other go on.
type schedule struct {
	world *world
	ctx   context.Context
	a, b  *actor
}

// actor is one of the two runs.
type actor struct {
	name    string
	run     *run
	write   writeFunc
	state   state
	event   event // that the run waits to have answered
	reached int   // the number of the last point before which the run paused
	started bool
	moves   int // how often it came further
	seen    int // the other's moves when this one went on last
}

// scheduleLimit is for a server that does not answer, and for code under test that waits for something else than the database.
const scheduleLimit = time.Minute

func newActor(name string, w *world, write writeFunc) *actor {
	a := &actor{name: name, run: newRun(w), write: write}
	a.run.gate = newGate()
	return a
}

// start runs the code under test in a goroutine up to its first statement.
func (s *schedule) start(a *actor) error {
	a.started = true
	go func() {
		defer func() { a.run.gate.events <- event{state: done} }()
		a.run.call(a.write)
	}()
	return s.await(a)
}

// play runs the schedule to the end. It returns how far B came before the switch back to A.
func (w *world) play(write writeFunc, i, j int) (s *schedule, reached int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), scheduleLimit)
	defer cancel()
	s = &schedule{world: w, ctx: ctx, a: newActor("A", w, write), b: newActor("B", w, write)}
	if w.limit > 0 {
		w.pool.SetMaxOpenConns(w.limit + 1) // one to ask the server who waits; the runs have w.limit
		defer w.pool.SetMaxOpenConns(w.limit)
	}
	if err = s.advance(s.a, i); err == nil {
		err = s.advance(s.b, j)
	}
	if reached = s.b.reached; s.b.state == done {
		reached = j - 1
	}
	for _, x := range []*actor{s.a, s.b} {
		if err == nil {
			err = s.finish(x, s.other(x))
		}
	}
	if err != nil {
		s.giveUp()
	}
	return s, reached, err
}

func (s *schedule) other(x *actor) *actor {
	if x == s.a {
		return s.b
	}
	return s.a
}

// advance runs an actor to before its statement with the number, or until it waits for the other actor.
func (s *schedule) advance(x *actor, number int) error {
	if err := s.start(x); err != nil {
		return err
	}
	for {
		var err error
		switch {
		case x.state == paused && x.event.point.number < number:
			err = s.resume(x, true)
		case x.state == busy && !s.other(x).started: // nobody can move
			err = s.resume(x, false)
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// finish runs an actor to its end. The other moves only if the actor waits for it.
func (s *schedule) finish(x, other *actor) error {
	for x.state != done {
		if err := s.move(x, other); err != nil {
			return err
		}
	}
	return nil
}

func (s *schedule) move(x, other *actor) error {
	switch {
	case x.state == paused:
		return errors.Join(s.resume(x, true), s.settle(other))
	case other.state == paused:
		return errors.Join(s.resume(other, true), s.settle(x))
	case x.state == busy:
		// The other waits too, or has ended. If it has not moved since the last try, this one gives up, as SQLite has it.
		return errors.Join(s.resume(x, other.moves != x.seen), s.settle(other))
	case other.state == busy:
		return errors.Join(s.resume(other, false), s.settle(x))
	}
	return s.awaitEither(x, other)
}

// settle lets an actor notice that the other has moved.
func (s *schedule) settle(x *actor) error {
	switch x.state {
	case busy:
		return s.resume(x, true)
	case waiting:
		return s.await(x)
	}
	return nil
}

// resume lets an actor go on, or tells it to give up.
func (s *schedule) resume(x *actor, goOn bool) error {
	x.state, x.seen = running, s.other(x).moves
	x.event.answer <- goOn
	return s.await(x)
}

// await waits until an actor pauses, ends, or waits for the other. Whether it waits in the server is asked of the server.
func (s *schedule) await(x *actor) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		select {
		case e := <-x.run.gate.events:
			x.take(e)
			return nil
		case <-s.ctx.Done():
			return s.stuck()
		case <-tick.C:
		}
		waits, err := s.waits(x)
		if err != nil {
			return err
		}
		if waits {
			x.state = waiting
			return nil
		}
	}
}

func (x *actor) take(e event) {
	x.state, x.event = e.state, e
	if e.state != busy {
		x.moves++
	}
	if e.state == paused {
		x.reached = e.point.number
	}
}

// awaitEither waits for the server to resolve a deadlock between two waiting actors.
func (s *schedule) awaitEither(x, other *actor) error {
	select {
	case e := <-x.run.gate.events:
		x.take(e)
		return s.settle(other)
	case e := <-other.run.gate.events:
		other.take(e)
		return s.settle(x)
	case <-s.ctx.Done():
		return s.stuck()
	}
}

// waits reports whether the server has one of the actor's sessions wait for a session of the other.
func (s *schedule) waits(x *actor) (bool, error) {
	others := s.other(x).run.sessions()
	if len(others) == 0 {
		return false, nil
	}
	for _, session := range x.run.sessions() {
		if waits, err := s.world.engine.isWaiting(s.ctx, s.world.pool, session, others); waits || err != nil {
			return waits, err
		}
	}
	return false, nil
}

func (r *run) sessions() (all []int64) {
	for _, c := range r.open() {
		if c.session != 0 {
			all = append(all, c.session)
		}
	}
	return all
}

func (s *schedule) stuck() error {
	return fmt.Errorf("the two runs did not end within %s: A is at statement %d, B at statement %d", scheduleLimit, s.a.reached, s.b.reached)
}

// giveUp ends both runs somehow and waits for them.
func (s *schedule) giveUp() {
	for _, x := range []*actor{s.a, s.b} {
		x.run.cancel()
		close(x.run.gate.over)
	}
	for _, x := range []*actor{s.a, s.b} {
		for x.started && x.state != done {
			select {
			case e := <-x.run.gate.events:
				x.take(e)
			case <-time.After(patience):
				return
			}
		}
	}
}
