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
