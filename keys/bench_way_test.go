package keys_test

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"
)

// way is one of several ways to reach the same result, which the benchmarks compare.
type way struct {
	name    string
	prepare func(calls int) []string // returns the identities of the next calls; not measured
	call    func(id string) error
	times   []time.Duration // one duration per block of calls
	mallocs []uint64
}

// block measures one block of calls.
func (w *way) block(b *testing.B, calls int) {
	b.Helper()
	ids := w.prepare(calls)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	for _, id := range ids {
		if err := w.call(id); err != nil {
			b.Fatalf("%s: %v", w.name, err)
		}
	}
	w.times = append(w.times, time.Since(start))
	runtime.ReadMemStats(&after)
	w.mallocs = append(w.mallocs, after.Mallocs-before.Mallocs)
}

// perCall returns the median time of a call.
func (w *way) perCall(calls int) float64 { return benchMedian(w.times) / float64(calls) }

// benchRounds is the number of rounds. Each way runs once per round.
const benchRounds = 20

// inTurn runs a block of calls of each way in every round. It reports the time of the first way relative to each of the
// other ways, and the allocations of its calls. It logs the other results.
func inTurn(b *testing.B, calls int, ways ...*way) {
	b.Helper()
	for n := 0; n < benchRounds || n < b.N; n++ {
		for turn := range ways {
			ways[(n+turn)%len(ways)].block(b, calls)
		}
	}
	first := ways[0]
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(first.perCall(calls)/1e3, "µs/call")
	b.ReportMetric(benchMedian(first.mallocs)/float64(calls), "allocs/call")
	for _, w := range ways[1:] {
		b.ReportMetric(first.perCall(calls)/w.perCall(calls), "x-"+w.name)
	}
	for _, w := range ways {
		b.Logf("%-10s %9.1f µs %7.1f allocations a call", w.name, w.perCall(calls)/1e3, benchMedian(w.mallocs)/float64(calls))
	}
}

func benchMedian[T uint64 | float64 | time.Duration](xs []T) float64 {
	xs = slices.Sorted(slices.Values(xs))
	return float64(xs[len(xs)/2])
}

// benchPercentile returns the smallest duration that is not exceeded by p percent of the durations.
func benchPercentile(times []time.Duration, p int) time.Duration {
	times = slices.Sorted(slices.Values(times))
	return times[max(len(times)*p/100, 1)-1]
}

// benchSetting reads a number from the environment.
func benchSetting(b *testing.B, name string, otherwise int) int {
	b.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("%s=%q: it must be a number above 0", name, text)
	}
	return n
}

// callsPerBlock returns the number of calls in a block: 200, or UPSERT_BENCH_CALLS for experiments.
func callsPerBlock(b *testing.B) int { return benchSetting(b, "UPSERT_BENCH_CALLS", 200) }

// finishedKeys returns the number of keys in the tables of the long benchmarks.
func finishedKeys(b *testing.B) int { return benchSetting(b, "UPSERT_BENCH_KEYS", 1_000_000) }
