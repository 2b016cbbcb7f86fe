package keys_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	errReplayed    = errors.New("a fresh key was replayed")
	errNotReplayed = errors.New("a key that was there was not replayed")
)

// BenchmarkRun pays with a fresh key. It compares Run with four other ways: by hand with a table that has only the key and
// the result (x-hand, the bar), with such a table whose old rows can be found (x-kept), with a table of the library's layout
// (x-layout), and without a key (x-bare).
func BenchmarkRun(b *testing.B) {
	benchPlaces(b, func(b *testing.B, p *benchPlace) {
		ctx, hand := b.Context(), p.newLayout()
		inTurn(b, callsPerBlock(b),
			&way{name: "run", prepare: p.fresh, call: func(id string) error { return p.runFresh(ctx, id) }},
			&way{name: "hand", prepare: p.fresh, call: func(id string) error {
				_, replayed, err := p.byHand(ctx, id)
				return expectThat(err, !replayed, errReplayed)
			}},
			&way{name: "kept", prepare: p.fresh, call: func(id string) error {
				_, replayed, err := p.byHandIn(ctx, "processed_kept", id)
				return expectThat(err, !replayed, errReplayed)
			}},
			&way{name: "layout", prepare: p.fresh, call: func(id string) error { return hand.run(ctx, id) }},
			&way{name: "bare", prepare: p.fresh, call: func(id string) error { return p.bare(ctx, id) }},
		)
	})
}

func expectThat(err error, ok bool, otherwise error) error {
	if err == nil && !ok {
		return otherwise
	}
	return err
}

func (p *benchPlace) runFresh(ctx context.Context, id string) error {
	_, replayed, err := p.run(ctx, p.store, id)
	return expectThat(err, !replayed, errReplayed)
}

// BenchmarkReplay pays with a stored key, in a process that has met the key. It compares the replay with a SELECT by a
// caller who knows that the key is stored (x-select), and with the hand-written way of a caller who does not know it
// (x-hand).
func BenchmarkReplay(b *testing.B) {
	benchPlaces(b, func(b *testing.B, p *benchPlace) {
		ctx := b.Context()
		p.replay(b, &way{name: "replay", call: func(id string) error {
			_, replayed, err := p.run(ctx, p.store, id)
			return expectThat(err, replayed, errNotReplayed)
		}})
	})
}

// BenchmarkReplayElsewhere is BenchmarkReplay in a process that has not met the key.
func BenchmarkReplayElsewhere(b *testing.B) {
	benchPlaces(b, func(b *testing.B, p *benchPlace) {
		ctx, other := b.Context(), p.store
		p.replay(b, &way{
			name:    "elsewhere",
			prepare: func(n int) []string { other = p.newStore(); return nil },
			call: func(id string) error {
				_, replayed, err := p.run(ctx, other, id)
				return expectThat(err, replayed, errNotReplayed)
			},
		})
	})
}

// replay measures a way to replay a stored key.
func (p *benchPlace) replay(b *testing.B, w *way) {
	b.Helper()
	ctx, calls := b.Context(), callsPerBlock(b)
	ids := p.fresh(calls)
	for _, id := range ids {
		_, _, herr := p.byHand(ctx, id)
		if err := errors.Join(p.runFresh(ctx, id), herr); err != nil {
			b.Fatal(err)
		}
	}
	again := func(int) []string { return ids }
	before := w.prepare
	w.prepare = func(n int) []string {
		if before != nil {
			before(n)
		}
		return ids
	}
	inTurn(b, calls, w,
		&way{name: "select", prepare: again, call: func(id string) error { _, err := p.readByHand(ctx, id); return err }},
		&way{name: "hand", prepare: again, call: func(id string) error {
			_, replayed, err := p.byHand(ctx, id)
			return expectThat(err, replayed, errNotReplayed)
		}},
	)
}

// BenchmarkHotKey has 64 callers use one key at the same time. One caller has the effect. The benchmark measures the time
// until the last caller has its answer.
func BenchmarkHotKey(b *testing.B) {
	benchPlaces(b, func(b *testing.B, p *benchPlace) {
		ctx := b.Context()
		p.warm(hotCallers)
		lib := &hotKey{run: func(id string) (bool, error) { _, replayed, err := p.run(ctx, p.store, id); return replayed, err }}
		hand := &hotKey{run: func(id string) (bool, error) { _, replayed, err := p.byHand(ctx, id); return replayed, err }}
		for n := 0; n < benchRounds || n < b.N; n++ {
			for turn := range 2 {
				[]*hotKey{lib, hand}[(n+turn)%2].all(b, p.fresh(1)[0])
			}
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(benchMedian(lib.times)/1e6, "ms")
		b.ReportMetric(benchMedian(lib.times)/benchMedian(hand.times), "x-hand")
		b.ReportMetric(benchMedian(lib.mallocs)/hotCallers, "allocs/call")
		b.ReportMetric(benchMedian(hand.mallocs)/hotCallers, "hand-allocs/call")
	})
}

const hotCallers = 64

// warm opens n connections in advance, so that no measured call has to connect.
func (p *benchPlace) warm(n int) {
	p.Helper()
	for range n {
		conn, err := p.db.Conn(p.Context())
		if err != nil {
			p.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
	}
}

type hotKey struct {
	run     func(id string) (replayed bool, err error)
	times   []time.Duration
	mallocs []uint64
}

func (h *hotKey) all(b *testing.B, id string) {
	b.Helper()
	var executed atomic.Int64
	var ready, done sync.WaitGroup
	gate, errs := make(chan struct{}), make([]error, hotCallers)
	for i := range hotCallers {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-gate
			replayed, err := h.run(id)
			if errs[i] = err; err == nil && !replayed {
				executed.Add(1)
			}
		})
	}
	ready.Wait()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	close(gate)
	done.Wait()
	h.times = append(h.times, time.Since(start))
	runtime.ReadMemStats(&after)
	h.mallocs = append(h.mallocs, after.Mallocs-before.Mallocs)
	if err := errors.Join(errs...); err != nil || executed.Load() != 1 {
		b.Fatalf("%d executions, %v", executed.Load(), err)
	}
}
