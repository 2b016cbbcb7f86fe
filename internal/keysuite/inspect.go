package keysuite

import (
	"context"
	"time"

	"github.com/goupsert/upsert/keys"
)

func inspectBehaviours() []behaviour {
	return []behaviour{
		{"tells all of a key", inspectDone},
		{"tells of a final error", inspectFailed},
		{"tells of a message", inspectMessage},
		{"tells of retention", inspectRetain},
		{"finds nothing where nothing was committed", inspectNothing},
	}
}

// wantTimes expects times between before and after by the database's clock, all of them in UTC.
func wantTimes(p *place, info *keys.Info, before, after time.Time, retention time.Duration) {
	p.Helper()
	for name, at := range map[string]time.Time{"claimed": info.ClaimedAt, "finished": info.FinishedAt, "leased until": info.LeaseUntil} {
		if at.Before(before) || at.After(after) || at.Location() != time.UTC {
			p.Errorf("%s at %v; want a time between %v and %v by the database's clock", name, at, before, after)
		}
	}
	if info.FinishedAt.Before(info.ClaimedAt) {
		p.Errorf("finished at %v, before it was claimed at %v", info.FinishedAt, info.ClaimedAt)
	}
	if kept := info.ExpiresAt.Sub(info.ClaimedAt); (kept - retention).Abs() > 100*time.Millisecond {
		p.Errorf("kept for %v, want %v", kept, retention)
	}
}

func inspectDone(p *place) {
	fp, before := p.fingerprint([]int{1}), p.now()
	p.each(func(p *place) {
		if _, _, err := p.call(p.store, p.key("a"), fp, pays(p, "a", "paid a")); err != nil {
			p.Fatal(err)
		}
		info := p.inspect(p.key("a"))
		wantTimes(p, info, before, p.now(), 72*time.Hour)
		got := *info
		got.ClaimedAt, got.FinishedAt, got.ExpiresAt, got.LeaseUntil, got.Result = time.Time{}, time.Time{}, time.Time{}, time.Time{}, nil
		if got.Key != p.key("a") || got.State != keys.StateDone || got.Fingerprint != fp || got.Codec != "json" || got.Attempts != 1 || got.Fence != 1 {
			p.Errorf("%+v", got)
		}
		if string(info.Result) != `"paid a"` {
			p.Errorf("result %s", info.Result)
		}
		if info.State.String() != "done" {
			p.Errorf("state %v", info.State)
		}
	})
}

func inspectFailed(p *place) {
	before := p.now()
	p.each(func(p *place) {
		_, _, err := p.call(p.store, p.key("a"), none(), p.fails("a", keys.Final(asIs{1})))
		wantAs[*keys.FinalError](p, p.verb, err)
		info := p.inspect(p.key("a"))
		wantTimes(p, info, before, p.now(), 72*time.Hour)
		if info.State != keys.StateFinalError || string(info.Result) != `{"text":"as is"}` || !info.Fingerprint.IsZero() {
			p.Errorf("%v with %s, fingerprint %v", info.State, info.Result, info.Fingerprint)
		}
	})
}

func inspectMessage(p *place) {
	before := p.now()
	if _, err := p.filter(p.store, "c", "a"); err != nil {
		p.Fatal(err)
	}
	info, err := p.store.InspectMessage(p.ctx, "c", "a")
	if err != nil {
		p.Fatal(err)
	}
	wantTimes(p, info, before, p.now(), 72*time.Hour)
	if info.Key != (keys.Key{Scope: "c", ID: "a"}) || info.State != keys.StateDone || info.Attempts != 1 || len(info.Result) != 0 {
		p.Errorf("%+v", info)
	}
	if _, err := p.store.Fail(p.ctx, "c", "b", asIs{1}); err != nil {
		p.Fatal(err)
	}
	info, err = p.store.InspectMessage(p.ctx, "c", "b")
	if err != nil || info.State != keys.StateWaiting || !info.FinishedAt.IsZero() || string(info.Result) != `{"error":"as is"}` {
		p.Errorf("%+v, %v", info, err)
	}
}

func inspectRetain(p *place) {
	before := p.now()
	s := p.open(keys.Retention(90 * time.Minute))
	p.each(func(p *place) {
		for id, want := range map[string]struct {
			opts []keys.ClaimOption
			kept time.Duration
		}{
			"store": {nil, 90 * time.Minute}, "own": {[]keys.ClaimOption{keys.Retain(time.Millisecond)}, time.Millisecond},
			"long": {[]keys.ClaimOption{keys.Retain(time.Minute), keys.Retain(10000*time.Hour + 250*time.Millisecond)}, 10000*time.Hour + 250*time.Millisecond},
		} {
			if _, _, err := p.call(s, p.key(id), none(), pays(p, id, ""), want.opts...); err != nil {
				p.Error(err)
			}
			wantTimes(p, p.inspect(p.key(id)), before, p.now(), want.kept)
		}
		_, _, err := p.call(s, p.key("none"), none(), p.never, keys.Retain(0))
		wantText(p, "Retain(0)", err, "the minimum is a millisecond")
	})
}

func inspectNothing(p *place) {
	if _, _, err := keys.Run(p.ctx, p.store, p.key("a"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
		_, err := p.store.Inspect(ctx, p.key("a"))
		wantIs(p, "Inspect beside fn", err, keys.ErrNotFound)
		return "", nil
	}); err != nil {
		p.Error(err)
	}
	p.inspect(p.key("a"))
	_, err := p.store.InspectMessage(p.ctx, "c", "a")
	wantIs(p, "InspectMessage", err, keys.ErrNotFound)
	wantText(p, "InspectMessage", err, "c//a")
}
