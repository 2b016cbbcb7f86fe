package keys

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// DoOption is an option of [Do]. Later options win over earlier ones.
type DoOption interface{ applyDo(*doOp) error }

type doOption func(*doOp) error

func (o doOption) applyDo(d *doOp) error { return o(d) }

const (
	defaultLease = 30 * time.Second
	longestLease = 365 * 24 * time.Hour
)

// Lease is how long the caller of fn holds the key without a sign of life, by default 30 seconds. While fn runs, the lease is
// renewed after each third of it. So the lease says how soon others learn that a process has died, and how long the database may
// be out of reach before fn's context ends. From a millisecond to a year.
func Lease(d time.Duration) DoOption {
	return doOption(func(o *doOp) error {
		if d < time.Millisecond || d > longestLease {
			return fmt.Errorf("keys: Lease(%v): it must be from a millisecond to a year", d)
		}
		o.claim.row.Lease = d
		return nil
	})
}

// policy says what a call does with a key whose lease has ended without an answer.
type policy struct {
	takesOver bool // fn is called again
	probe     any  // a func(context.Context, *Held) (R, bool, error) to be asked before; nil: none
}

func (p policy) applyDo(d *doOp) error {
	d.policy = p
	return nil
}

// TakesOver marks the option for package response.
func (p policy) TakesOver() bool { return p.takesOver }

// Park leaves a key whose lease has ended without an answer to a person: the call gets a [*ParkedError]. This is the default.
// The policy is that of the call that meets the key.
func Park() DoOption { return policy{} }

// Rerun calls fn again for a key whose lease has ended without an answer. This is safe if the other side recognizes
// [Held.Downstream], and has its effect once for all calls with one Downstream.
func Rerun() DoOption { return policy{takesOver: true} }

// Probe asks the other side what became of a key whose lease has ended without an answer. ask is called once for each takeover,
// under a lease, and returns
//
//   - done and a result: the effect has happened, and the result is remembered and replayed;
//   - not done: the effect has certainly not happened and will not happen, so fn is called;
//   - an error: nobody knows, so the key is parked and the call gets a [*ParkedError] that wraps the error. If the call's own
//     context has ended, the key is kept instead, and the next call asks.
//
// R is the R of [Do]. With another R, Do returns an error before it sends anything.
func Probe[R any](ask func(context.Context, *Held) (r R, done bool, err error)) DoOption {
	if ask == nil {
		return doOption(func(*doOp) error { return errors.New("keys: Probe: the function is nil") })
	}
	return policy{takesOver: true, probe: ask}
}

// probeOf returns the policy's question, or nil.
func probeOf[R any](p policy) (ask func(context.Context, *Held) (R, bool, error), err error) {
	if p.probe == nil {
		return nil, nil
	}
	ask, ok := p.probe.(func(context.Context, *Held) (R, bool, error))
	if !ok {
		return nil, fmt.Errorf("keys: Probe: the function is a %T, and fn returns a %T: both must return the same type", p.probe, *new(R))
	}
	return ask, nil
}
