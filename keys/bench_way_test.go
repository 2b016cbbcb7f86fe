package keys_test

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"
)

// way is one of several ways to the same end that are measured against each other.
type way struct {
	name    string
	prepare func(calls int) []string // the identities of the calls to come; not measured
	call    func(id string) error
	times   []time.Duration // a block of calls each
	mallocs []uint64
}

// block measures some calls in one go.
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

// perCall is the median time of a call.
func (w *way) perCall(calls int) float64 { return benchMedian(w.times) / float64(calls) }

// benchRounds is how often each way has its turn.
const benchRounds = 20

// inTurn gives each way a block of calls in every round, reports how long the first takes against each of the others
// and what its calls allocate, and logs the rest.
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

// benchPercentile is the least of the times that p percent of them do not exceed.
func benchPercentile(times []time.Duration, p int) time.Duration {
	times = slices.Sorted(slices.Values(times))
	return times[max(len(times)*p/100, 1)-1]
}

// benchSetting is a number from the environment.
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

// callsPerBlock is how many calls a block has: 200, or a number for trying things out.
func callsPerBlock(b *testing.B) int { return benchSetting(b, "UPSERT_BENCH_CALLS", 200) }

// finishedKeys is how many keys the tables of the long benchmarks have.
func finishedKeys(b *testing.B) int { return benchSetting(b, "UPSERT_BENCH_KEYS", 1_000_000) }
