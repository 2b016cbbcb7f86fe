package lincheck_test

import (
	"slices"

	"github.com/anishathalye/porcupine"
)

// phase is what a row says.
type phase string

const (
	none    phase = ""
	done    phase = "done"
	final   phase = "final"
	waiting phase = "waiting"
	dead    phase = "dead"
)

// maxAttempts is the stores'.
const maxAttempts = 3

// state is a key or a message as one caller after another would have it.
type state struct {
	phase phase
	print int
	value string
	n     int
	since int64 // the call that finished it
}

// span is when a call of GC that removed something was under way.
type span struct{ call, ret int64 }

// collections are the spans of GC, by their ends.
type collections []span

// between reports whether GC can have removed something between a and b.
func (c collections) between(a, b int64) bool {
	i, _ := slices.BinarySearchFunc(c, a, func(s span, at int64) int { return int(s.ret - at) })
	for ; i < len(c); i++ {
		if c[i].call <= b {
			return true
		}
	}
	return false
}

// model is what porcupine holds a history to, one key or message at a time.
//
// That GC forgets is not an event, because GC does not say which rows it removed. A finished row whose retention is short may be
// gone if GC has removed a row since. The model takes the row for gone when a caller has found it so, which explains as much as
// any earlier moment.
func model(gc collections) porcupine.Model {
	return porcupine.Model{
		Partition: partition,
		Init:      func() any { return state{} },
		Step: func(s, in, _ any) (bool, any) {
			before, e := s.(state), in.(event)
			if after, ok := step(before, e); ok {
				return true, after
			}
			if e.short && (before.phase == done || before.phase == final) && gc.between(before.since, e.ret) {
				after, ok := step(state{}, e)
				return ok, after
			}
			return false, before
		},
		DescribeOperation: func(in, _ any) string { return in.(event).String() },
	}
}

// step is one event in one state: whether it can be, and what it leaves.
func step(s state, e event) (state, bool) {
	switch e.what {
	case ran:
		return state{phase: done, print: e.print, value: e.value, since: e.call}, s.phase == none
	case declined:
		return state{phase: final, print: e.print, value: e.value, since: e.call}, s.phase == none
	case undone, sawNothing:
		return s, s.phase == none
	case replayed:
		return s, s.phase == done && s.value == e.value && !s.differs(e)
	case replayedFinal:
		return s, s.phase == final && s.value == e.value && !s.differs(e)
	case mismatched:
		return s, (s.phase == done || s.phase == final) && s.differs(e)
	case sawDone:
		return s, s.phase == done && s.value == e.value && s.print == e.print && s.n == e.n
	case sawFailed:
		return s, s.phase == final && s.value == e.value && s.print == e.print
	}
	return stepMessage(s, e)
}

func stepMessage(s state, e event) (state, bool) {
	switch e.what {
	case fresh:
		return state{phase: done, n: s.n + 1, since: e.call}, s.phase == none || s.phase == waiting
	case freshUndone:
		return s, s.phase == none || s.phase == waiting
	case handled:
		return s, s.phase == done || s.phase == dead
	case failed:
		return state{phase: waiting, n: e.n}, (s.phase == none || s.phase == waiting) && e.n == s.n+1 && e.n < maxAttempts
	case died:
		counted := s.phase == waiting && e.n == s.n+1 && e.n >= maxAttempts
		return state{phase: dead, n: e.n}, counted || s.phase == dead && s.n == e.n
	case failedLate:
		return s, s.phase == done
	case revived:
		return state{phase: waiting}, s.phase == dead
	case notRevived:
		return s, s.phase != dead
	case sawWaiting:
		return s, s.phase == waiting && s.n == e.n
	case sawDead:
		return s, s.phase == dead && s.n == e.n
	}
	return s, false
}

// differs: a fingerprint is compared with another one only.
func (s state) differs(e event) bool { return s.print != 0 && e.print != 0 && s.print != e.print }

// partition takes a history apart by subject.
func partition(history []porcupine.Operation) (parts [][]porcupine.Operation) {
	at := map[string]int{}
	for _, op := range history {
		subject := op.Input.(event).subject
		i, there := at[subject]
		if !there {
			i, at[subject] = len(parts), len(parts)
			parts = append(parts, nil)
		}
		parts[i] = append(parts[i], op)
	}
	return parts
}
