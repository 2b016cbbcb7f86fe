package dialect_test

import (
	"testing"

	"github.com/goupsert/upsert/dialect"
)

func TestRuleThatIsNone(t *testing.T) {
	t.Parallel()
	for _, r := range []dialect.Rule{-1, dialect.Rule(len(dialect.Rules()))} {
		if dialect.Rule.String(r) == "" || !r.RepeatSafe() || r.OrderFree(false) || !r.OrderFree(true) || r.TakesNow() || r.InEveryRow() || !r.Fits(dialect.GoList) {
			t.Errorf("%v does not act like Replace", r)
		}
	}
}

func TestEveryRowHasAWord(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for i, word := range dialect.Rules() {
		if r := dialect.Rule(i); word == "" || r.String() != word || seen[word] {
			t.Errorf("rule %d has the word %q, and its String is %q", i, word, r)
		}
		seen[word] = true
	}
}

func TestGoKindString(t *testing.T) {
	t.Parallel()
	for k, want := range map[dialect.GoKind]string{dialect.GoBool: "boolean", dialect.GoText | dialect.GoTime: "string or time", 0: ""} {
		if got := k.String(); got != want {
			t.Errorf("kind %d is %q, want %q", uint(k), got, want)
		}
	}
}
