package upserttest

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// moment is a side of a point.
type moment bool

const (
	before moment = false // the point is not sent
	after  moment = true  // the point is done, but its answer does not arrive
)

func (m moment) String() string {
	if m == after {
		return "after"
	}
	return "before"
}

// fault is a way in which a run breaks.
type fault int

const (
	failure fault = iota // an error; the connection stays
	loss                 // the connection is lost
	cancel               // the context of the run is cancelled
	resend               // the answer is lost, and the driver has the statement sent again
)

var faultWords = []string{"error", "lost", "cancel", "resend"} // as in a place

// strike is one fault at one place of one run.
type strike struct {
	number int
	moment moment
	fault  fault
	struck *point // the point at which it happened
}

// possibleAt reports whether the strike differs at this point from all others.
func (s strike) possibleAt(p *point) bool {
	switch {
	case p.kind == rollback:
		return false // whoever rolls back has nothing to lose
	case p.err != nil && s.moment == after:
		return false // the statement fails by itself
	case s.fault == resend:
		return s.moment == after && p.kind == statement && !p.inTx
	case s.fault == cancel && p.kind == commit:
		return s.moment == before // afterwards the transaction has ended, and the next point sees the context
	}
	return true
}

// isRace reports whether the strike is a cancellation that the next point sees by its transaction only, as COMMIT does. database/sql
// would return the context's error or sql.ErrTxDone there, as the race with its own rollback ends. The cancellation before the
// next point comes to the same, and always returns the context's error.
func (s strike) isRace(next *point) bool {
	return s.fault == cancel && s.moment == after && next != nil && next.inTx && (next.kind == commit || next.isDeaf)
}

// strikesAt lists the strikes by some faults at a point, in the order in which they are tried. next is the point that follows,
// nil after the last.
func strikesAt(p, next *point, faults []fault) (all []strike) {
	for _, m := range []moment{before, after} {
		for _, f := range faults {
			if s := (strike{number: p.number, moment: m, fault: f}); s.possibleAt(p) && !s.isRace(next) {
				all = append(all, s)
			}
		}
	}
	return all
}

// words names the fault. The moment and the statement follow.
func (s strike) words() string {
	return [...]string{"an error", "the connection lost", "the context cancelled", "sent a second time by the driver"}[s.fault]
}

func (s strike) String() string {
	return fmt.Sprintf("%s %s statement %d", s.words(), s.moment, s.number)
}

// brokenError is the error that a run gets in place of a statement's answer. A write needs not know it: it is an error like any
// other.
type brokenError struct {
	place string // such as "an error before statement 2"
	lost  bool
}

// Error tells the place.
func (e *brokenError) Error() string { return "upserttest: " + e.place }

// Unwrap returns io.ErrUnexpectedEOF if the connection was lost, as drivers do.
func (e *brokenError) Unwrap() error {
	if e.lost {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// hits reports whether the strike happens at this point and moment.
func (r *run) hits(p *point, m moment) bool {
	s := r.strike
	return s != nil && p != nil && s.moment == m && s.number == p.number && (s.struck == nil || s.struck == p)
}

// strikeAt breaks the run at the point of a connection. It returns nil if the point goes on as if nothing had happened.
func (r *run) strikeAt(ctx context.Context, c *conn, p *point) error {
	s := r.strike
	s.struck = p
	broken := &brokenError{place: s.String(), lost: s.fault == loss}
	switch s.fault {
	case failure:
		if c != nil && s.moment == before && p.inTx && p.kind == statement {
			r.world.engine.failTx(context.WithoutCancel(ctx), c.held)
		}
		return broken
	case cancel:
		r.cancel()
		if s.moment == after && !p.rows {
			return nil // the statement has succeeded, and the next one sees the context
		}
		return c.endOf(ctx)
	case loss, resend:
		if c != nil {
			if err := c.lose(); err != nil {
				return errors.Join(broken, err)
			}
		}
		if s.fault == resend {
			return driver.ErrBadConn
		}
	}
	return broken
}
