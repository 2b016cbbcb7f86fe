package upserttest_test

import (
	"os"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
)

func TestMain(m *testing.M) { os.Exit(engine.Run(m)) }
