package lincheck_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

// fate is how fn ends.
type fate int

const (
	succeeds fate = iota
	fails
	declines
	panics
)

var errFailed = errors.New("fn failed")

// attempt is one claim of a key, and what came of it.
type attempt struct {
	subject string
	short   bool
	print   int
	fate    fate
	opts    []keys.ClaimOption
	inner   *attempt // another key claimed in fn
	ids     []string // of the effects that fn had, one a call
	event   event    // none if what is empty
}

// draw makes a claim of a key.
func (c *client) draw() *attempt {
	a := &attempt{}
	a.subject, a.short = c.subject("key")
	a.print = []int{1, 1, 1, 1, 1, 1, 1, 1, 2, 0}[c.r.IntN(10)]
	a.fate = []fate{succeeds, succeeds, succeeds, succeeds, succeeds, succeeds, succeeds, fails, declines, panics}[c.r.IntN(10)]
	switch c.r.IntN(20) {
	case 0, 1:
		a.opts = append(a.opts, keys.NoWait())
	case 2:
		a.opts = append(a.opts, keys.MaxWait(time.Duration(1+c.r.IntN(20))*time.Millisecond))
	}
	if a.short && c.r.IntN(2) == 0 {
		a.opts = append(a.opts, keys.Retain(forget))
	}
	return a
}

// drawNested makes one that claims another key in fn, at times.
func (c *client) drawNested() *attempt {
	a := c.draw()
	if c.r.IntN(6) == 0 {
		if inner := c.draw(); inner.subject != a.subject {
			a.inner = inner
		}
	}
	return a
}

// fn has the effect.
func (c *client) fn(a *attempt) func(context.Context, *keys.Tx) (string, error) {
	return func(ctx context.Context, tx *keys.Tx) (string, error) {
		id := c.newEffect()
		a.ids = append(a.ids, id)
		if err := c.hasEffect(ctx, tx, id, a.subject); err != nil {
			return "", err
		}
		if a.inner != nil {
			if err := c.once(ctx, tx, a.inner); err != nil {
				return "", err
			}
		}
		switch a.fate {
		case fails:
			return "", errFailed
		case declines:
			return "", keys.Final(errors.New(id))
		case panics:
			panic(a)
		}
		return id, nil
	}
}

// learn makes the event of what a claim has returned. It returns an error that says nothing of the key.
func (c *client) learn(a *attempt, result string, again bool, err error) error {
	var final *keys.FinalError
	var unknown *keys.UnknownError
	e := event{subject: a.subject, short: a.short, print: a.print}
	own := len(a.ids) > 0 && (again || final == nil)
	switch {
	case err == nil && again:
		e.what, e.value = replayed, result
	case err == nil:
		e.what, e.value = ran, result
	case errors.As(err, &final):
		e.what, e.value = replayedFinal, final.Text
		if own && final.Text == a.ids[len(a.ids)-1] {
			e.what = declined
		}
	case errors.Is(err, keys.ErrMismatch):
		e.what = mismatched
	case errors.As(err, &unknown):
		e.what, e.value, e.unsure, e.late = ran, a.ids[len(a.ids)-1], true, true
	case errors.Is(err, errFailed):
		e.what = undone
	default:
		return err
	}
	if e.what == ran && (len(a.ids) == 0 || e.value != a.ids[len(a.ids)-1]) || e.what == replayed && slices.Contains(a.ids, e.value) {
		c.w.t.Errorf("%s: %q with replayed %v, and the calls of fn returned %q", a.subject, result, again, a.ids)
	}
	a.event = e
	return nil
}

// happened are the events of a claim and the one in it.
func (a *attempt) happened() (events []event) {
	if a.event.what != "" {
		events = append(events, a.event)
	}
	if a.inner == nil {
		return events
	}
	inner := a.inner.happened()
	switch {
	case a.event.what != ran:
		inner = undo(inner)
	case a.event.unsure:
		inner = doubt(inner)
	}
	return append(events, inner...)
}

// caught makes a panic of fn's the event that it is.
func (a *attempt) caught(p any) {
	switch p {
	case nil:
	case any(a):
		a.event = event{subject: a.subject, short: a.short, what: undone}
	default:
		panic(p)
	}
}

// once claims in a transaction. It returns an error after which the transaction is not to be used.
func (c *client) once(ctx context.Context, tx upsert.DB, a *attempt) (err error) {
	a.ids, a.event = nil, event{}
	defer func() { a.caught(recover()) }()
	result, again, err := keys.Once(ctx, c.process.store(a.short), tx, key(a.subject), fingerprint(a.print), c.fn(a), a.opts...)
	err = c.learn(a, result, again, err)
	var busy *keys.InProgressError
	if errors.As(err, &busy) {
		c.learnNothing(ctx, "Once", err)
		return nil
	}
	return err
}

// claimByRun is Run.
func (c *client) claimByRun(ctx context.Context) []event {
	a := c.drawNested()
	a.opts = append(a.opts, keys.Isolation(c.w.levels[c.r.IntN(len(c.w.levels))]))
	if c.r.IntN(40) == 0 && a.fate != declines { // a final error whose commit is not answered leaves no effect to tell by
		patience := time.Duration(c.r.IntN(3000)) * time.Microsecond
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	if err := c.tryRun(ctx, a); err != nil {
		c.learnNothing(ctx, "Run", err)
	}
	return a.happened()
}

func (c *client) tryRun(ctx context.Context, a *attempt) error {
	defer func() { a.caught(recover()) }()
	result, again, err := keys.Run(ctx, c.process.store(a.short), key(a.subject), fingerprint(a.print), c.fn(a), a.opts...)
	return c.learn(a, result, again, err)
}

// claimsInTransaction is Once, of one key or two, in a transaction that the caller commits or rolls back.
func (c *client) claimsInTransaction(ctx context.Context) []event {
	claims := []*attempt{c.drawNested()}
	if second := c.draw(); c.r.IntN(3) == 0 && second.subject != claims[0].subject && claims[0].inner == nil {
		claims = append(claims, second)
	}
	return c.inTransaction(ctx, func(tx *sqlx.Tx) (events []event, err error) {
		for _, a := range claims {
			if err := c.once(ctx, tx, a); err != nil {
				return nil, err
			}
			events = append(events, a.happened()...)
		}
		return events, nil
	})
}

// inspect is Inspect.
func (c *client) inspect(ctx context.Context) []event {
	e := event{}
	e.subject, e.short = c.subject("key")
	info, err := c.process.long.Inspect(ctx, key(e.subject))
	switch {
	case errors.Is(err, keys.ErrNotFound):
		e.what = sawNothing
	case err != nil:
		if dialect.Classify(err) == dialect.LockTimeout {
			return nil
		}
		c.w.t.Errorf("Inspect: %v", err)
		return nil
	default:
		e.see(info)
	}
	return []event{e}
}

// see is what Inspect tells of a key.
func (e *event) see(info *keys.Info) {
	for n := range 3 {
		if info.Fingerprint == fingerprint(n) {
			e.print = n
		}
	}
	switch info.State {
	case keys.StateDone:
		e.what, e.value = sawDone, unquote(info.Result)
	case keys.StateFinalError:
		e.what, e.value = sawFailed, text(info.Result)
	default:
		e.what = what(fmt.Sprintf("saw %v", info.State))
	}
}
