// Package keysuite defines the behaviour of package keys for every database: one suite of behaviours that runs unchanged on each
// engine and through each driver. A behaviour is tested here, not in the file of one engine.
package keysuite

import (
	"testing"

	"github.com/goupsert/upsert/internal/conformance"
)

// behaviour is one thing that every database does.
type behaviour struct {
	name string
	run  func(*place)
}

type group struct {
	name       string
	behaviours []behaviour
}

func groups() []group {
	return []group{
		{"results", resultBehaviours()},
		{"codecs", codecBehaviours()},
		{"store codecs", storeCodecBehaviours()},
		{"exec", execBehaviours()},
		{"tx from context", txFromBehaviours()},
		{"begin", beginBehaviours()},
		{"errors", errorBehaviours()},
		{"final", finalBehaviours()},
		{"panics", panicBehaviours()},
		{"fingerprints", fingerprintBehaviours()},
		{"tx", txBehaviours()},
		{"nested", nestedBehaviours()},
		{"once", onceBehaviours()},
		{"handles", handleBehaviours()},
		{"named queries", namedBehaviours()},
		{"crowd", crowdBehaviours()},
		{"waiting", waitingBehaviours()},
		{"turns", turnBehaviours()},
		{"limits", limitBehaviours()},
		{"cancel", cancelBehaviours()},
		{"keys", keyBehaviours()},
		{"age", ageBehaviours()},
		{"places", placeBehaviours()},
		{"filter", filterBehaviours()},
		{"consumers", consumerBehaviours()},
		{"dead", deadBehaviours()},
		{"gc", gcBehaviours()},
		{"run gc", runGCBehaviours()},
		{"forget", forgetBehaviours()},
		{"inspect", inspectBehaviours()},
		{"list", listBehaviours()},
		{"hooks", hookBehaviours()},
		{"do", doBehaviours()},
	}
}

// Exercise runs every behaviour as a parallel subtest in a namespace of its own, and for a brief server, or with -short, the first
// three of each group.
func Exercise(t *testing.T, s conformance.Server) {
	t.Helper()
	t.Run(s.Name, func(t *testing.T) {
		t.Parallel()
		for _, g := range groups() {
			t.Run(g.name, func(t *testing.T) {
				t.Parallel()
				for _, b := range conformance.PartFor(s, g.behaviours) {
					t.Run(b.name, func(t *testing.T) {
						t.Parallel()
						b.run(newPlace(t, s))
					})
				}
			})
		}
	})
}
