package lincheck_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/goupsert/upsert/internal/engine"
)

// TestLinearizable: whatever callers were told while many were at the same keys and messages, one order of their calls
// explains it, and the effects that are there are those they were told of, once each.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	seed := seed(t)
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		ops := *flagOps
		if testing.Short() {
			ops /= 20
		}
		w := newWorld(t, e, ops)
		began := time.Now()
		h := w.run(seed)
		took := time.Since(began)
		ledger := w.ledger()
		for _, problem := range slices.Concat(h.settle(ledger), h.balance(ledger), h.idle(ops)) {
			t.Error(problem)
		}
		began = time.Now()
		if bad := check(h.events, h.gc); bad != "" {
			t.Error(bad)
		}
		t.Logf("%d operations in %v, checked in %v: %s", ops, took, time.Since(began), h.report())
	})
}

// patience is how long the checker may look for an order. If there is an order, the checker takes some milliseconds.
const patience = time.Minute

// check returns the history of the first subject that no order explains, or nothing.
func check(events []event, gc collections) string {
	m := model(gc)
	if porcupine.CheckOperationsTimeout(m, operations(events), patience) == porcupine.Ok {
		return ""
	}
	for _, part := range partition(operations(events)) {
		result, info := porcupine.CheckOperationsVerbose(m, part, patience)
		if result == porcupine.Ok {
			continue
		}
		return explain(result, part, info)
	}
	return "no order was found in time"
}

// explain shows what is around the place that no order gets beyond.
func explain(result porcupine.CheckResult, part []porcupine.Operation, info porcupine.LinearizationInfo) string {
	slices.SortFunc(part, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	best := 0
	for _, order := range info.PartialLinearizations()[0] {
		best = max(best, len(order))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s of %d calls; an order explains %d of them\n", part[0].Input.(event).subject, result, len(part), best)
	for _, op := range part[max(0, best-30):min(len(part), best+30)] {
		fmt.Fprintln(&b, op.Input)
	}
	return b.String()
}
