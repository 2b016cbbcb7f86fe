package keysuite

import (
	"context"
	"errors"
	"strings"

	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

// fn is an effect that returns a text.
type fn = func(context.Context, *keys.Tx) (string, error)

// caller claims a key with Run, or with Once in a transaction. It commits that transaction even if Once returns an error.
type caller func(s *keys.Store, k keys.Key, fp keys.Fingerprint, f fn, opts ...keys.ClaimOption) (string, bool, error)

// each runs f with Run and with Once. Each verb has its own keys.
func (p *place) each(f func(*place)) {
	p.Helper()
	for verb, call := range map[string]caller{"Run": p.run, "Once": p.once} {
		p.on(verb, func(p *place) {
			p.verb, p.prefix, p.call = verb, verb+"/", call
			f(p)
		})
	}
}

func (p *place) run(s *keys.Store, k keys.Key, fp keys.Fingerprint, f fn, opts ...keys.ClaimOption) (string, bool, error) {
	return keys.Run(p.ctx, s, k, fp, f, opts...)
}

func (p *place) once(s *keys.Store, k keys.Key, fp keys.Fingerprint, f fn, opts ...keys.ClaimOption) (r string, replayed bool, err error) {
	tx, err := p.db.BeginTxx(p.ctx, nil)
	if err != nil {
		return "", false, err
	}
	defer func() {
		if cerr := tx.Commit(); cerr != nil { // also if f has panicked
			p.Errorf("the transaction cannot be committed after Once returned %v: %v", err, cerr)
		}
	}()
	return keys.Once(p.ctx, s, tx, k, fp, f, opts...)
}

// none returns no fingerprint.
func none() keys.Fingerprint { return keys.Fingerprint{} }

func (p *place) key(id string) keys.Key { return keys.Key{Scope: "me", Op: "pay", ID: p.prefix + id} }

// effect writes the effect of an id.
func (p *place) effect(ctx context.Context, tx sqlx.ExecerContext, id string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO effects (id) VALUES ('"+p.prefix+id+"')")
	return err
}

// pays returns an fn that writes the effect of an id and returns a result.
func pays[R any](p *place, id string, result R) func(context.Context, *keys.Tx) (R, error) {
	return func(ctx context.Context, tx *keys.Tx) (R, error) { return result, p.effect(ctx, tx, id) }
}

// fails returns an fn that writes the effect and returns an error.
func (p *place) fails(id string, err error) fn {
	return func(ctx context.Context, tx *keys.Tx) (string, error) {
		return "ignored", errors.Join(p.effect(ctx, tx, id), err)
	}
}

// never is an fn that must not be called.
func (p *place) never(context.Context, *keys.Tx) (string, error) {
	p.Error("fn was called")
	return "", errors.New("fn was called")
}

// wantEffects expects that the effect of an id is stored n times.
func (p *place) wantEffects(id string, n int) {
	p.Helper()
	if got := get[int](p, "SELECT COUNT(*) FROM effects WHERE id = '"+p.prefix+id+"'"); got != n {
		p.Errorf("the effect of %q is stored %d times, want %d", id, got, n)
	}
}

// wantPaid expects that a call with a new key writes its effect and returns its result.
func (p *place) wantPaid(s *keys.Store, id string, opts ...keys.ClaimOption) {
	p.Helper()
	r, replayed, err := keys.Run(p.ctx, s, p.key(id), none(), pays(p, id, "paid "+id), opts...)
	if err != nil || replayed || r != "paid "+id {
		p.Errorf("Run of the new key %s = %q, replayed %v, %v; want fn to run", p.key(id), r, replayed, err)
	}
	p.wantEffects(id, 1)
}

// wantReplayed expects that the key is stored with the result of wantPaid.
func (p *place) wantReplayed(s *keys.Store, id string, opts ...keys.ClaimOption) {
	p.Helper()
	r, replayed, err := keys.Run(p.ctx, s, p.key(id), none(), p.never, opts...)
	if err != nil || !replayed || r != "paid "+id {
		p.Errorf("Run of the stored key %s = %q, replayed %v, %v; want its result replayed", p.key(id), r, replayed, err)
	}
	p.wantEffects(id, 1)
}

// wantNoTrace expects that the key is not stored and has no effect.
func (p *place) wantNoTrace(id string) {
	p.Helper()
	p.wantEffects(id, 0)
	if info, err := p.store.Inspect(p.ctx, p.key(id)); !errors.Is(err, keys.ErrNotFound) {
		p.Errorf("Inspect of %s = %+v, %v; want ErrNotFound", p.key(id), info, err)
	}
}

func (p *place) inspect(k keys.Key) *keys.Info {
	p.Helper()
	info, err := p.store.Inspect(p.ctx, k)
	if err != nil {
		p.Fatal(err)
	}
	return info
}

// wantText expects an error of package keys that contains a text.
func wantText(p *place, what string, err error, text string) {
	p.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), "keys: ") || !strings.Contains(err.Error(), text) {
		p.Errorf("%s: error %v; want an error of package keys that contains %q", what, err, text)
	}
}

// wantIs expects an error that matches target.
func wantIs(p *place, what string, err, target error) {
	p.Helper()
	if !errors.Is(err, target) {
		p.Errorf("%s: error %v; want an error that is %q", what, err, target)
	}
}

// as returns the error of type E in err's chain. It fails the test if there is no such error.
func as[E error](p *place, what string, err error) (e E) {
	p.Helper()
	if !errors.As(err, &e) {
		p.Errorf("%s: error %v (%T); want a %T", what, err, err, e)
	}
	return e
}

// wantAs expects an error of type E.
func wantAs[E error](p *place, what string, err error) {
	p.Helper()
	_ = as[E](p, what, err)
}
