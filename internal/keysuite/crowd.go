package keysuite

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/keys"
)

const callers = 64

func crowdBehaviours() []behaviour {
	return []behaviour{
		{"of callers of Run: one execution", func(p *place) {
			store := p.processes(callers / 4)
			everyLevel(p, func(p *place, level sql.IsolationLevel) {
				crowd(p, func() (string, bool, error) {
					return keys.Run(p.ctx, store(), p.key("a"), none(), pays(p, "a", "paid a"), keys.Isolation(level))
				})
			})
		}},
		{"of callers of Once: one execution", func(p *place) {
			everyLevel(p, func(p *place, level sql.IsolationLevel) {
				crowd(p, func() (string, bool, error) { return p.onceAgain(level, "a") })
			})
		}},
		{"of callers with keys of their own: all execute", ownKeys},
	}
}

func everyLevel(p *place, f func(*place, sql.IsolationLevel)) {
	p.db.SetMaxIdleConns(callers)
	for _, level := range p.levels() {
		p.on(level.String(), func(p *place) {
			p.prefix = level.String() + "/"
			f(p, level)
		})
	}
}

// crowd expects that one of the calls writes the effect and that all other calls get its result.
func crowd(p *place, call func() (string, bool, error)) {
	p.Helper()
	var all sync.WaitGroup
	var mu sync.Mutex
	ran, replays := 0, 0
	for range callers {
		all.Go(func() {
			r, replayed, err := call()
			if err != nil || r != "paid a" {
				p.Errorf("%q, %v; want the result", r, err)
			}
			mu.Lock()
			defer mu.Unlock()
			if replayed {
				replays++
			} else {
				ran++
			}
		})
	}
	all.Wait()
	if ran != 1 || replays != callers-1 {
		p.Errorf("%d ran and %d were replayed, want 1 and %d", ran, replays, callers-1)
	}
	p.wantEffects("a", 1)
}

// onceTries is the maximum number of attempts of a caller of Once.
const onceTries = 200

// onceAgain is a caller of Once that repeats its transaction if the error says so.
func (p *place) onceAgain(level sql.IsolationLevel, id string) (r string, replayed bool, err error) {
	for range onceTries {
		r, replayed, err = p.onceOnce(level, id)
		if c := dialect.Classify(err); c != dialect.Retryable {
			return r, replayed, err
		}
	}
	return r, replayed, err
}

func (p *place) onceOnce(level sql.IsolationLevel, id string) (r string, replayed bool, err error) {
	tx, err := p.db.BeginTxx(p.ctx, p.at(level))
	if err != nil {
		return "", false, err
	}
	defer func() { _ = tx.Rollback() }()
	ours := true
	r, replayed, err = keys.Once(p.ctx, p.store, tx, p.key(id), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
		if err := p.effect(ctx, tx, id); err != nil {
			ours = false
			return "", err
		}
		return "paid " + id, nil
	})
	var conflict *keys.ConflictError
	switch {
	case err == nil:
		return r, replayed, tx.Commit()
	case ours && dialect.Classify(err) == dialect.Retryable && !errors.As(err, &conflict):
		p.Errorf("Once: %v (%T), want a *ConflictError", err, err)
	}
	return r, replayed, err
}

func ownKeys(p *place) {
	p.db.SetMaxIdleConns(callers)
	var all sync.WaitGroup
	for i := range callers {
		id := string(rune('0' + i))
		all.Go(func() {
			r, replayed, err := keys.Run(p.ctx, p.store, p.key(id), none(), pays(p, "own", "paid"))
			if err != nil || replayed || r != "paid" {
				p.Errorf("%s: %q, replayed %v, %v; want fn to run", id, r, replayed, err)
			}
		})
	}
	all.Wait()
	p.wantEffects("own", callers)
}
