package keys_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/goupsert/upsert/keys"
)

// rare is how many keys are in each of the rare states.
const rare = 50

// BenchmarkLongList reports how long a page of 100 entries takes for each state in a table with a million finished keys, or
// UPSERT_BENCH_KEYS keys. Fifty keys are in each of the other states. It also reports how long it takes to forget a scope that
// has fifty keys.
func BenchmarkLongList(b *testing.B) {
	benchEach(b, func(b *testing.B, p *benchPlace) {
		n := finishedKeys(b)
		p.load(b, "idempotency_keys", n, false)
		p.makeRare(b)
		b.ReportMetric(0, "ns/op")
		for _, st := range []keys.State{keys.StateDone, keys.StateFinalError, keys.StateClaimed, keys.StateWaiting, keys.StateDead, keys.StateLeased, keys.StateParked} {
			b.ReportMetric(p.pageMillis(b, st), st.String()[:4]+"-ms")
		}
		began := time.Now()
		if n, err := p.store.ForgetScope(b.Context(), "rare", keys.GCShare(1)); err == nil || n != 2*rare {
			b.Fatalf("ForgetScope = %d, %v; want %d, and an error about the keys that are kept", n, err, 2*rare)
		}
		b.ReportMetric(time.Since(began).Seconds(), "scope-s")
	})
}

// makeRare gives some rows of the table another state. They are spread over the table.
func (p *benchPlace) makeRare(b *testing.B) {
	b.Helper()
	never := map[string]string{"sqlite": "'9999-12-31 00:00:00.000'", "postgres": "'9999-12-31 00:00:00+00'"}[p.dialect.Name()]
	if never == "" {
		never = "'9999-12-31 00:00:00'"
	}
	var hashes [][]byte
	states := []keys.State{keys.StateFinalError, keys.StateClaimed, keys.StateWaiting, keys.StateDead, keys.StateLeased, keys.StateParked}
	if err := p.db.SelectContext(b.Context(), &hashes, fmt.Sprintf("SELECT key_hash FROM idempotency_keys ORDER BY owner LIMIT %d", rare*len(states))); err != nil {
		b.Fatal(err)
	}
	literal := "x'%x'"
	if p.dialect.Name() == "postgres" {
		literal = `'\x%x'`
	}
	for i, h := range hashes {
		st := states[i%len(states)]
		set := fmt.Sprintf("state = %d, scope = 'rare'", st)
		switch st {
		case keys.StateWaiting, keys.StateDead:
			set += ", op = '', expires_at = " + never
		case keys.StateParked:
			set += ", expires_at = " + never
		}
		p.exec("UPDATE idempotency_keys SET " + set + " WHERE key_hash = " + fmt.Sprintf(literal, h))
	}
}

// pageMillis returns the median time of a few first pages, in milliseconds.
func (p *benchPlace) pageMillis(b *testing.B, st keys.State) float64 {
	b.Helper()
	want := rare
	if st == keys.StateDone {
		want = 100
	}
	var took []float64
	for range 5 {
		began := time.Now()
		page, _, err := p.store.List(b.Context(), st, keys.Cursor{}, 100)
		if err != nil || len(page) != want {
			b.Fatalf("%v: %d entries, %v; want %d", st, len(page), err, want)
		}
		took = append(took, time.Since(began).Seconds()*1e3)
	}
	return benchMedian(took)
}
