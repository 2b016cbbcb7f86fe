package keys_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
)

// TestFail_CountsOnceBesideOthers checks that a failed attempt counts once even if its commit loses its answer several
// times. Other calls may count many attempts before the call asks again.
func TestFail_CountsOnceBesideOthers(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		const calls, losses, most = 80, 3, 150 // a message remembers fewer calls
		others := l.open(l.lab.DB, keys.MaxAttempts(most))
		want, armed := 0, 0
		fail := func(s *keys.Store) {
			l.lab.Helper()
			want++
			n, err := s.Fail(l.lab.Context(), "lab", "m", fmt.Errorf("failure %d", want))
			if want < most && (err != nil || n < want) || want >= most && (n != most || fmt.Sprintf("%T", err) != "*keys.DeadError") {
				l.lab.Errorf("failure %d of %d: %d attempts, %v", want, most, n, err)
			}
		}
		db := faults.Open(l.lab, l.lab.NS, func(p *faults.Point) error {
			if armed == 0 || p.Moment != faults.After || p.Kind != faults.Commit {
				return nil
			}
			armed--
			fail(others)
			return io.ErrUnexpectedEOF
		})
		s := l.open(db.DB, keys.MaxAttempts(most))
		for i := range calls {
			if armed = 0; i%16 == 7 {
				armed = losses
			}
			fail(s)
		}
		info, err := l.store.InspectMessage(l.lab.Context(), "lab", "m")
		if err != nil {
			l.lab.Fatal(err)
		}
		l.lab.Want("attempts", info.Attempts, calls+calls/16*losses)
		l.lab.Want("the report", string(info.Result), fmt.Sprintf(`{"error":"failure %d"}`, want))
	})
}
