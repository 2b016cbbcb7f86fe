package keysuite

import (
	"database/sql"
	"sync"
	"sync/atomic"

	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

func waitingBehaviours() []behaviour {
	return []behaviour{
		{"ends in the winner's result when it commits", func(p *place) {
			everyWait(p, func(p *place, w *watcher, call func() (string, bool, error)) { winnerCommits(p, w, call) })
		}},
		{"lets exactly one go on when the winner rolls back", func(p *place) {
			everyWait(p, func(p *place, w *watcher, call func() (string, bool, error)) { winnerRollsBack(p, w, call) })
		}},
		{"is for the same key only", otherKeys},
	}
}

// waiters is small, so that every waiter and the winner have a connection of their own behind a pooler.
const waiters = 3

// everyWait runs f at every level, with Run and with Once.
func everyWait(p *place, f func(p *place, w *watcher, call func() (string, bool, error))) {
	p.db.SetMaxIdleConns(waiters + 1)
	w, store := p.watch(), p.processes(waiters)
	for _, level := range p.levels() {
		p.on(level.String(), func(p *place) {
			w := *w
			w.p = p
			p.prefix = "Run " + level.String() + "/"
			f(p, &w, func() (string, bool, error) {
				return keys.Run(p.ctx, store(), p.key("a"), none(), pays(p, "a", "waited"), keys.Isolation(level))
			})
			p.prefix = "Once " + level.String() + "/"
			f(p, &w, func() (string, bool, error) { return p.onceAgain(level, "a") })
		})
	}
}

// holds claims the key in a transaction and returns the open transaction.
func (p *place) holds(id string) *sqlx.Tx {
	p.Helper()
	tx := p.begin(nil)
	if _, _, err := keys.Once(p.ctx, p.store, tx, p.key(id), none(), pays(p, id, "paid "+id)); err != nil {
		p.Fatal(err)
	}
	return tx
}

func winnerCommits(p *place, w *watcher, call func() (string, bool, error)) {
	tx := p.holds("a")
	var all sync.WaitGroup
	for range waiters {
		all.Go(func() {
			r, replayed, err := call()
			if err != nil || !replayed || r != "paid a" {
				p.Errorf("%q, replayed %v, %v; want the winner's result", r, replayed, err)
			}
		})
	}
	w.until(waiters)
	p.commit(tx)
	all.Wait()
	p.wantEffects("a", 1)
}

func winnerRollsBack(p *place, w *watcher, call func() (string, bool, error)) {
	tx := p.holds("a")
	var all sync.WaitGroup
	var ran, replays atomic.Int64
	for range waiters {
		all.Go(func() {
			_, replayed, err := call()
			switch {
			case err != nil:
				p.Errorf("%v, want no error", err)
			case replayed:
				replays.Add(1)
			default:
				ran.Add(1)
			}
		})
	}
	w.until(waiters)
	if err := tx.Rollback(); err != nil {
		p.Error(err)
	}
	all.Wait()
	if ran.Load() != 1 || replays.Load() != waiters-1 {
		p.Errorf("%d ran and %d were replayed, want 1 and %d", ran.Load(), replays.Load(), waiters-1)
	}
	p.wantEffects("a", 1)
}

// otherKeys checks that a claim in progress does not block other keys, if the database allows more than one writer.
func otherKeys(p *place) {
	if p.sqlite() {
		p.wantPaid(p.store, "z")
		return
	}
	for _, level := range []sql.IsolationLevel{sql.LevelReadCommitted, sql.LevelRepeatableRead} {
		p.prefix = level.String() + "/"
		tx := p.begin(p.at(level))
		if _, _, err := keys.Once(p.ctx, p.store, tx, p.key("held"), none(), pays(p, "held", "")); err != nil {
			p.Fatal(err)
		}
		for _, id := range []string{"a", "hele", "hel", "z"} {
			r, _, err := keys.Run(p.ctx, p.store, p.key(id), none(), pays(p, id, "paid"), keys.Isolation(level))
			if err != nil || r != "paid" {
				p.Errorf("%s: %q, %v", id, r, err)
			}
		}
		p.commit(tx)
	}
}
