package keysuite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

func onceBehaviours() []behaviour {
	return []behaviour{
		{"leaves nothing where the caller rolls back", onceRolledBack},
		{"is replayed where the caller commits", onceCommitted},
		{"lets the transaction go on after an error", onceGoesOn},
		{"lets the transaction go on after a mismatch", onceMismatch},
		{"is a conflict where the snapshot is older than the winner", onceOldSnapshot},
		{"refuses Isolation", onceIsolation},
		{"claims many keys in one transaction", onceMany},
	}
}

func onceRolledBack(p *place) {
	tx := p.begin(nil)
	r, replayed, err := keys.Once(p.ctx, p.store, tx, p.key("a"), none(), pays(p, "a", "paid a"))
	if err != nil || replayed || r != "paid a" {
		p.Errorf("Once = %q, replayed %v, %v", r, replayed, err)
	}
	if err := tx.Rollback(); err != nil {
		p.Fatal(err)
	}
	p.wantNoTrace("a")
	p.wantPaid(p.store, "a") // the store's memory of the key is only a hint
}

func onceCommitted(p *place) {
	tx := p.begin(nil)
	if _, _, err := keys.Once(p.ctx, p.store, tx, p.key("a"), none(), pays(p, "a", "paid a")); err != nil {
		p.Fatal(err)
	}
	p.wantNoTrace("a") // other connections do not see the key before the commit
	p.commit(tx)
	p.wantReplayed(p.store, "a")
	p.wantReplayed(p.open(), "a")
	tx = p.begin(nil)
	r, replayed, err := keys.Once(p.ctx, p.store, tx, p.key("a"), none(), p.never)
	if err != nil || !replayed || r != "paid a" {
		p.Errorf("Once = %q, replayed %v, %v; want the stored result", r, replayed, err)
	}
	p.commit(tx)
}

func onceGoesOn(p *place) {
	tx := p.begin(nil)
	if err := p.effect(p.ctx, tx, "before"); err != nil {
		p.Fatal(err)
	}
	_, _, err := keys.Once(p.ctx, p.store, tx, p.key("a"), none(), p.fails("a", asIs{1}))
	wantIs(p, "Once", err, asIs{1})
	_, _, err = keys.Once(p.ctx, p.store, tx, p.key("b"), none(), pays(p, "b", "paid b"))
	if err != nil {
		p.Error(err)
	}
	if err := p.effect(p.ctx, tx, "after"); err != nil {
		p.Fatal(err)
	}
	p.commit(tx)
	p.wantNoTrace("a")
	for _, id := range []string{"before", "b", "after"} {
		p.wantEffects(id, 1)
	}
	p.wantReplayed(p.open(), "b")
}

func onceMismatch(p *place) {
	if _, _, err := keys.Run(p.ctx, p.store, p.key("a"), p.fingerprint(1), pays(p, "a", "paid a")); err != nil {
		p.Fatal(err)
	}
	tx := p.begin(nil)
	_, _, err := keys.Once(p.ctx, p.store, tx, p.key("a"), p.fingerprint(2), p.never)
	wantIs(p, "Once", err, keys.ErrMismatch)
	if err := p.effect(p.ctx, tx, "after"); err != nil {
		p.Fatal(err)
	}
	p.commit(tx)
	p.wantEffects("after", 1)
	p.wantReplayed(p.store, "a")
}

// onceOldSnapshot claims a key in a transaction whose snapshot is older than the winner's commit. Databases differ in whether
// that transaction sees the winner. In no case may there be a second effect or half a transaction.
func onceOldSnapshot(p *place) {
	for _, level := range p.levels()[1:] {
		p.on(level.String(), func(p *place) {
			p.prefix = level.String() + "/"
			oldSnapshot(p, level)
		})
	}
}

func oldSnapshot(p *place, level sql.IsolationLevel) {
	tx := p.begin(p.at(level))
	var n int
	if err := tx.GetContext(p.ctx, &n, "SELECT COUNT(*) FROM effects"); err != nil {
		p.Fatal(err)
	}
	// The winner writes no effect, because on InnoDB it would wait for the shared locks of the first transaction's reads at
	// SERIALIZABLE.
	if _, _, err := keys.Run(p.ctx, p.store, p.key("a"), none(), func(context.Context, *keys.Tx) (string, error) { return "paid a", nil }); err != nil {
		p.Fatal(err)
	}
	r, replayed, err := keys.Once(p.ctx, p.store, tx, p.key("a"), none(), p.never)
	if err == nil {
		if r != "paid a" || !replayed {
			p.Errorf("Once = %q, replayed %v; want the winner's result", r, replayed)
		}
		p.commit(tx)
		return
	}
	wantConflict(p, tx, p.key("a"), err)
	if level == sql.LevelReadCommitted && !p.sqlite() {
		p.Errorf("a conflict at READ COMMITTED: %v", err)
	}
}

// wantConflict expects an error that asks the caller to repeat the whole transaction. It also expects that the transaction is
// rolled back.
func wantConflict(p *place, tx *sqlx.Tx, k keys.Key, err error) {
	p.Helper()
	if conflict := as[*keys.ConflictError](p, "the call", err); conflict == nil || conflict.Key != k {
		p.Errorf("the conflict is %+v, want a conflict on %v", conflict, k)
	}
	if c := dialect.Classify(err); c != dialect.Retryable {
		p.Errorf("%v is %v, want Retryable", err, c)
	}
	if err := tx.Commit(); !errors.Is(err, sql.ErrTxDone) {
		p.Errorf("Commit after a conflict: %v; want the transaction to be rolled back", err)
	}
}

func onceIsolation(p *place) {
	tx := p.begin(nil)
	_, _, err := keys.Once(p.ctx, p.store, tx, p.key("a"), none(), p.never, keys.Isolation(sql.LevelSerializable))
	wantText(p, "Once", err, "Isolation applies to Run only")
}

func onceMany(p *place) {
	ids := []string{"c", "a", "b", "d"}
	tx := p.begin(nil)
	for _, id := range ids {
		if _, _, err := keys.Once(p.ctx, p.store, tx, p.key(id), none(), pays(p, id, "paid "+id)); err != nil {
			p.Fatal(err)
		}
	}
	p.commit(tx)
	for _, id := range ids {
		p.wantReplayed(p.store, id)
	}
}
