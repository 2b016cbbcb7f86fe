package bulk_test

import (
	"os"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
)

func TestMain(m *testing.M) { os.Exit(engine.Run(m, engine.Also("mysql57"))) }

// pair is a row for tests that need no particular row type.
type pair lab.Pair
