package lincheck_test

import (
	"flag"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
)

var (
	flagOps  = flag.Int("ops", engine.Size(100_000, 10_000_000), "random operations on each engine")
	flagSeed = flag.Uint64("seed", 0, "what the operations are drawn from; 0 is a random one, which is printed")
)

func TestMain(m *testing.M) { os.Exit(engine.Run(m, engine.Also("mysql57"))) }

// seed prints what a run is drawn from. It says which operations there are, not how they fall together.
func seed(t *testing.T) uint64 {
	t.Helper()
	n := *flagSeed
	if n == 0 {
		n = rand.Uint64()
	}
	t.Logf("again with -seed %d", n)
	return n
}
