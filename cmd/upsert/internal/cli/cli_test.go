package cli

import "testing"

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"verify", "schema", "sql", "import", "keys"}
	for word, want := range map[string]string{"verfy": "verify", "shcema": "schema", "sq": "sql", "key": "keys", "imports": "import", "xyz": "", "frobnicate": ""} {
		if got := Nearest(word, known); got != want {
			t.Errorf("nearest to %q is %q; want %q", word, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "bcd", 2}, {"kitten", "sitting", 3}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("the distance of %q and %q is %d; want %d", c.a, c.b, got, c.want)
		}
	}
}
