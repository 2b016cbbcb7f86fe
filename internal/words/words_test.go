package words_test

import (
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/words"
)

func TestNumber(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "0", 999: "999", 1000: "1,000", 123456: "123,456", 1234567: "1,234,567", -5: "-5", -100: "-100", -1000: "-1,000",
	} {
		if got := words.Number(n); got != want {
			t.Errorf("Number(%d) = %q; want %q", n, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0 rows", 1: "1 row", 2: "2 rows", 1000: "1,000 rows"} {
		if got := words.Count(n, "row"); got != want {
			t.Errorf("Count(%d) = %q; want %q", n, got, want)
		}
	}
}

func TestShort(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "1ms", 1499 * time.Microsecond: "1ms", 999 * time.Millisecond: "999ms", 12345 * time.Millisecond: "12.35s",
	} {
		if got := words.Short(d).String(); got != want {
			t.Errorf("Short(%d) = %s; want %s", d, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "bcd", 2}, {"kitten", "sitting", 3}} {
		if got := words.Distance(c.a, c.b); got != c.want {
			t.Errorf("the distance of %q and %q is %d; want %d", c.a, c.b, got, c.want)
		}
	}
}
