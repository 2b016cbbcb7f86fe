package lincheck_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

// consumer is whose inbox it is.
const consumer = "lincheck"

// message draws a message. Some messages are drawn more often if their handling fails, or no message would ever be dead.
func (c *client) message(handle bool) (name string, short bool) {
	for range 4 {
		name, short = c.subject("message")
		if ill := name[len(name)-1]%3 == 0; ill != handle {
			break
		}
	}
	return name, short
}

// filter is Filter or Consume of a batch, its effects and then a commit or a rollback.
func (c *client) filter(ctx context.Context) []event {
	short, batch := c.batch()
	if c.r.IntN(2) == 0 {
		return c.consume(ctx, short, batch)
	}
	return c.inTransaction(ctx, func(tx *sqlx.Tx) ([]event, error) {
		got, err := keys.Filter(ctx, c.process.store(short), tx, consumer, batch, subjectOf)
		if err != nil {
			return nil, err
		}
		return c.handle(ctx, tx, batch, got)
	})
}

func subjectOf(e event) string { return e.subject }

func (c *client) batch() (short bool, batch []event) {
	short = c.r.IntN(10) < 3
	for len(batch) == 0 || c.r.IntN(5) > 0 && len(batch) < 8 {
		if subject, s := c.message(true); s == short {
			batch = append(batch, event{subject: subject, short: short})
		}
	}
	return short, batch
}

// consume is Consume.
func (c *client) consume(ctx context.Context, short bool, batch []event) (events []event) {
	fails, again := c.r.IntN(10) < 3, false
	err := keys.Consume(context.WithValue(ctx, retried{}, &again), c.process.store(short), consumer, batch, subjectOf, func(ctx context.Context, tx *keys.Tx, got []event) (err error) {
		if events, err = c.handle(ctx, tx, batch, got); err == nil && fails {
			err = errFailed
		}
		return err
	})
	switch {
	case errors.Is(err, errFailed):
		return undo(events)
	case err != nil:
		c.learnNothing(ctx, "Consume", err)
		return undo(events)
	case events == nil: // fn was not called
		events, _ = c.handle(ctx, nil, batch, nil)
	}
	for i := range events {
		// Begun again, fn may not have been called again after what it did was rolled back.
		events[i].unsure = again && events[i].what == fresh
	}
	return events
}

// handle has the effects of the fresh messages of a batch.
func (c *client) handle(ctx context.Context, tx sqlx.ExecerContext, batch, got []event) (events []event, err error) {
	isFresh := map[string]bool{}
	for _, e := range got {
		if isFresh[e.subject] {
			c.w.t.Errorf("Filter returned %s twice", e.subject)
		}
		isFresh[e.subject] = true
		e.what, e.value = fresh, c.newEffect()
		if err := c.hasEffect(ctx, tx, e.value, e.subject); err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	for _, e := range batch {
		if !isFresh[e.subject] {
			isFresh[e.subject] = true // the batch may have it twice
			e.what = handled
			events = append(events, e)
		}
	}
	return events, nil
}

// fail is Fail.
func (c *client) fail(ctx context.Context) []event {
	e := event{}
	e.subject, e.short = c.message(false)
	n, err := c.process.store(e.short).Fail(ctx, consumer, e.subject, errFailed)
	var gone *keys.DeadError
	switch {
	case errors.As(err, &gone):
		e.what, e.n = died, gone.Attempts
	case err != nil:
		c.learnNothing(ctx, "Fail", err)
		return nil
	case n == 0:
		e.what = failedLate
	default:
		e.what, e.n = failed, n
	}
	return []event{e}
}

// revive is Revive of one message, or of those that Dead lists.
func (c *client) revive(ctx context.Context) []event {
	e := event{}
	e.subject, e.short = c.message(false)
	if c.r.IntN(3) == 0 {
		return c.listDead(ctx, e)
	}
	n, err := c.process.long.Revive(ctx, consumer, e.subject)
	if err != nil {
		c.learnNothing(ctx, "Revive", err)
		return nil
	}
	if e.what = notRevived; n == 1 {
		e.what = revived
	}
	return []event{e}
}

// listDead is Dead. Who is not in the list is not dead, and of the others at least one is told of.
func (c *client) listDead(ctx context.Context, e event) []event {
	list, err := c.process.long.Dead(ctx, consumer, 1<<20)
	if err != nil {
		c.learnNothing(ctx, "Dead", err)
		return nil
	}
	for _, m := range list {
		if m.ID == e.subject {
			e.what, e.n = sawDead, m.Attempts
			return []event{e}
		}
	}
	e.what = notRevived // says no more than that it is not dead
	return []event{e}
}

// inspectMessage is InspectMessage.
func (c *client) inspectMessage(ctx context.Context) []event {
	e := event{}
	e.subject, e.short = c.message(false)
	info, err := c.process.long.InspectMessage(ctx, consumer, e.subject)
	switch {
	case errors.Is(err, keys.ErrNotFound):
		e.what = sawNothing
	case err != nil:
		c.learnNothing(ctx, "InspectMessage", err)
		return nil
	default:
		e.what, e.n = what(fmt.Sprintf("saw %v", info.State)), info.Attempts
	}
	return []event{e}
}

// unquote is a stored result.
func unquote(stored []byte) (s string) {
	if err := json.Unmarshal(stored, &s); err != nil {
		return err.Error()
	}
	return s
}

// text is the text of a stored final error.
func text(stored []byte) string {
	var e struct{ Text string }
	if err := json.Unmarshal(stored, &e); err != nil {
		return err.Error()
	}
	return e.Text
}
