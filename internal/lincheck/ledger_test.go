package lincheck_test

import (
	"fmt"
	"strings"
)

// ledger is what is in the database at the end.
type ledger struct {
	effects  map[string]int // rows by id
	finished int64          // keys and messages that are
}

func (w *world) ledger() ledger {
	w.t.Helper()
	l := ledger{effects: map[string]int{}}
	db := w.processes[0].db
	var ids []string
	if err := db.SelectContext(w.t.Context(), &ids, "SELECT id FROM effects"); err != nil {
		w.t.Fatal(err)
	}
	for _, id := range ids {
		l.effects[id]++
	}
	if err := db.GetContext(w.t.Context(), &l.finished, "SELECT COUNT(*) FROM idempotency_keys WHERE state IN (2, 3)"); err != nil {
		w.t.Fatal(err)
	}
	var claimed int
	if err := db.GetContext(w.t.Context(), &claimed, "SELECT COUNT(*) FROM idempotency_keys WHERE state NOT IN (2, 3, 4, 5)"); err != nil || claimed != 0 {
		w.t.Errorf("%d keys are claimed and not finished, %v; want none", claimed, err)
	}
	return l
}

// settle finds out what became of those commits that were not answered, and compares the effects with what was told.
func (h *history) settle(l ledger) (problems []string) {
	told := map[string]bool{}
	var known []event
	for _, e := range h.events {
		if e.unsure && (!e.hasEffect() || l.effects[e.value] == 0) {
			continue
		}
		known = append(known, e)
		if !e.hasEffect() {
			continue
		}
		told[e.value] = true
		if n := l.effects[e.value]; n != 1 {
			problems = append(problems, fmt.Sprintf("%v: its effect is there %d times; want once", e, n))
		}
	}
	h.events = known
	for id, n := range l.effects {
		if !told[id] {
			problems = append(problems, fmt.Sprintf("effect %s is there %d times; want never, for its caller was not told of it", id, n))
		}
	}
	return problems
}

// balance: each row that was finished is there or was removed by GC, once. balance finds a key that was
// had twice, even if the key's retention is so short that an order of the calls explains that.
func (h *history) balance(l ledger) (problems []string) {
	var finished int64
	for _, e := range h.events {
		if e.finishes() {
			finished++
		}
	}
	if finished != l.finished+h.removed {
		problems = append(problems, fmt.Sprintf("%d keys and messages were finished, %d are there and %d were removed; want as many", finished, l.finished, h.removed))
	}
	return problems
}

// idle: a caller that gives up says nothing, so not many may.
func (h *history) idle(ops int) (problems []string) {
	n := 0
	for call, times := range h.tally {
		if strings.HasSuffix(call, gaveUp) {
			n += times
		}
	}
	if n > ops/100 {
		problems = append(problems, fmt.Sprintf("%d of %d calls gave up (%v); want one in a hundred at most", n, ops, h.tally))
	}
	return problems
}
