package httpkeys

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/goupsert/upsert/internal/response"
	"github.com/goupsert/upsert/keys"
)

// patience ends the context of a request that has waited for other requests as long as it may. The time of the handler does not
// count. patience costs nothing at the database, unlike keys.MaxWait, and is less exact: on MySQL and PostgreSQL the connection
// that has waited is closed.
type patience struct {
	limit  time.Duration
	timer  *time.Timer
	paused bool
	over   atomic.Bool
}

var errWaited = errors.New("httpkeys: the request has waited as long as it may")

// start returns a context that ends when the request has waited for longer than limit. 0 is no limit.
func (p *patience) start(ctx context.Context, limit time.Duration) (context.Context, func()) {
	if limit == 0 {
		return ctx, func() {}
	}
	ctx, end := context.WithCancelCause(ctx)
	timer := time.AfterFunc(limit, func() {
		p.over.Store(true)
		end(errWaited)
	})
	p.limit, p.timer = limit, timer
	return ctx, func() {
		timer.Stop()
		end(nil)
	}
}

// pause stops the clock while the handler runs. pause returns an error if the time is over.
func (p *patience) pause(ctx context.Context) error {
	if p.timer == nil || p.paused || p.timer.Stop() {
		p.paused = true
		return nil
	}
	<-ctx.Done() // the timer is about to end the context
	return ctx.Err()
}

func (p *patience) isOver() bool { return p.over.Load() }

// forget lifts the limit, because the rest will not wait.
func (p *patience) forget() {
	p.timer = nil
	p.over.Store(false)
}

// resume starts the clock again, because the handler may be called again.
func (p *patience) resume() {
	if p.timer != nil {
		p.paused = false
		p.timer.Reset(p.limit)
	}
}

// lookTimeout bounds the question whether the store answers.
const lookTimeout = time.Second

// isDone reports whether the key has an answer, which has come while the request's time ran out.
func (x *exchange) isDone() bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.r.Context()), lookTimeout)
	defer cancel()
	info, err := x.m.store.Inspect(ctx, x.key)
	return err == nil && (info.State == keys.StateDone || info.State == keys.StateFinalError)
}

// waited returns the answer for a request that has waited too long: another request has the key, or the store does not answer.
func (x *exchange) waited(err error) *problem {
	switch {
	case errors.Is(err, response.ErrNoPlace):
		return storeUnavailable.causedBy(err)
	case errors.Is(err, response.ErrQueued):
		return inFlight.because(sendAgain)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.r.Context()), lookTimeout)
	defer cancel()
	if _, ierr := x.m.store.Inspect(ctx, x.key); ierr != nil && !errors.Is(ierr, keys.ErrNotFound) {
		return storeUnavailable.causedBy(errors.Join(err, ierr))
	}
	return inFlight.because(sendAgain)
}

const sendAgain = "Send the same request again to learn the answer."
