package keysuite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/goupsert/upsert/keys"
)

func doBehaviours() []behaviour {
	return []behaviour{
		{"remembers an answer, and frees a key if nothing has happened", doAnswers},
		{"parks a key that nobody has answered for, until a person decides", doParked},
		{"takes a key over with the next fence", doTakenOver},
		{"asks a probe once a takeover", doProbed},
		{"joins a transaction to the lease", doGuarded},
		{"shares no key with Run and Once", doOtherVerb},
		{"stores a result as its codec says", doCodec},
	}
}

var errUnsure = errors.New("no answer")

// leased is an effect outside the database that returns a text.
type leased = func(context.Context, *keys.Held) (string, error)

// ends returns an fn that returns a text or an error.
func ends(text string, err error) leased {
	return func(context.Context, *keys.Held) (string, error) { return text, err }
}

// wantDo expects an answer as a text: the result, whether it was replayed, and the error.
func (p *place) wantDo(what, id string, fn leased, want string, opts ...keys.DoOption) {
	p.Helper()
	r, replayed, err := keys.Do(p.ctx, p.store, p.key(id), none(), fn, opts...)
	if got := fmt.Sprint(r, " ", replayed, " ", err); got != want {
		p.Errorf("%s = %s; want %s", what, got, want)
	}
}

// unasked is an fn of Do that must not be called.
func (p *place) unasked(context.Context, *keys.Held) (string, error) {
	p.Error("fn was called")
	return "", errors.New("fn was called")
}

// abandon has a call end without an answer, and moves the end of its lease into the past.
func (p *place) abandon(id string) {
	p.Helper()
	p.wantDo("Do without an answer", id, ends("", errUnsure), " false no answer")
	p.exec("UPDATE idempotency_keys SET lease_until = '2000-01-01 00:00:00.000' WHERE state = 6")
}

func doAnswers(p *place) {
	p.wantDo("Do", "a", ends("paid", nil), "paid false <nil>")
	p.wantDo("Do again", "a", p.unasked, "paid true <nil>")
	p.wantDo("Do with a final error", "b", ends("", keys.Final(errUnsure)), " false no answer")
	p.wantDo("Do again", "b", p.unasked, " true no answer")
	p.wantDo("Do that has done nothing", "c", ends("", keys.NotDone(errUnsure)), " false no answer")
	p.wantDo("Do again", "c", ends("paid", nil), "paid false <nil>")
	if info := p.inspect(p.key("c")); info.State != keys.StateDone || info.Fence != 2 || info.Attempts != 2 {
		p.Errorf("Inspect = %+v; want a done key with fence 2", info)
	}
}

func doParked(p *place) {
	for id, decide := range map[string]func(keys.Key) error{
		"resolve":       func(k keys.Key) error { return keys.Resolve(p.ctx, p.store, k, "paid") },
		"resolve final": func(k keys.Key) error { return p.store.ResolveFinal(p.ctx, k, errUnsure) },
		"release":       func(k keys.Key) error { return p.store.Release(p.ctx, k) },
	} {
		before := p.now()
		p.abandon(id)
		_, _, err := keys.Do(p.ctx, p.store, p.key(id), none(), p.unasked)
		parked := as[*keys.ParkedError](p, "Do", err)
		if parked.Key != p.key(id) || parked.Since.Before(before.Add(-time.Second)) || parked.Since.After(p.now().Add(time.Second)) || fmt.Sprint(parked.Err) != "no answer" {
			p.Errorf("%+v; want the key, the time and the reason", parked)
		}
		if info := p.inspect(p.key(id)); info.State != keys.StateParked || !info.LeaseUntil.Equal(parked.Since) {
			p.Errorf("Inspect = %+v; want a parked key", info)
		}
		if err := decide(parked.Key); err != nil {
			p.Error(err)
		}
		want := map[string]string{"resolve": "paid true <nil>", "resolve final": " true no answer", "release": "new false <nil>"}[id]
		p.wantDo("Do after "+id, id, ends("new", nil), want)
		if err := decide(parked.Key); err == nil {
			p.Errorf("%s of a key that is done succeeded", id)
		}
	}
}

func doTakenOver(p *place) {
	for fence := int64(1); fence <= 3; fence++ {
		_, _, err := keys.Do(p.ctx, p.store, p.key("a"), none(), func(_ context.Context, h *keys.Held) (string, error) {
			if h.Fence() != fence || h.Attempt() != int(fence) {
				p.Errorf("fence %d, attempt %d; want %d", h.Fence(), h.Attempt(), fence)
			}
			p.exec("UPDATE idempotency_keys SET lease_until = '2000-01-01 00:00:00.000' WHERE state = 6")
			return "stale", nil
		}, keys.Rerun())
		wantIs(p, "Do past its lease", err, keys.ErrFenced)
	}
	p.wantDo("Do", "a", ends("paid", nil), "paid false <nil>", keys.Rerun())
}

func doProbed(p *place) {
	calls := 0
	for id, done := range map[string]bool{"done": true, "not": false} {
		p.abandon(id)
		ask := keys.Probe(func(context.Context, *keys.Held) (string, bool, error) { calls++; return "before", done, nil })
		p.wantDo("Do", id, ends("now", nil), map[bool]string{true: "before true <nil>", false: "now false <nil>"}[done], ask)
	}
	if calls != 2 {
		p.Errorf("the probe was asked %d times; want once a takeover", calls)
	}
}

func doGuarded(p *place) {
	p.wantDo("Do", "a", func(ctx context.Context, h *keys.Held) (string, error) {
		tx := p.begin(nil)
		if err := h.Guard(ctx, tx); err != nil {
			return "", err
		}
		_, _, err := keys.Do(ctx, p.open(), p.key("a"), none(), p.unasked, keys.NoWait())
		wantText(p, "Do inside", err, "has the key's lease")
		if err := p.effect(ctx, tx, "a"); err != nil {
			return "", err
		}
		return "paid", tx.Commit()
	}, "paid false <nil>")
	p.wantEffects("a", 1)
}

func doOtherVerb(p *place) {
	p.wantDo("Do", "do", ends("paid", nil), "paid false <nil>")
	p.each(func(each *place) {
		_, _, err := each.call(p.store, p.key("do"), none(), each.never)
		wantIs(each, each.verb, err, keys.ErrOtherVerb)
		each.wantPaid(p.store, "run")
	})
	for _, verb := range []string{"Run", "Once"} {
		k := keys.Key{Scope: "me", Op: "pay", ID: verb + "/run"}
		_, _, err := keys.Do(p.ctx, p.store, k, none(), p.unasked)
		wantIs(p, "Do", err, keys.ErrOtherVerb)
	}
}

func doCodec(p *place) {
	for range 2 {
		r, _, err := keys.Do(p.ctx, p.store, p.key("a"), none(), ends("paid", nil), keys.WithCodec(flipped{name: "flipped"}))
		if r != "paid" || err != nil {
			p.Errorf("Do = %q, %v", r, err)
		}
	}
	_, _, err := keys.Do(p.ctx, p.store, p.key("a"), none(), p.unasked)
	wantText(p, "Do with another codec", err, "use the codec that stored the result")
}
