package progress_test

import (
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/cmd/upsert/internal/progress"
)

func TestProgress_LinesNowAndThen(t *testing.T) {
	t.Parallel()
	for total, want := range map[int64]string{
		50: "prog: at 20, 40%\nprog: at 40, 80%\n",
		-1: "prog: at 20\nprog: at 40\n",
	} {
		clock := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
		var out strings.Builder
		p := progress.New(&out, "prog", func() time.Time { return clock }, false)
		p.Start(total)
		for n := int64(1); n <= 50; n++ {
			clock = clock.Add(100 * time.Millisecond)
			if p.Due() {
				p.Show(n, "at "+string(rune('0'+n/10))+"0")
			}
		}
		p.Stop()
		if out.String() != want {
			t.Errorf("total %d: wrote %q; want a line every two seconds: %q", total, out.String(), want)
		}
	}
}

func TestProgress_Quiet(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := progress.New(&out, "prog", time.Now, true)
	p.Start(1)
	p.Show(1, "done")
	p.Stop()
	if p.Due() || out.String() != "" {
		t.Errorf("wrote %q; want nothing", out.String())
	}
}
