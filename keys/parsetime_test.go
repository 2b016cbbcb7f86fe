package keys_test

import (
	"context"
	"errors"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/keys"
)

// TestWithoutParseTime checks go-sql-driver without parseTime, its default, which returns times as text. The other tests use
// parseTime.
func TestWithoutParseTime(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"mariadb", "mysql"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStore(t, engine.Get(name).Open(t, engine.Param("parseTime", "false")))
			if err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			k := keys.Key{Scope: "shop", Op: "pay", ID: "7'; --\x00\xff"}
			fp := keys.FingerprintBytes([]byte("five euros"))
			for i := range 2 {
				have, replayed, err := keys.Run(t.Context(), s, k, fp, func(context.Context, *keys.Tx) (string, error) { return "done", nil })
				if err != nil || have != "done" || replayed != (i > 0) {
					t.Errorf("call %d: %q, replayed %v, error %v", i, have, replayed, err)
				}
			}
			if info, err := s.Inspect(t.Context(), k); err != nil || info.Key != k || info.Fingerprint != fp || info.FinishedAt.IsZero() {
				t.Errorf("Inspect = %+v, error %v", info, err)
			}
			if n, err := s.Fail(t.Context(), "mailer", "m1", errors.New("no route")); err != nil || n != 1 {
				t.Errorf("Fail = %d, error %v", n, err)
			}
			if n, err := s.GC(t.Context()); err != nil || n != 0 {
				t.Errorf("GC = %d, error %v", n, err)
			}
		})
	}
}
