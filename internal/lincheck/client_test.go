package lincheck_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

// client is one caller.
type client struct {
	process process
	w       *world
	r       *rand.Rand
	id      int
	effects int // ids given
	op      int64
	events  []event
	tally   map[string]int
}

func newClient(w *world, id int, seed uint64) *client {
	return &client{process: w.processes[id%processes], w: w, r: rand.New(rand.NewPCG(seed, uint64(id))), id: id, tally: map[string]int{}}
}

func (c *client) run() {
	for {
		n, more := c.w.next()
		if !more || c.w.t.Failed() {
			return
		}
		c.op = n
		c.one(c.w.t.Context())
	}
}

// one is one operation.
func (c *client) one(ctx context.Context) {
	call := c.w.clock.Add(1)
	var events []event
	switch n := c.r.IntN(100); {
	case n < 45:
		events = c.claimByRun(ctx)
	case n < 62:
		events = c.claimsInTransaction(ctx)
	case n < 70:
		events = c.inspect(ctx)
	case n < 81:
		events = c.filter(ctx)
	case n < 91:
		events = c.fail(ctx)
	case n < 96:
		events = c.revive(ctx)
	default:
		events = c.inspectMessage(ctx)
	}
	ret := c.w.clock.Add(1)
	for _, e := range events {
		e.call, e.ret = call, ret
		if e.late {
			e.ret = math.MaxInt64
		}
		c.events = append(c.events, e)
	}
}

// subject draws one of few that all clients are at by now, and whether it is one that may be forgotten.
func (c *client) subject(kind string) (name string, short bool) {
	if short = c.r.IntN(10) < 3; short {
		return fmt.Sprintf("%s short %d", kind, c.op/400+c.r.Int64N(3)), true
	}
	return fmt.Sprintf("%s %d", kind, c.op/15+c.r.Int64N(4)), false
}

// newEffect is an id that no other effect has.
func (c *client) newEffect() string {
	c.effects++
	return fmt.Sprintf("%d.%d", c.id, c.effects)
}

func (c *client) hasEffect(ctx context.Context, tx sqlx.ExecerContext, id, subject string) error {
	_, err := tx.ExecContext(ctx, fmt.Sprintf("INSERT INTO effects (id, subject) VALUES ('%s', '%s')", id, subject))
	if err != nil && ctx.Err() != nil {
		return errors.Join(ctx.Err(), err) // lib/pq says something else of it
	}
	return err
}

// key names a subject.
func key(subject string) keys.Key { return keys.Key{Scope: "lincheck", Op: "effect", ID: subject} }

// fingerprint of a number: none of 0.
func fingerprint(n int) keys.Fingerprint {
	if n == 0 {
		return keys.Fingerprint{}
	}
	return keys.FingerprintBytes([]byte{byte(n)})
}

// conflicts is how often a caller runs its own transaction again.
const conflicts = 10

// inTransaction runs f in a transaction of the caller's, as often as a *keys.ConflictError asks for. It returns f's events as
// they are after the commit or rollback.
func (c *client) inTransaction(ctx context.Context, f func(*sqlx.Tx) ([]event, error)) []event {
	commit := c.r.IntN(10) < 7
	opts := &sql.TxOptions{Isolation: c.w.levels[c.r.IntN(len(c.w.levels))]}
	for range conflicts {
		events, err := c.tryTransaction(ctx, opts, commit, f)
		switch {
		case err == nil:
			return events
		case dialect.Classify(err) != dialect.Retryable:
			c.learnNothing(ctx, "transaction", err)
			return nil
		}
		c.tally["conflict"]++
	}
	c.tally["transaction"+gaveUp]++
	return nil
}

func (c *client) tryTransaction(ctx context.Context, opts *sql.TxOptions, commit bool, f func(*sqlx.Tx) ([]event, error)) ([]event, error) {
	tx, err := c.process.db.BeginTxx(ctx, opts)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	events, err := f(tx)
	if err != nil || !commit {
		return undo(events), err
	}
	err = tx.Commit()
	if dialect.Classify(err) == dialect.Ambiguous {
		return doubt(events), nil
	}
	return events, err
}

func undo(events []event) (undone []event) {
	for _, e := range events {
		undone = append(undone, e.undo())
	}
	return undone
}

// doubt is what is left of events whose commit was not answered.
func doubt(events []event) []event {
	for i := range events {
		events[i].unsure, events[i].late = events[i].finishes(), events[i].finishes()
	}
	return events
}

// gaveUp ends the name of a count of calls that were repeated as often as they may be.
const gaveUp = ": gave up"

// learnNothing takes an error that says nothing of what it was about, and complains of one that a caller should not see.
func (c *client) learnNothing(ctx context.Context, what string, err error) {
	var busy *keys.InProgressError
	switch class := dialect.Classify(err); {
	case errors.As(err, &busy):
		c.tally[what+": in progress"]++
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		c.tally[what+": cancelled"]++
	case class == dialect.Retryable, class == dialect.LockTimeout:
		c.tally[what+gaveUp]++
	default:
		c.w.t.Errorf("%s: %T %v (%v, context %v); want none that a caller cannot tell", what, err, err, class, ctx.Err())
	}
}
