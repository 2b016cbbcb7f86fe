package keys

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/goupsert/upsert/internal/claimsql"
	"github.com/goupsert/upsert/internal/inside"
)

// Held is a key that this call of [Do] holds under a lease. A Held is for fn only and ends with fn. Its methods are safe for
// concurrent use.
type Held struct {
	claim   *claim
	fence   int64
	attempt int
	sent    stopwatch // since the statement that brought the lease was sent
	beat    heartbeat
	quitted sync.Once
	ended   atomic.Bool // fn has returned
}

// Key returns the key.
func (h *Held) Key() Key { return h.claim.key }

// Fence returns the key's fencing number: 1 at first, and one more each time that the key is taken, by any process. Another
// system that remembers the greatest number it has seen can refuse a caller with a smaller one, whose lease has ended.
func (h *Held) Fence() int64 { return h.fence }

// Attempt returns how often the key was taken for a call of fn, this time included: 1, unless an earlier caller has left no
// answer or has freed the key.
func (h *Held) Attempt() int { return h.attempt }

// Downstream returns a key to hand to the other side, for example as the Idempotency-Key of a payment provider. It is the same
// text for every attempt at this Key, also after [NotDone] and [Store.Release], and in every release of this package. It has
// the form of a UUID: 36 characters of printable ASCII.
func (h *Held) Downstream() string { return downstreamOf(h.claim.key) }

// kindDownstream is hashed as a kind beside kindKey and kindMessage, and must never change.
const kindDownstream = 2

// downstreamOf returns a UUID of version 8 (RFC 9562, section 5.8), made of a SHA-256 of the key's parts.
func downstreamOf(k Key) string {
	sum := hashOf(kindDownstream, k.Scope, k.Op, k.ID)
	u := sum[:16]
	u[6], u[8] = u[6]&0x0F|0x80, u[8]&0x3F|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// expect describes the row as this call has left it. If a guarded transaction may have outlasted the lease's end that the row
// tells, only the fence counts: nobody could take the key over in the meantime.
func (h *Held) expect() claimsql.Expected {
	e := claimsql.Expected{Hash: h.claim.row.Hash, State: claimsql.Leased, Fence: h.fence, Owner: &h.claim.row.Owner, Lease: claimsql.InLease}
	if h.beat.wasGuarded() {
		e.Lease = claimsql.Anytime
	}
	return e
}

// context returns fn's context. Inside fn, a call that would wait for the key itself is refused.
func (h *Held) context(ctx context.Context) context.Context {
	lock := &inside.Claim{Name: h.claim.key.String(), Ended: h.ended.Load}
	lock.Hold(h.claim.store.lockName(h.claim.key))
	return inside.Enter(ctx, lock)
}

// fencedError returns the error of a holder whose lease has ended.
func (h *Held) fencedError(what string) error {
	return fmt.Errorf("keys: %s: %s: %w", h.claim.key, what, ErrFenced)
}
