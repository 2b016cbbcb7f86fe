package keys_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goupsert/upsert/keys"
)

func (mv *txMove) play(p *player) {
	opts := &sql.TxOptions{Isolation: playLevel(mv.level)}
	if p.db.DriverName() == "sqlite3" {
		opts = nil
	}
	tx, err := p.db.BeginTxx(p.Context(), opts)
	if err != nil {
		p.Fatal(err)
	}
	var handle playTx = tx
	if mv.plain {
		handle = tx.Tx
	}
	for _, inside := range mv.inside {
		inside.playInside(p, handle)
	}
	finish := tx.Rollback
	if mv.commit {
		finish = tx.Commit
	}
	if err := finish(); err != nil {
		p.Fatal(err)
	}
}

// fresh runs the effects of the messages that Filter returned.
func (mv *filterMove) fresh(p *player, tx playTx, fresh []int) {
	var ids []string
	for _, m := range fresh {
		ids = append(ids, messageID(m))
		p.effect(tx, mv.effect(m))
	}
	p.say("%s fresh %q", mv.id, ids)
}

func (mv *filterMove) playInside(p *player, tx playTx) {
	fresh, err := keys.Filter(p.Context(), p.store(), tx, "consumer", mv.batch, messageID)
	if err != nil {
		p.Fatalf("Filter: %v", err)
	}
	mv.fresh(p, tx, fresh)
}

func (mv *consumeMove) play(p *player) {
	called := false
	err := keys.Consume(p.Context(), p.store(), "consumer", mv.filter.batch, messageID, func(_ context.Context, tx *keys.Tx, fresh []int) error {
		called = true
		mv.filter.fresh(p, tx, fresh)
		if mv.fails {
			return errPlayedFails
		}
		return nil
	})
	switch {
	case errors.Is(err, errPlayedFails):
		p.say("%s failed", mv.filter.id)
	case err != nil:
		p.Fatalf("Consume: %v", err)
	case !called:
		p.say("%s nothing", mv.filter.id)
	}
}

func (mv *failMove) play(p *player) {
	n, err := p.store().Fail(p.Context(), "consumer", messageID(mv.message), errors.New(mv.cause), keys.Payload([]byte(mv.cause)))
	var dead *keys.DeadError
	switch isDead := errors.As(err, &dead); {
	case err != nil && (!isDead || dead.Attempts != n):
		p.Fatalf("Fail: %d, %v", n, err)
	case n == 0:
		p.say("attempts 0")
	default:
		p.say("attempts %d dead %v", n, isDead)
	}
}

func (mv *deadMove) play(p *player) {
	list, err := p.store().Dead(p.Context(), "consumer", playMessages)
	if err != nil {
		p.Fatalf("Dead: %v", err)
	}
	var dead []string
	for _, m := range list {
		if string(m.Payload) != m.Error {
			p.Errorf("Dead: message %q has the payload %q; want the payload of its last attempt, %q", m.ID, m.Payload, m.Error)
		}
		dead = append(dead, fmt.Sprintf("%q %d %s", m.ID, m.Attempts, m.Error))
	}
	slices.Sort(dead)
	p.say("dead %q", dead)
}

func (mv *reviveMove) play(p *player) {
	var ids []string
	for _, m := range mv.messages {
		ids = append(ids, messageID(m))
	}
	n, err := p.store().Revive(p.Context(), "consumer", ids...)
	if err != nil {
		p.Fatalf("Revive: %v", err)
	}
	p.say("revived %d", n)
}

func (mv *ageMove) play(p *player) {
	which := "id LIKE 'm" + strings.TrimPrefix(mv.subject, "message ") + "%' AND op = ''"
	if n, isKey := strings.CutPrefix(mv.subject, "key "); isKey {
		which = "scope = 'scope " + n + "'"
	}
	p.exec(p.db, "UPDATE "+p.keys+" SET expires_at = '2001-02-03 00:00:00' WHERE state IN (2, 3) AND "+which)
}

func (mv *gcMove) play(p *player) {
	n, err := p.store().GC(p.Context(), keys.GCBatchSize(mv.batch))
	if err != nil {
		p.Fatalf("GC: %v", err)
	}
	p.say("removed %d", n)
}
