package keysuite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/keys"
)

func consumerBehaviours() []behaviour {
	return []behaviour{
		{"with overlapping batches hand each message out once", consumersOverlap},
		{"with overlapping batches do not deadlock", consumersInOrder},
		{"with an old snapshot meet what was handled since", consumerOldSnapshot},
		{"wait for a message that another one handles", consumerWaits},
	}
}

const (
	consumers = 16
	messages  = 120
	batches   = 4
	batchSize = 40
)

func consumersOverlap(p *place) {
	p.db.SetMaxIdleConns(consumers)
	for _, level := range []sql.IsolationLevel{sql.LevelDefault, sql.LevelReadCommitted, sql.LevelSerializable} {
		p.on(level.String(), func(p *place) {
			p.prefix = level.String() + "/"
			var all sync.WaitGroup
			for c := range consumers {
				all.Go(func() { consume(p, level, rand.New(rand.NewPCG(uint64(c), 3)), onceTries) })
			}
			all.Wait()
			wantEachOnce(p)
		})
	}
}

// consumersInOrder uses the level READ COMMITTED. At this level, only a deadlock makes a consumer begin again.
func consumersInOrder(p *place) {
	p.prefix = "c"
	p.db.SetMaxIdleConns(consumers)
	var all sync.WaitGroup
	for c := range consumers {
		all.Go(func() { consume(p, sql.LevelReadCommitted, rand.New(rand.NewPCG(uint64(c), 4)), 0) })
	}
	all.Wait()
	wantEachOnce(p)
}

// wantEachOnce expects one effect of every message. The chance that a message is in no batch is negligible.
func wantEachOnce(p *place) {
	p.Helper()
	like := "id LIKE '" + p.prefix + "%'"
	if n := get[int](p, "SELECT COUNT(*) FROM (SELECT id FROM effects WHERE "+like+" GROUP BY id HAVING COUNT(*) <> 1) AS twice"); n != 0 {
		p.Errorf("%d messages have more than one effect", n)
	}
	if n := get[int](p, "SELECT COUNT(*) FROM effects WHERE "+like); n != messages {
		p.Errorf("%d effects, want %d", n, messages)
	}
}

func consume(p *place, level sql.IsolationLevel, random *rand.Rand, mostTries int) {
	for range batches {
		order := random.Perm(messages)[:batchSize]
		for tries := 0; ; tries++ {
			err := handle(p, level, order)
			if err == nil {
				break
			}
			if c := dialect.Classify(err); c != dialect.Retryable && !inProgress(err) || tries == mostTries {
				p.Errorf("after %d tries: %v (%v)", tries, err, c)
				return
			}
		}
	}
}

func inProgress(err error) bool {
	var busy *keys.InProgressError
	return errors.As(err, &busy)
}

// handle processes one batch in one transaction.
func handle(p *place, level sql.IsolationLevel, order []int) error {
	tx, err := p.db.BeginTxx(p.ctx, p.at(level))
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	fresh, err := keys.Filter(p.ctx, p.store, tx, p.prefix, order, func(n int) string { return fmt.Sprint(n) })
	if err != nil {
		var conflict *keys.ConflictError
		if dialect.Classify(err) == dialect.Retryable && !errors.As(err, &conflict) {
			p.Errorf("Filter: %v (%T), want a *ConflictError", err, err)
		}
		return err
	}
	for _, n := range fresh {
		if err := p.effect(p.ctx, tx, fmt.Sprint(n)); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func consumerOldSnapshot(p *place) {
	for _, level := range p.levels()[1:] {
		p.on(level.String(), func(p *place) {
			consumer := level.String()
			tx := p.begin(p.at(level))
			var n int
			if err := tx.GetContext(p.ctx, &n, "SELECT COUNT(*) FROM effects"); err != nil {
				p.Fatal(err)
			}
			if _, err := p.filter(p.store, consumer, "a"); err != nil {
				p.Fatal(err)
			}
			fresh, err := keys.Filter(p.ctx, p.store, tx, consumer, []string{"a", "b"}, same)
			if err != nil {
				wantConflict(p, tx, keys.Key{}, err)
				return
			}
			wantList(p, "fresh", fresh, err, "b")
			p.commit(tx)
		})
	}
}

func consumerWaits(p *place) {
	w := p.watch()
	for _, commits := range []bool{true, false} {
		consumer := fmt.Sprint(commits)
		tx := p.begin(nil)
		fresh, err := keys.Filter(p.ctx, p.store, tx, consumer, []string{"a", "b"}, same)
		wantList(p, "the first", fresh, err, "a", "b")
		type answer struct {
			fresh []string
			err   error
		}
		done := make(chan answer, 1)
		go func() {
			var a answer
			_, _, a.err = keys.Run(p.ctx, p.store, p.key(consumer), none(), func(ctx context.Context, tx *keys.Tx) (_ string, err error) {
				a.fresh, err = keys.Filter(ctx, p.store, tx, consumer, []string{"c", "b", "a"}, same)
				return "", err
			})
			done <- a
		}()
		w.until(1)
		if commits {
			p.commit(tx)
		} else if err := tx.Rollback(); err != nil {
			p.Error(err)
		}
		a := <-done
		if commits {
			wantList(p, "the second after a commit", a.fresh, a.err, "c")
		} else {
			wantList(p, "the second after a rollback", a.fresh, a.err, "c", "b", "a")
		}
	}
}
