package main

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/goupsert/upsert/internal/words"
)

// summary counts what many attempts got.
func (c *crowd) summary() {
	g := &grid{right: []bool{true, false}}
	g.add("attempts", "what the client got")
	for _, label := range slices.Sorted(maps.Keys(c.tally)) {
		g.add(words.Number(int64(c.tally[label])), label)
	}
	c.program.out.printf("%s", g)
	n := c.network.counts()
	c.program.out.printf("\nThe network lost %s and %s, and sent %s twice.\n",
		words.Count(n[requestLost], "request"), words.Count(n[answerLost], "answer"), words.Count(n[doubled], "request"))
}

// report writes the audit, and returns errUnequal where it has found something.
func report(out *lines, a *audit, took time.Duration) error {
	g := &grid{right: []bool{false, true, true, true, true, false}}
	g.add("customer", "payments", "meant to pay", "was charged", "balance fell", "")
	for _, s := range append(a.customers, a.all) {
		name, verdict := s.customer, "equal"
		if name == "" {
			name = "all"
		}
		if !s.equal() {
			verdict = "NOT EQUAL"
		}
		g.add(name, strconv.Itoa(s.payments), cents(s.meant), cents(s.charged), cents(s.taken), verdict)
	}
	out.printf("\n%s\n", g)
	out.printf("%s meant, %d lost, %d charged twice, %d charged and not meant; %d declined (%s)\n",
		words.Count(a.all.payments, "payment"), a.lost, a.doubled, a.unmeant, a.declined, words.Short(took))
	if a.unheard+a.refused > 0 {
		out.printf("%d have no answer, %d were refused\n", a.unheard, a.refused)
	}
	if !a.equal() {
		return errUnequal
	}
	return nil
}
