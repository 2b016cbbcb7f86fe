package drivertest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/goupsert/upsert/keys"
)

// TestSettingGoesBackWithConnection checks a claim with a wait limit, which changes busy_timeout on its connection. The
// claim must restore the setting even if its context ends during the wait. Otherwise a driver that keeps the connection
// would give the changed setting to the next caller.
func TestSettingGoesBackWithConnection(t *testing.T) {
	t.Parallel()
	each(t, sqliteServers, func(p *place) {
		s, err := keys.Open(p.Context(), p.db)
		if err == nil {
			err = s.Migrate(p.Context())
		}
		if err != nil {
			p.Fatal(err)
		}
		p.db.SetMaxOpenConns(1)
		setting := func() (ms int) {
			p.Helper()
			if err := p.db.GetContext(p.Context(), &ms, "PRAGMA busy_timeout"); err != nil {
				p.Fatal(err)
			}
			return ms
		}
		before := setting()
		other, err := p.open().Connx(p.Context())
		if err != nil {
			p.Fatal(err)
		}
		defer func() { _ = other.Close() }()
		p.must(other, "BEGIN IMMEDIATE")
		for i, opt := range []keys.ClaimOption{keys.MaxWait(400 * time.Millisecond), keys.MaxWait(time.Millisecond), keys.NoWait()} {
			ctx, cancel := context.WithTimeout(p.Context(), 50*time.Millisecond)
			_, _, err := keys.Run(ctx, s, keys.Key{Scope: "s", Op: "o", ID: fmt.Sprint(i)}, keys.Fingerprint{}, func(context.Context, *keys.Tx) (int, error) {
				p.Error("fn was called")
				return 0, nil
			}, opt)
			cancel()
			if err == nil {
				p.Error("Run got a key while another connection was writing")
			}
			if after := setting(); after != before {
				p.Errorf("busy_timeout after %v: %d; want %d as before", err, after, before)
			}
		}
		p.must(other, "ROLLBACK")
	})
}
