package main

import (
	"strings"
	"testing"
)

func TestMetricsTellWhatHappened(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run(t.Context(), "", &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`idempotency_events_total{event="mismatch",op="payments.create"} 1`,
		`idempotency_seconds_count{event="claim",op="payments.create"} 5`,
		`idempotency_seconds_count{event="replay",op="payments.create"} 3`,
		`idempotency_removed_total 5`,
	} {
		if !strings.Contains(out.String(), want+"\n") {
			t.Errorf("the metrics have no %s:\n%s", want, out.String())
		}
	}
}
