package engine

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"testing"
)

const longEnv = "UPSERT_LONG"

// IsLong reports whether UPSERT_LONG asks for the long tests.
func IsLong() bool {
	_, long, err := longFactor()
	return err == nil && long
}

// IsRequired reports whether UPSERT_REQUIRE names an engine.
func IsRequired(name string) bool { return current.required[name] }

// NeedLong skips a test unless the run is long.
func NeedLong(t testing.TB) {
	t.Helper()
	if !IsLong() {
		t.Skipf("a long test; set %s to a factor of its size, such as 0.01 or 1 (make long)", longEnv)
	}
}

// Size returns how much work a test does. A usual run returns usual. A long run returns long times the factor of UPSERT_LONG, but
// at least usual.
func Size(usual, long int) int {
	factor, isLong, err := longFactor()
	if err != nil || !isLong {
		return usual
	}
	return max(usual, int(math.Round(factor*float64(long))))
}

// longFactor reads UPSERT_LONG. Run refuses a value that is not a factor.
func longFactor() (factor float64, long bool, err error) {
	text := os.Getenv(longEnv)
	if text == "" {
		return 0, false, nil
	}
	factor, err = strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(factor) || factor <= 0 || factor > 1000 {
		return 0, false, fmt.Errorf("engine: %s is %q; want a factor of the long tests' size, such as 0.01 or 1", longEnv, text)
	}
	return factor, true, nil
}
