package main

import (
	"context"

	"github.com/goupsert/upsert/keys"
	"github.com/prometheus/client_golang/prometheus"
)

// prometheusHooks counts and times what happens in a store. Of a key only Op is a label, because there are few operations, and as
// many scopes and IDs as customers and requests.
func prometheusHooks(registry prometheus.Registerer) keys.Hooks {
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "idempotency_seconds", Help: "How long calls took that claimed a key, replayed a result or waited for another caller.",
		Buckets: prometheus.ExponentialBuckets(0.0005, 4, 8),
	}, []string{"op", "event"})
	events := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "idempotency_events_total", Help: "Mismatches of fingerprints, and attempts that had to be made again.",
	}, []string{"op", "event"})
	removed := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "idempotency_removed_total", Help: "Keys that were removed past their retention.",
	})
	registry.MustRegister(seconds, events, removed)

	timed := func(event string) func(context.Context, keys.Event) {
		return func(_ context.Context, e keys.Event) {
			seconds.WithLabelValues(e.Key.Op, event).Observe(e.Duration.Seconds())
		}
	}
	counted := func(event string) func(context.Context, keys.Event) {
		return func(_ context.Context, e keys.Event) { events.WithLabelValues(e.Key.Op, event).Inc() }
	}
	return keys.Hooks{
		Claim:    timed("claim"),
		Replay:   timed("replay"),
		Wait:     timed("wait"),
		Mismatch: counted("mismatch"),
		Retry:    counted("retry"),
		Remove:   func(_ context.Context, e keys.Event) { removed.Add(float64(e.Count)) },
	}
}
