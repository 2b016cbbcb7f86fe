package keys_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goupsert/upsert/keys"
)

// BenchmarkLongFullTable reports claims per second in a table with a million finished keys, or UPSERT_BENCH_KEYS keys. It
// also reports the time of a claim relative to a claim in an empty table (x-empty). fn has no effect.
func BenchmarkLongFullTable(b *testing.B) {
	benchEach(b, func(b *testing.B, p *benchPlace) {
		empty := p.newStore(keys.Table("empty_keys"))
		p.load(b, "idempotency_keys", finishedKeys(b), false)
		claim := func(s *keys.Store) func(id string) error {
			return func(id string) error { return claimOnly(b.Context(), s, id) }
		}
		calls := callsPerBlock(b)
		full := &way{name: "full", prepare: p.fresh, call: claim(p.store)}
		inTurn(b, calls, full, &way{name: "empty", prepare: p.fresh, call: claim(empty)})
		b.ReportMetric(1e9/full.perCall(calls), "claims/s")
	})
}

func claimOnly(ctx context.Context, s *keys.Store, id string) error {
	_, replayed, err := keys.Run(ctx, s, payment(id), keys.Fingerprint{}, func(context.Context, *keys.Tx) (receipt, error) {
		return receipt{Account: 123, Amount: 10, Status: "accepted"}, nil
	})
	return expectThat(err, !replayed, errReplayed)
}

// gcRounds is the number of parts of the removal. After each part the benchmark makes as many claims without GC as it made
// during the part.
const gcRounds = 5

// BenchmarkLongGC measures the slowest claims (p99) while GC removes a million expired keys, or UPSERT_BENCH_KEYS keys, and
// compares them with the same claims without GC.
func BenchmarkLongGC(b *testing.B) {
	for _, callers := range []int{1, 8} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			benchEach(b, func(b *testing.B, p *benchPlace) { p.besideGC(b, callers) })
		})
	}
}

func (p *benchPlace) besideGC(b *testing.B, callers int) {
	b.Helper()
	n := finishedKeys(b)
	p.load(b, "idempotency_keys", n, true)
	p.warm(callers + 1)
	p.claims(b, callers, counting(b, 50*callers))
	var with, without latencies
	var removing time.Duration
	for range gcRounds {
		beside, took := p.claimsUntilRemoved(b, callers, int64(n/gcRounds))
		removing += took
		with.add(beside)
		without.add(p.claims(b, callers, counting(b, max(len(beside), 200))))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(benchMedian(with.p99)/benchMedian(without.p99), "p99-x-without")
	b.ReportMetric(benchMedian(with.p50)/benchMedian(without.p50), "p50-x-without")
	b.ReportMetric(benchMedian(with.p99)/1e6, "p99-ms")
	b.ReportMetric(float64(n)/removing.Seconds(), "removed/s")
	b.Logf("with GC:    %v", &with)
	b.Logf("without it: %v", &without)
}

// claimsUntilRemoved returns the durations of the claims made while GC removed some keys, and the duration of the removal.
func (p *benchPlace) claimsUntilRemoved(b *testing.B, callers int, keysToRemove int64) (times []time.Duration, took time.Duration) {
	b.Helper()
	var over atomic.Bool
	done := make(chan error, 1)
	go func() {
		start := time.Now()
		removed, err := p.store.GC(b.Context(), keys.GCLimit(keysToRemove))
		took = time.Since(start)
		over.Store(true)
		done <- expectThat(err, removed == keysToRemove, fmt.Errorf("GC has removed %d keys, want %d", removed, keysToRemove))
	}()
	times = p.claims(b, callers, over.Load)
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	return times, took
}

// latencies are percentiles of the claim durations of each round, in nanoseconds.
type latencies struct {
	claims         int
	p50, p99, most []float64
}

func (l *latencies) add(times []time.Duration) {
	l.claims += len(times)
	l.p50 = append(l.p50, float64(benchPercentile(times, 50)))
	l.p99 = append(l.p99, float64(benchPercentile(times, 99)))
	l.most = append(l.most, float64(benchPercentile(times, 100)))
}

func (l *latencies) String() string {
	return fmt.Sprintf("%d claims, p50 %.2f ms, p99 %.2f ms, slowest %.2f ms", l.claims, benchMedian(l.p50)/1e6, benchMedian(l.p99)/1e6, benchMedian(l.most)/1e6)
}

// counting returns a function that reports true after n calls.
func counting(b *testing.B, n int) func() bool {
	b.Helper()
	var asked atomic.Int64
	return func() bool { return asked.Add(1) > int64(n) }
}

// claims has callers claim fresh keys, one after the other, until over returns true. It returns the duration of each claim.
func (p *benchPlace) claims(b *testing.B, callers int, over func() bool) (times []time.Duration) {
	b.Helper()
	var mu sync.Mutex
	var running sync.WaitGroup
	errs := make([]error, callers)
	for i := range callers {
		running.Go(func() {
			var own []time.Duration
			for errs[i] == nil && !over() {
				mu.Lock()
				id := p.fresh(1)[0]
				mu.Unlock()
				start := time.Now()
				errs[i] = claimOnly(b.Context(), p.store, id)
				own = append(own, time.Since(start))
			}
			mu.Lock()
			times = append(times, own...)
			mu.Unlock()
		})
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		b.Fatal(err)
	}
	return times
}
