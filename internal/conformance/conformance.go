// Package conformance defines the meaning of an upsert for every database: one suite of behaviours that runs unchanged on each
// engine and through each driver. A behaviour is tested here, not in the file of one engine.
package conformance

import (
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/jmoiron/sqlx"
)

// Server is a database as seen through one driver and one set of driver parameters.
type Server struct {
	// Name is the name of the subtest that holds the suite: the driver or the parameters that distinguish this server.
	Name string
	// Dialect is the name of the dialect that Detect must find.
	Dialect string
	// Open returns a pool on a fresh, empty namespace. The end of the test removes both.
	Open func(t testing.TB) *sqlx.DB
	// Options are passed to New for every table. The most important option is the path of batches.
	Options []upsert.Option
	// InTx replaces Options for tables that are used in the caller's transaction, because some drivers cannot use every path
	// there. If InTx is nil, Options apply.
	InTx []upsert.Option
	// Brief runs the first three behaviours of each group, as -short does.
	Brief bool
	// Plain makes each table plain, with the indexes trusted and every fault left out, if the stored table is there.
	Plain bool
}

// behaviour is one thing that every database does. If only is not empty, the behaviour applies to that dialect alone.
type behaviour struct {
	name string
	run  func(*place)
	only string
}

type group struct {
	name       string
	behaviours []behaviour
}

func groups() []group {
	return []group{
		{"rules", ruleBehaviours()},
		{"handles", handleBehaviours()},
		{"outcomes", outcomeBehaviours()},
		{"batches", batchBehaviours()},
		{"keys", keyBehaviours()},
		{"values", valueBehaviours()},
		{"fields", fieldBehaviours()},
		{"generated", generatedBehaviours()},
		{"omitzero", omitZeroBehaviours()},
		{"now", nowBehaviours()},
		{"targets", targetBehaviours()},
		{"partial", partialBehaviours()},
		{"names", nameBehaviours()},
		{"maps", mapBehaviours()},
		{"quiet", quietBehaviours()},
		{"atomic", atomicBehaviours()},
		{"in order", inOrderBehaviours()},
		{"chunks", chunkBehaviours()},
		{"sequence", sequenceBehaviours()},
		{"guard", guardBehaviours()},
		{"errors", errorBehaviours()},
		{"other keys", otherKeyBehaviours()},
		{"merge", mergeBehaviours()},
		{"getorcreate", getOrCreateBehaviours()},
		{"relations", relationBehaviours()},
		{"retries", retryBehaviours()},
		{"prepared", preparedBehaviours()},
		{"exec", execBehaviours()},
		{"returning", returningBehaviours()},
	}
}

// Exercise runs every behaviour as a parallel subtest in a namespace of its own, and for a brief server, or with -short, the first
// three of each group.
func Exercise(t *testing.T, s Server) {
	t.Helper()
	t.Run(s.Name, func(t *testing.T) {
		t.Parallel()
		d := detect(t, s)
		for _, g := range groups() {
			// MySQL counts lock waits in seconds, and no setting of a driver or path changes that.
			if g.name == "retries" && d.Name() == "mysql" && s.Name != "default" {
				continue
			}
			t.Run(g.name, func(t *testing.T) {
				t.Parallel()
				for _, b := range PartFor(s, g.behaviours) {
					if b.only != "" && b.only != s.Dialect {
						continue
					}
					t.Run(b.name, func(t *testing.T) {
						t.Parallel()
						b.run(newPlace(t, s, d))
					})
				}
			})
		}
	})
}

// PartFor returns the behaviours of a group that a run tests: all of them, or the first two.
func PartFor[B any](s Server, group []B) []B {
	if s.Brief || testing.Short() {
		return group[:min(2, len(group))]
	}
	return group
}

func detect(t *testing.T, s Server) dialect.Dialect {
	t.Helper()
	d, err := dialect.Detect(t.Context(), s.Open(t))
	if err != nil {
		t.Fatalf("Detect: %v; want the dialect %s", err, s.Dialect)
	}
	if d.Name() != s.Dialect {
		t.Fatalf("Detect found %s, want %s", d.Name(), s.Dialect)
	}
	if d.Version() == "" {
		t.Fatalf("Detect found no version of %s", d.Name())
	}
	return d
}
