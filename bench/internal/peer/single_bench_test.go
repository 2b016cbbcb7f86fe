//go:build unix

package peer_test

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goupsert/upsert/bench/internal/contest"
	"github.com/goupsert/upsert/bench/internal/peer"
	"github.com/goupsert/upsert/bench/internal/place"
	"github.com/goupsert/upsert/bench/internal/row"
	"github.com/goupsert/upsert/internal/engine"
)

// BenchmarkSingle compares ways of writing 500 rows, a statement each, of which half are stored with another text. The ways take turns,
// five rounds or more. The figures are each way's speed in terms of GORM's tuned Create, from the medians: by the clock, and by the
// processor time of this process, which has all of SQLite's work and none of a server's.
func BenchmarkSingle(b *testing.B) {
	for _, name := range []string{"sqlite", "postgres18", "mariadb", "mysql57"} {
		b.Run(name, func(b *testing.B) { benchSingle(b, engine.Get(name)) })
	}
}

func benchSingle(b *testing.B, e *engine.Engine) {
	const rows = 500
	ctx, s := b.Context(), row.Accounts()
	p, err := place.New(b, e, s.Columns)
	if err != nil {
		b.Fatal(err)
	}
	if err := place.Fill(ctx, p, s, rows); err != nil {
		b.Fatal(err)
	}
	entries, err := peer.Entries(ctx, p, peer.Singles(e.Dialect(), s), s.Rows(rows, row.Fresh))
	if err != nil {
		b.Fatal(err)
	}
	entries = slices.DeleteFunc(entries, func(e contest.Entry) bool {
		return !strings.HasPrefix(e.Way.Name, "upsert") && e.Way.Name != "GORM, tuned" && e.Way.Name != "by hand, prepared"
	})
	took, used := make([][]time.Duration, len(entries)), make([][]time.Duration, len(entries))
	for round := range max(5, b.N) {
		for n := range entries {
			way := (n + round) % len(entries) // each way is first in turn
			if err := p.Restore(ctx, place.Half); err != nil {
				b.Fatal(err)
			}
			start, before := time.Now(), processorTime()
			if err := entries[way].Write(ctx); err != nil {
				b.Fatalf("%s: %v", entries[way].Way, err)
			}
			took[way], used[way] = append(took[way], time.Since(start)), append(used[way], processorTime()-before)
		}
	}
	base := slices.IndexFunc(entries, func(e contest.Entry) bool { return e.Way.Name == "GORM, tuned" })
	gorm, gormUsed := middle(took[base]), middle(used[base])
	for n, e := range entries {
		name := strings.NewReplacer(" ", "-", ",", "", "(", "", ")", "").Replace(fmt.Sprint(e.Way))
		b.ReportMetric(gorm/middle(took[n]), name+"/GORM")
		b.ReportMetric(gormUsed/middle(used[n]), name+"-cpu/GORM")
	}
	b.ReportMetric(0, "ns/op")
}

func middle(took []time.Duration) float64 {
	slices.Sort(took)
	return float64(took[len(took)/2])
}

// processorTime returns the processor time that this process has used, its own and the system's.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
