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

// caller claims a key by Run, or by Once in a transaction that it commits whatever Once has returned.
type caller func(s *keys.Store, k keys.Key, fp keys.Fingerprint, f fn, opts ...keys.ClaimOption) (string, bool, error)

// each runs f with Run and with Once, on keys of their own.
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
		if cerr := tx.Commit(); cerr != nil { // also where f has panicked
			p.Errorf("the transaction cannot be committed after Once returned %v: %v", err, cerr)
		}
	}()
	return keys.Once(p.ctx, s, tx, k, fp, f, opts...)
}

// none is no fingerprint.
func none() keys.Fingerprint { return keys.Fingerprint{} }

func (p *place) key(id string) keys.Key { return keys.Key{Scope: "me", Op: "pay", ID: p.prefix + id} }

// effect writes the effect of an id.
func (p *place) effect(ctx context.Context, tx sqlx.ExecerContext, id string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO effects (id) VALUES ('"+p.prefix+id+"')")
	return err
}

// pays is an fn that has the effect of an id and returns a result.
func pays[R any](p *place, id string, result R) func(context.Context, *keys.Tx) (R, error) {
	return func(ctx context.Context, tx *keys.Tx) (R, error) { return result, p.effect(ctx, tx, id) }
}

// fails is one that has the effect and ends in an error.
func (p *place) fails(id string, err error) fn {
	return func(ctx context.Context, tx *keys.Tx) (string, error) {
		return "ignored", errors.Join(p.effect(ctx, tx, id), err)
	}
}

// never is one that must not be called.
func (p *place) never(context.Context, *keys.Tx) (string, error) {
	p.Error("fn was called")
	return "", errors.New("fn was called")
}

// wantEffects wants an id's effect to be there n times.
func (p *place) wantEffects(id string, n int) {
	p.Helper()
	if got := get[int](p, "SELECT COUNT(*) FROM effects WHERE id = '"+p.prefix+id+"'"); got != n {
		p.Errorf("the effect of %q is there %d times, want %d", id, got, n)
	}
}

// wantPaid wants the call of a new key to have its effect and to return its result.
func (p *place) wantPaid(s *keys.Store, id string, opts ...keys.ClaimOption) {
	p.Helper()
	r, replayed, err := keys.Run(p.ctx, s, p.key(id), none(), pays(p, id, "paid "+id), opts...)
	if err != nil || replayed || r != "paid "+id {
		p.Errorf("Run of the new key %s = %q, replayed %v, %v; want it to run", p.key(id), r, replayed, err)
	}
	p.wantEffects(id, 1)
}

// wantReplayed wants the key to be stored with the result of wantPaid.
func (p *place) wantReplayed(s *keys.Store, id string, opts ...keys.ClaimOption) {
	p.Helper()
	r, replayed, err := keys.Run(p.ctx, s, p.key(id), none(), p.never, opts...)
	if err != nil || !replayed || r != "paid "+id {
		p.Errorf("Run of the stored key %s = %q, replayed %v, %v; want its result replayed", p.key(id), r, replayed, err)
	}
	p.wantEffects(id, 1)
}

// wantNoTrace wants nothing to be known of the key, and no effect.
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

// wantText wants an error of the package's with a text in it.
func wantText(p *place, what string, err error, text string) {
	p.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), "keys: ") || !strings.Contains(err.Error(), text) {
		p.Errorf("%s: error %v; want one of keys' that has %q", what, err, text)
	}
}

// wantIs wants an error that is target.
func wantIs(p *place, what string, err, target error) {
	p.Helper()
	if !errors.Is(err, target) {
		p.Errorf("%s: error %v; want one that is %q", what, err, target)
	}
}

// as returns the error of a type that err is or wraps, and wants it to be there.
func as[E error](p *place, what string, err error) (e E) {
	p.Helper()
	if !errors.As(err, &e) {
		p.Errorf("%s: error %v (%T); want a %T", what, err, err, e)
	}
	return e
}

// wantAs wants an error of a type.
func wantAs[E error](p *place, what string, err error) {
	p.Helper()
	_ = as[E](p, what, err)
}
