package upserttest

import "sync"

// gate stops a run before each statement until the schedule lets it go on.
type gate struct {
	events chan event
	over   chan struct{} // closed when the schedule has given up

	mu     sync.Mutex
	passed int // the number of the last point that paused
}

// state is what a run does.
type state int

const (
	running state = iota
	paused        // before its next statement
	busy          // before it sends a statement again, or until a connection is free: it goes on if the other run has moved
	waiting       // in the server, for a lock that the other run has
	done
)

// event is a change of a run's state. The run goes on when it is answered; false tells it to give up.
type event struct {
	state  state
	point  *point
	answer chan bool
}

func newGate() *gate {
	// The channel has room for the goroutines of a write that sends at once from several of them.
	return &gate{events: make(chan event, 1024), over: make(chan struct{})}
}

// pause stops before a point. A driver that has refused to send a statement unprepared comes here a second time.
func (g *gate) pause(p *point) bool {
	g.mu.Lock()
	again := p.number <= g.passed
	g.passed = max(g.passed, p.number)
	g.mu.Unlock()
	return again || g.stop(event{paused, p, make(chan bool, 1)})
}

// wait stops until the other run has moved. It returns false if the other run cannot move.
func (g *gate) wait(p *point) bool {
	return g.stop(event{busy, p, make(chan bool, 1)})
}

func (g *gate) stop(e event) bool {
	g.events <- e
	select {
	case goOn := <-e.answer:
		return goOn
	case <-g.over:
		return false
	}
}
