package keys_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
)

// The tests of this file check the stored report of a failed attempt, and the listing of these reports.

// TestReport_ConnectionsCharset checks that a report is complete even if the connection's character set lacks a letter. Such
// a connection reads the letter as "?".
func TestReport_ConnectionsCharset(t *testing.T) {
	t.Parallel()
	hazards(t, lab.MariaDB+" "+lab.MySQL, func(l *hazardLab) {
		const id = "Ж-7"
		l.lab.Exec("CREATE TABLE texts (t VARCHAR(20) CHARACTER SET utf8mb4)", "INSERT INTO texts VALUES (_utf8mb4 x'D096')")
		l.lab.Want("hazard: what the connection says of the letter", l.lab.Text("SELECT t FROM texts"), "?")

		s := l.open(l.lab.DB, keys.MaxAttempts(1))
		_, err := s.Fail(l.lab.Context(), "Ж", id, errors.New("Ж is wrong"), keys.Payload([]byte(id)))
		l.lab.WantErr("Fail", err, nil, id, "is dead")
		dead, err := s.Dead(l.lab.Context(), "Ж", 10)
		if err != nil || len(dead) != 1 || dead[0].ID != id || dead[0].Error != "Ж is wrong" || string(dead[0].Payload) != id {
			l.lab.Fatalf("Dead: %+v, %v; want message %s with its report", dead, err, id)
		}
		n, err := s.Revive(l.lab.Context(), "Ж", dead[0].ID)
		l.lab.Want("revived", fmt.Sprint(n, err), "1 <nil>")
		info, err := s.InspectMessage(l.lab.Context(), "Ж", id)
		if err != nil || info.Key.ID != id || info.Key.Scope != "Ж" {
			l.lab.Errorf("InspectMessage: %+v, %v; want message %s", info, err, id)
		}
	}, engine.Param("charset", "latin1"))
}

// TestReport_TooBig checks that an attempt is counted even if its error or its payload is too big to be stored.
func TestReport_TooBig(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		s := l.open(l.lab.DB, keys.MaxAttempts(3), keys.MaxResult(100))
		cause := errors.New(strings.Repeat("ü", 1<<20))
		for i, size := range []int{100, 101, 1 << 20} {
			n, err := s.Fail(l.lab.Context(), "c", "m", cause, keys.Payload(make([]byte, size)))
			var dead *keys.DeadError
			if n != i+1 || errors.As(err, &dead) != (i == 2) || i < 2 && err != nil {
				l.lab.Errorf("attempt with %d bytes: %d, %v; want the attempt to be counted", size, n, err)
			}
			if i > 0 {
				continue
			}
			info, err := s.InspectMessage(l.lab.Context(), "c", "m")
			if err != nil || !strings.Contains(string(info.Result), `"payload"`) {
				l.lab.Errorf("the report with a payload that fits: %+v, %v", info, err)
			}
		}
		dead, err := s.Dead(l.lab.Context(), "c", 10)
		if err != nil || len(dead) != 1 {
			l.lab.Fatalf("Dead: %d messages, %v; want one", len(dead), err)
		}
		m := dead[0]
		l.lab.Want("payload, and its size", fmt.Sprint(len(m.Payload), m.PayloadSize, m.TooBig), fmt.Sprint(0, 1<<20, 1<<20))
		if len(m.Error) < 8<<10-3 || len(m.Error) > 8<<10+8 || !utf8.ValidString(m.Error) || !strings.HasSuffix(m.Error, "ü …") {
			l.lab.Errorf("the error has %d bytes and ends in %q; want the first 8 KiB", len(m.Error), m.Error[max(0, len(m.Error)-8):])
		}
		_, err = s.Fail(l.lab.Context(), "c", "whole", errors.New(strings.Repeat("x", 8<<10)), keys.Payload(make([]byte, 100)))
		l.lab.Want("Fail with what just fits", err, nil)
	})
}

func TestReport_GoesWhenTheMessageIsHandled(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		const secret = "of a person"
		_, err := l.store.Fail(l.lab.Context(), "lab", "m", errors.New(secret), keys.Payload([]byte(secret)))
		l.lab.Want("Fail", err, nil)
		info, err := l.store.InspectMessage(l.lab.Context(), "lab", "m")
		if err != nil || info.State != keys.StateWaiting || !strings.Contains(string(info.Result), secret) {
			l.lab.Errorf("a message with a failed attempt: %+v, %v; want its report", info, err)
		}
		tx := l.Begin(nil)
		fresh, err := l.filter(l.store, tx, "m")
		l.lab.Want("Filter", fmt.Sprint(fresh, err), "[m] <nil>")
		l.lab.Commit(tx)
		info, err = l.store.InspectMessage(l.lab.Context(), "lab", "m")
		if err != nil || info.State != keys.StateDone || len(info.Result) > 0 || info.Codec != "" || info.Attempts != 2 {
			l.lab.Errorf("the handled message: %+v, %v; want it done, after 2 attempts, without a report", info, err)
		}
	})
}

// TestHazard_K53_SmallPackets checks values that do not fit a statement. The library refuses or omits them before it sends
// the statement.
func TestHazard_K53_SmallPackets(t *testing.T) {
	t.Parallel()
	lab.EachWith(t, lab.MariaDB+" "+lab.MySQL, []string{"--max-allowed-packet=1M"}, func(bare *lab.Lab) {
		l := openHazardLab(bare)
		const half = 512 << 10
		// The server hangs up while the statement is being written, so the error may come from the network.
		if _, err := l.lab.DB.ExecContext(l.lab.Context(), "SELECT LENGTH('"+strings.Repeat("x", 2*half)+"')"); err == nil {
			l.lab.Errorf("hazard: a statement longer than a packet is accepted")
		}
		for size, refused := range map[int]bool{half: true, half - 128<<10: false} {
			id := fmt.Sprint("k", size)
			_, _, err := keys.Run(l.lab.Context(), l.store, hazardKey(id), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
				_, err := effect(id)(ctx, tx)
				return strings.Repeat("x", size), err
			})
			if want := 1; refused {
				l.lab.WantErr("a result of half a packet", err, nil, "more than", "max_allowed_packet", "rolled back")
				l.lab.Want("effects", l.effects(id), 0)
			} else {
				l.lab.Want("a smaller one", fmt.Sprint(err, l.effects(id)), fmt.Sprint(nil, want))
			}
		}
		s := l.open(l.lab.DB, keys.MaxAttempts(1))
		for size, kept := range map[int]int{half: 0, half / 2: half / 2} {
			id := fmt.Sprint("m", size)
			_, err := s.Fail(l.lab.Context(), "lab", id, errors.New(strings.Repeat("\x01", 1<<20)), keys.Payload(make([]byte, size)))
			l.lab.Want("Fail", fmt.Sprintf("%T", err), "*keys.DeadError")
			dead, err := s.Dead(l.lab.Context(), "lab", 10)
			l.lab.Want("Dead", fmt.Sprint(len(dead), err), "1 <nil>")
			l.lab.Want("payload, and its size", fmt.Sprint(len(dead[0].Payload), dead[0].PayloadSize), fmt.Sprint(kept, size))
			_, err = s.Revive(l.lab.Context(), "lab", id)
			l.lab.Want("Revive", err, nil)
		}
		ids := make([]string, 10_000)
		for i := range ids {
			ids[i] = fmt.Sprintf("%0*d", 1+i%200, i)
		}
		tx := l.Begin(nil)
		fresh, err := l.filter(l.store, tx, ids...)
		l.lab.Want("Filter", fmt.Sprint(len(fresh), err), "10000 <nil>")
		l.lab.Commit(tx)
		_, err = l.store.Revive(l.lab.Context(), "lab", ids...)
		l.lab.Want("Revive of all", err, nil)
	})
}
