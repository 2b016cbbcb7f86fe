package faults

import "sync/atomic"

// Trap calls a hook once, at one point.
type Trap struct {
	index  int
	moment Moment
	do     Hook
	sprung atomic.Bool
}

// At returns a trap for the point with the given index.
func At(index int, moment Moment, do Hook) *Trap {
	return &Trap{index: index, moment: moment, do: do}
}

// Hook calls the trap's hook if p is the trap's point.
func (t *Trap) Hook(p *Point) error {
	if p.Index != t.index || p.Moment != t.moment || !t.sprung.CompareAndSwap(false, true) {
		return nil
	}
	return t.do(p)
}

// Sprung reports whether the point was reached.
func (t *Trap) Sprung() bool { return t.sprung.Load() }
