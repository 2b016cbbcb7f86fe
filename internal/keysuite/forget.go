package keysuite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/goupsert/upsert/keys"
)

func forgetBehaviours() []behaviour {
	return []behaviour{
		{"makes a key a new one", forgetsKey},
		{"keeps keys whose effect is unknown", forgetRefused},
		{"waits for a running call", forgetWaits},
		{"of a scope leaves everything else", forgetsScope},
		{"of a scope skips keys whose effect is unknown", forgetScopeKept},
		{"of a scope goes in batches and ends with its context", forgetScopeBatches},
		{"is refused inside fn", forgetInside},
		{"refuses what makes no sense", forgetWrong},
	}
}

// setState sets the state of the keys whose ID begins so.
func (p *place) setState(prefix string, state int) {
	p.Helper()
	p.exec(fmt.Sprintf("UPDATE idempotency_keys SET state = %d WHERE id LIKE '%s%%'", state, prefix))
}

func (p *place) forget(id string) {
	p.Helper()
	if err := p.store.Forget(p.ctx, p.key(id)); err != nil {
		p.Errorf("Forget: %v", err)
	}
}

func forgetsKey(p *place) {
	p.forget("never")
	for i, opts := range [][]keys.ClaimOption{nil, {keys.Retain(time.Hour)}} {
		p.wantPaid(p.store, fmt.Sprint("a", i), opts...)
		p.forget(fmt.Sprint("a", i))
		p.wantNoMemory(fmt.Sprint("a", i))
		p.forget(fmt.Sprint("a", i))
		r, replayed, err := p.run(p.store, p.key(fmt.Sprint("a", i)), p.fingerprint(i), pays(p, "again", "again"))
		if r != "again" || replayed || err != nil {
			p.Errorf("Run of a forgotten key = %q, replayed %v, %v", r, replayed, err)
		}
	}
	_, _, _ = p.run(p.store, p.key("final"), none(), p.fails("final", keys.Final(asIs{1})))
	p.forget("final")
	p.wantPaid(p.store, "final")
	p.setState("final", int(keys.StateClaimed))
	p.forget("final")
	p.wantNoMemory("final")
	old := p.aged(uuidv7, 1000*time.Hour)
	if err := p.store.Forget(p.ctx, old); err != nil {
		p.Errorf("Forget of a key that is too old: %v", err)
	}
	if n := p.rows(); n != 2 {
		p.Errorf("%d rows, want 2", n)
	}
}

func forgetRefused(p *place) {
	p.wantPaid(p.store, "unknown")
	p.setState("unknown", 99)
	err := p.store.Forget(p.ctx, p.key("unknown"))
	wantText(p, "Forget of a newer version's key", err, "the state 99, which this version does not know")
	for _, end := range []error{nil, keys.Final(asIs{1}), keys.NotDone(asIs{2}), asIs{3}} {
		_, _, _ = keys.Do(p.ctx, p.store, p.key("do"), none(), func(ctx context.Context, h *keys.Held) (string, error) {
			err := p.store.Forget(p.ctx, p.key("do"))
			wantAs[*keys.InProgressError](p, "Forget while fn runs", err)
			return "", end
		})
		if !errors.Is(end, asIs{3}) {
			p.forget("do")
			continue
		}
		for range 2 {
			parked := as[*keys.ParkedError](p, "Forget without an answer", p.store.Forget(p.ctx, p.key("do")))
			if parked == nil || parked.Key != p.key("do") || parked.Since.IsZero() || parked.Err == nil || parked.Err.Error() != "as is" {
				p.Errorf("%+v", int(keys.StateParked))
			}
			p.setState("do", int(keys.StateParked))
		}
	}
	for verb, decide := range map[string]func(keys.Key) error{
		"Resolve":      func(k keys.Key) error { return keys.Resolve(p.ctx, p.store, k, "") },
		"ResolveFinal": func(k keys.Key) error { return p.store.ResolveFinal(p.ctx, k, asIs{4}) },
		"Release":      func(k keys.Key) error { return p.store.Release(p.ctx, k) },
	} {
		p.leave(verb, true)
		if err := decide(p.key(verb)); err != nil {
			p.Errorf("%s: %v", verb, err)
		}
		if at := get[string](p, "SELECT CAST(expires_at AS CHAR(30)) FROM idempotency_keys WHERE id = '"+verb+"'"); strings.HasPrefix(at, "9999") {
			p.Errorf("a key expires at %s after %s", at, verb)
		}
		p.forget(verb)
	}
	if err := p.store.Release(p.ctx, p.key("do")); err != nil {
		p.Error(err)
	}
	p.forget("do")
	if n := p.rows(); n != 1 {
		p.Errorf("%d rows, want one", n)
	}
}

// forgetWaits forgets a key while its first transaction is running: Forget must find what the transaction commits.
func forgetWaits(p *place) {
	w := p.watch()
	tx := p.holds("a")
	err := p.open(keys.NoWait()).Forget(p.ctx, p.key("a"))
	if p.sqlite() {
		if err == nil {
			p.Error("Forget beside a writer returned nil")
		}
	} else {
		wantAs[*keys.InProgressError](p, "Forget with NoWait", err)
	}
	ended := make(chan error)
	go func() { ended <- p.store.Forget(p.ctx, p.key("a")) }()
	w.until(1)
	p.commit(tx)
	if err := <-ended; err != nil {
		p.Errorf("Forget: %v", err)
	}
	p.wantNoMemory("a")
}

// scoped makes n keys of a scope.
func (p *place) scoped(scope string, n int) {
	p.Helper()
	for i := range n {
		k := keys.Key{Scope: scope, Op: "o", ID: fmt.Sprint(scope, " ", i)}
		if _, err := keys.Exec(p.ctx, p.store, k, none(), p.pay("scoped")); err != nil {
			p.Fatal(err)
		}
	}
}

func (p *place) wantForgotten(scope string, want int64, opts ...keys.GCOption) {
	p.Helper()
	if n, err := p.store.ForgetScope(p.ctx, scope, opts...); n != want || err != nil {
		p.Errorf("ForgetScope(%q) = %d, %v; want %d", scope, n, err, want)
	}
}

func forgetsScope(p *place) {
	for _, scope := range []string{"bob", "BOB", "bob ", "bób", "b\x00b"} {
		p.scoped(scope, 3)
	}
	if _, err := p.filter(p.store, "bob", "m1", "m2"); err != nil {
		p.Fatal(err)
	}
	p.wantForgotten("alice", 0)
	p.wantForgotten("bob", 3)
	p.wantForgotten("bob", 0)
	p.wantForgotten("b\x00b", 3)
	if n := p.rows(); n != 11 {
		p.Errorf("%d rows are left, want 11", n)
	}
	if fresh, err := p.filter(p.store, "bob", "m1"); err != nil || len(fresh) != 0 {
		p.Errorf("the message is fresh after ForgetScope: %q, %v", fresh, err)
	}
}

func forgetScopeKept(p *place) {
	p.scoped("bob", 5)
	p.setState("bob 1", int(keys.StateLeased))
	p.setState("bob 2", int(keys.StateParked))
	p.setState("bob 3", int(keys.StateParked))
	for _, want := range []int64{2, 0} {
		n, err := p.store.ForgetScope(p.ctx, "bob")
		var kept *keys.KeptError
		if !errors.As(err, &kept) || n != want || *kept != (keys.KeptError{Scope: "bob", Leased: 1, Parked: 2}) {
			p.Errorf("ForgetScope = %d, %+v; want %d, and what was kept", n, err, want)
		}
		wantText(p, "ForgetScope", err, "1 leased and 2 parked keys of scope bob")
	}
	if n := p.rows(); n != 3 {
		p.Errorf("%d rows are left, want 3", n)
	}
}

func forgetScopeBatches(p *place) {
	p.scoped("bob", 12)
	p.scoped("eve", 3)
	var told []int64
	var batches []int64
	s := p.open(keys.WithHooks(keys.Hooks{Remove: func(_ context.Context, e keys.Event) { batches = append(batches, e.Count) }}))
	n, err := s.ForgetScope(p.ctx, "bob", keys.GCBatchSize(3), keys.GCLimit(7), keys.GCShare(1), keys.GCProgress(func(n int64) { told = append(told, n) }))
	if n != 7 || err != nil || fmt.Sprint(told, batches) != "[3 6 7] [3 3 1]" {
		p.Errorf("ForgetScope = %d, %v; progress %v, batches %v; want 7", n, err, told, batches)
	}
	ctx, cancel := context.WithCancel(p.ctx)
	n, err = p.store.ForgetScope(ctx, "bob", keys.GCBatchSize(2), keys.GCProgress(func(int64) { cancel() }))
	wantIs(p, "ForgetScope", err, context.Canceled)
	if n != 2 || p.left("bob") != 3 {
		p.Errorf("ForgetScope = %d and %d are left; want 2 and 3", n, p.left("bob"))
	}
	p.wantForgotten("bob", 3, keys.GCBatchSize(1))
	p.wantForgotten("eve", 3)
}

func forgetInside(p *place) {
	_, err := keys.Exec(p.ctx, p.store, p.key("a"), none(), func(ctx context.Context, tx *keys.Tx) error {
		wantText(p, "Forget inside fn", p.store.Forget(ctx, p.key("b")), "inside the fn of me/pay/a")
		wantText(p, "Forget of fn's key", p.store.Forget(keys.Outside(ctx), p.key("a")), "inside the fn of me/pay/a")
		_, err := p.store.ForgetScope(ctx, "me")
		wantText(p, "ForgetScope inside fn", err, "inside the fn of me/pay/a")
		return nil
	})
	if err != nil {
		p.Error(err)
	}
	if n := p.rows(); n != 1 {
		p.Errorf("%d rows, want 1", n)
	}
}

func forgetWrong(p *place) {
	wantText(p, "Forget", p.store.Forget(p.ctx, keys.Key{Scope: "s", Op: "o"}), "key's ID is empty")
	wantText(p, "Forget", (*keys.Store)(nil).Forget(p.ctx, p.key("a")), "Open returns one")
	_, err := p.store.ForgetScope(p.ctx, "")
	wantText(p, "ForgetScope", err, "key's Scope is empty")
	_, err = p.store.ForgetScope(p.ctx, strings.Repeat("x", 256))
	wantText(p, "ForgetScope", err, "256 bytes")
	_, err = p.store.ForgetScope(p.ctx, "s", nil)
	wantText(p, "ForgetScope", err, "an option is nil")
	ctx, cancel := context.WithCancel(p.ctx)
	cancel()
	wantIs(p, "Forget after the end", p.store.Forget(ctx, p.key("a")), context.Canceled)
	_, err = p.store.ForgetScope(ctx, "s")
	wantIs(p, "ForgetScope after the end", err, context.Canceled)
	err = p.open(keys.Table("elsewhere")).Forget(p.ctx, p.key("a"))
	wantMissing(p, "Forget", err)
	_, err = p.open(keys.Table("elsewhere")).ForgetScope(p.ctx, "s")
	wantMissing(p, "ForgetScope", err)
	_, _, err = p.open(keys.Table("elsewhere")).List(p.ctx, keys.StateDone, keys.Cursor{}, 1)
	wantMissing(p, "List", err)
}
