package importer

import (
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert"
)

func TestProgress_LinesNowAndThen(t *testing.T) {
	t.Parallel()
	clock := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	var out strings.Builder
	p := newPasses(&out, func() time.Time { return clock }, false)
	in := &input{size: 200}
	p.start("writing", in)
	for i := range int64(50) {
		clock = clock.Add(100 * time.Millisecond)
		in.bytes.Add(2)
		p.rows((i + 1) * 100)
	}
	p.stop()
	const want = "upsert import: writing: 2,000 rows, 1,000 rows/s, 20%\nupsert import: writing: 4,000 rows, 1,000 rows/s, 40%\n"
	if out.String() != want {
		t.Fatalf("wrote %q; want a line every two seconds: %q", out.String(), want)
	}
}

func TestProgress_QuietAndUnknownSize(t *testing.T) {
	t.Parallel()
	clock := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, quiet := range []bool{true, false} {
		var out strings.Builder
		p := newPasses(&out, func() time.Time { return clock }, quiet)
		p.start("writing", &input{size: -1})
		clock = clock.Add(2 * time.Second)
		p.rows(1)
		p.stop()
		want := "upsert import: writing: 1 row, 0 rows/s\n"
		if quiet {
			want = ""
		}
		if out.String() != want {
			t.Errorf("quiet %t: wrote %q; want %q", quiet, out.String(), want)
		}
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		result   upsert.Result
		rejected int64
		took     time.Duration
		want     string
	}{
		{upsert.Result{Inserted: 312}, 0, 12 * time.Millisecond, "z.tsv: 312 rows: 312 inserted, 0 updated, 0 unchanged, 0 stale in 12ms (26,000 rows/s)\n"},
		{upsert.Result{Unchanged: 1}, 0, 0, "z.tsv: 1 row: 0 inserted, 0 updated, 1 unchanged, 0 stale in 1ms (1,000 rows/s)\n"},
		{upsert.Result{Updated: 1}, 2, 0, "z.tsv: 3 rows: 0 inserted, 1 updated, 0 unchanged, 0 stale, 2 rejected in 1ms (3,000 rows/s)\n"},
		{
			upsert.Result{Inserted: 1, Updated: 2, Unchanged: 3, Stale: 4, Unknown: 4999990}, 0, 12345 * time.Millisecond,
			"z.tsv: 5,000,000 rows: 1 inserted, 2 updated, 3 unchanged, 4 stale, 4,999,990 unknown in 12.35s (405,000 rows/s)\n",
		},
	} {
		var out strings.Builder
		report(&out, "some/where/z.tsv", c.result, c.rejected, c.took)
		if out.String() != c.want {
			t.Errorf("reported %q; want %q", out.String(), c.want)
		}
	}
}
