package keysuite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/keys"
)

func beginBehaviours() []behaviour {
	return []behaviour{
		{"calls the hook first in each attempt", hookFirst},
		{"rolls back if the hook fails", hookFails},
		{"begins as often as is allowed", attemptsBounded},
		{"gives the hook a transaction that it cannot keep", hookKeepsNothing},
		{"refuses options that make no sense", beginOptions},
	}
}

// hookFirst writes in the hook. The write must be in the transaction of fn, and be rolled back with each attempt that fails.
func hookFirst(p *place) {
	var calls []string
	hook := keys.OnBegin(func(ctx context.Context, tx upsert.DB) error {
		calls = append(calls, "hook")
		_, err := tx.ExecContext(ctx, "INSERT INTO effects (id) VALUES ('hook')")
		return errors.Join(err, queryWith(ctx, tx, "SELECT id FROM effects"))
	})
	r, _, err := keys.Run(p.ctx, p.store, p.key("a"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
		calls = append(calls, "fn")
		var n int
		if err := tx.GetContext(ctx, &n, "SELECT COUNT(*) FROM effects WHERE id = 'hook'"); err != nil || n != 1 {
			p.Errorf("fn sees %d rows of the hook, %v; want 1", n, err)
		}
		if tx.Attempt() < 3 {
			return "", fmt.Errorf("not yet: %w", p.conflicts(ctx, tx))
		}
		return "paid a", p.effect(ctx, tx, "a")
	}, hook)
	if err != nil || r != "paid a" || strings.Join(calls, " ") != "hook fn hook fn hook fn" {
		p.Errorf("Run = %q, %v after the calls %q", r, err, calls)
	}
	p.wantEffects("hook", 1)
	p.wantReplayed(p.store, "a", hook)
	p.wantEffects("hook", 1)
	_, _, err = keys.Run(p.ctx, p.store, p.key("b"), none(), p.fails("b", keys.Final(asIs{1})), hook)
	wantAs[*keys.FinalError](p, "Run", err)
	p.wantEffects("hook", 2) // the transaction that records the error has begun too
}

func hookFails(p *place) {
	hook := func(ctx context.Context, tx upsert.DB) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO effects (id) VALUES ('a')")
		return errors.Join(asIs{1}, err)
	}
	_, _, err := keys.Run(p.ctx, p.store, p.key("a"), none(), p.never, keys.OnBegin(hook))
	wantIs(p, "a failing hook", err, asIs{1})
	wantText(p, "a failing hook", err, "keys: me/pay/a: OnBegin: as is")
	p.wantNoTrace("a")
	func() {
		defer func() {
			if r := recover(); r != "hook" {
				p.Errorf("recovered %v, want the hook's panic", r)
			}
		}()
		_, _, _ = keys.Run(p.ctx, p.store, p.key("a"), none(), p.never, keys.OnBegin(func(ctx context.Context, tx upsert.DB) error {
			if _, err := tx.ExecContext(ctx, "INSERT INTO effects (id) VALUES ('a')"); err != nil {
				p.Error(err)
			}
			panic("hook")
		}))
	}()
	p.wantNoTrace("a")
	_, _, err = keys.Run(p.ctx, p.store, p.key("a"), none(), p.never, keys.OnBegin(func(ctx context.Context, tx upsert.DB) error {
		return queryWith(ctx, tx, "SELECT nothing FROM nowhere")
	}))
	wantText(p, "a wrong statement", err, "OnBegin: ")
	p.wantPaid(p.store, "a")
}

func attemptsBounded(p *place) {
	for _, most := range []int{1, 3} {
		calls := 0
		_, _, err := keys.Run(p.ctx, p.store, p.key("a"), none(), func(ctx context.Context, tx *keys.Tx) (string, error) {
			calls++
			return "", errors.Join(p.effect(ctx, tx, "a"), p.conflicts(ctx, tx))
		}, keys.Attempts(most))
		if calls != most || dialect.Classify(err) == dialect.Permanent {
			p.Errorf("%d calls of fn with Attempts(%d), %v; want the database's error", calls, most, err)
		}
		p.wantNoTrace("a")
	}
	for range 2 { // the transaction that records the error does not count
		_, _, err := keys.Run(p.ctx, p.store, p.key("final"), none(), p.fails("final", keys.Final(asIs{1})), keys.Attempts(1))
		wantAs[*keys.FinalError](p, "Run", err)
	}
	p.wantPaid(p.store, "a", keys.Attempts(1))
	p.wantReplayed(p.open(), "a", keys.Attempts(1))
}

func hookKeepsNothing(p *place) {
	var kept upsert.DB
	accounts, err := upsert.New[balance](dialect.Postgres, "balances") // the table is not asked
	if err != nil {
		p.Fatal(err)
	}
	_, _, err = keys.Run(p.ctx, p.store, p.key("a"), none(), pays(p, "a", ""), keys.OnBegin(func(ctx context.Context, tx upsert.DB) error {
		kept = tx
		_, err := accounts.Put(ctx, tx, &balance{ID: 1, N: 1})
		wantIs(p, "an adding write in the hook", err, upsert.ErrUnguarded)
		wantTx(p, "the hook", ctx, nil)
		_, err = p.store.Fail(ctx, "c", "m", nil)
		wantText(p, "Fail in the hook", err, "inside the fn of me/pay/a")
		return nil
	}))
	if err != nil || kept == nil {
		p.Fatalf("Run: %v; the hook was given %v", err, kept)
	}
	_, err = kept.ExecContext(p.ctx, "SELECT 1")
	wantText(p, "a statement after the hook", err, "for the function only")
	wantText(p, "a query after the hook", queryWith(p.ctx, kept, "SELECT 1"), "for the function only")
}

func beginOptions(p *place) {
	nothing := keys.OnBegin(func(context.Context, upsert.DB) error { return nil })
	_, _, err := p.once(p.store, p.key("a"), none(), p.never, nothing)
	wantText(p, "OnBegin for Once", err, "OnBegin applies to Run only")
	_, _, err = p.once(p.store, p.key("a"), none(), p.never, keys.Attempts(2))
	wantText(p, "Attempts for Once", err, "Attempts applies to Run only")
	_, _, err = p.run(p.store, p.key("a"), none(), p.never, keys.Attempts(0))
	wantText(p, "Attempts(0)", err, "the minimum is 1")
	_, _, err = p.run(p.store, p.key("a"), none(), p.never, keys.OnBegin(nil))
	wantText(p, "OnBegin(nil)", err, "the function is nil")
}

// queryWith sends a query, ignores its rows, and returns its error.
func queryWith(ctx context.Context, db upsert.DB, query string) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	return rows.Err()
}
