package keysuite

import (
	"context"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

func txBehaviours() []behaviour {
	return []behaviour{
		{"refuses Commit and Rollback", endingRefused},
		{"is a claim until fn returns", claimEnds},
		{"makes a column of rule add legal", adds},
		{"is sqlx's in everything else", sqlxTx},
	}
}

func endingRefused(p *place) {
	p.each(func(p *place) {
		r, _, err := p.call(p.store, p.key("a"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
			wantText(p, "Commit", tx.Commit(), "must not commit")
			if err := p.effect(ctx, tx, "a"); err != nil {
				p.Error(err)
			}
			wantText(p, "Rollback", tx.Rollback(), "must not roll back")
			return "paid a", p.effect(ctx, tx, "b")
		})
		if err != nil || r != "paid a" {
			p.Errorf("%s = %q, %v", p.verb, r, err)
		}
		p.wantEffects("a", 1)
		p.wantEffects("b", 1)
	})
}

func claimEnds(p *place) {
	p.each(func(p *place) {
		for id, end := range map[string]error{"done": nil, "failed": asIs{1}, "final": keys.Final(asIs{2})} {
			var kept *keys.Tx
			_, _, _ = p.call(p.store, p.key(id), none(), func(_ context.Context, tx *keys.Tx) (string, error) {
				kept = tx
				if err := tx.UpsertClaim(); err != nil {
					p.Errorf("UpsertClaim in fn: %v", err)
				}
				if tx.Key() != p.key(id) || tx.Attempt() != 1 {
					p.Errorf("key %v, attempt %d; want %v, 1", tx.Key(), tx.Attempt(), p.key(id))
				}
				return "", end
			})
			wantText(p, "UpsertClaim after fn", kept.UpsertClaim(), "for fn only")
		}
	})
}

type balance struct {
	ID int64 `db:"id" upsert:"key"`
	N  int64 `db:"n" upsert:"add"`
}

func adds(p *place) {
	p.exec("CREATE TABLE balances (id " + p.pick("INTEGER", "bigint", "BIGINT") + " NOT NULL PRIMARY KEY, n " + p.pick("INTEGER", "bigint", "BIGINT") + ")")
	tx := p.begin(nil)
	d, err := dialect.Detect(p.ctx, tx)
	if err != nil {
		p.Fatal(err)
	}
	_ = tx.Rollback()
	tab, err := upsert.New[balance](d, "balances")
	if err != nil {
		p.Fatal(err)
	}
	calls := 0
	p.each(func(p *place) {
		for range 3 {
			var kept *keys.Tx
			_, replayed, err := p.call(p.store, p.key("a"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
				kept = tx
				_, err := tab.Put(ctx, tx, &balance{1, 5})
				return "", err
			})
			if err != nil {
				p.Fatal(err)
			}
			if replayed {
				continue
			}
			calls++
			_, err = tab.Put(p.ctx, kept, &balance{1, 5})
			wantIs(p, "Put after fn", err, upsert.ErrUnguarded)
			tx := p.begin(nil)
			_, err = tab.Put(p.ctx, tx, &balance{1, 5})
			wantIs(p, "Put in a transaction without a claim", err, upsert.ErrUnguarded)
			_ = tx.Rollback()
		}
	})
	if n := get[int](p, "SELECT n FROM balances"); n != 10 || calls != 2 {
		p.Errorf("the balance is %d after %d calls of fn; want 10 after 2", n, calls)
	}
}

func sqlxTx(p *place) {
	p.each(func(p *place) {
		n, err := 0, error(nil)
		_, _, err = p.call(p.store, p.key("a"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
			if _, err := sqlx.NamedExecContext(ctx, tx, "INSERT INTO effects (id) VALUES (:id)", map[string]any{"id": "named"}); err != nil {
				p.Error(err)
			}
			return "", tx.GetContext(ctx, &n, tx.Rebind("SELECT COUNT(*) FROM effects WHERE id = ?"), "named")
		})
		if err != nil || n == 0 {
			p.Errorf("%d rows, %v", n, err)
		}
	})
}
