package faults_test

import (
	"testing"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/faults"
)

type job struct {
	Driver, DSN string
	Index       int
	Moment      faults.Moment
}

// TestChild is the work of the child processes, not a test of its own.
func TestChild(t *testing.T) {
	t.Parallel()
	var j job
	report, ok := faults.Job(t, &j)
	if !ok {
		return
	}
	trap := faults.At(j.Index, j.Moment, faults.Kill)
	if err := work(t.Context(), faults.OpenDSN(t, j.Driver, j.DSN, trap.Hook).DB); err != nil {
		t.Fatal(err)
	}
	report("done")
}

func TestKilledProcess(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		points, commit := cleanPoints(t, e)
		for _, at := range points {
			for _, m := range moments {
				ns, rows := table(t, e)
				exit := faults.RunChild(t, "TestChild", job{faults.DriverName(ns), ns.DSN(), at.Index, m})
				if got, want := rows(), committed(at.Index, commit, m); !exit.Killed || got != want {
					t.Errorf("killed %v %v: killed %v, %d rows; want %d", m, &at, exit.Killed, got, want)
				}
			}
		}
	})
}

func TestChildThatEnds(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		ns, rows := table(t, e)
		var told string
		exit := faults.RunChild(t, "TestChild", job{Driver: faults.DriverName(ns), DSN: ns.DSN(), Index: -1})
		if exit.Report(t, &told); exit.Killed || told != "done" || rows() != inserts {
			t.Errorf("killed %v, reported %q, %d rows; want a normal end, %q and %d", exit.Killed, told, rows(), "done", inserts)
		}
	})
}
