package integration_test

import (
	"os"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
)

func TestMain(m *testing.M) { os.Exit(engine.Run(m, engine.Also("mysql57"))) }

// pair is the row of a test that needs no particular one.
type pair lab.Pair
