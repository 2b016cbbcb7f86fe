package engine

import (
	"fmt"
	"testing"
)

// TestTurnOf: one test always has the same server, and many tests are shared about equally.
func TestTurnOf(t *testing.T) {
	t.Parallel()
	servers := []*Engine{{name: "postgres18"}, {name: "mariadb"}}
	count := map[string]int{}
	for n := range 1000 {
		test := fmt.Sprintf("TestHazard_%d/copy", n)
		e := turnOf(test, servers)
		if again := turnOf(test, servers); again != e {
			t.Fatalf("%s: %s and then %s", test, e.name, again.name)
		}
		count[e.name]++
	}
	if count["postgres18"] < 400 || count["mariadb"] < 400 {
		t.Errorf("%v of 1000 tests; want about half each", count)
	}
}
