package syntaxtest

import (
	"time"

	"github.com/goupsert/upsert/internal/claimsql"
)

// leaseCases are the statements of keys.Do.
func leaseCases() []ClaimCase {
	leased := func(v ClaimValues) claimsql.Row {
		v.Row.Lease = 30 * time.Second
		return v.Row
	}
	expect := func(v ClaimValues, state int, part claimsql.LeasePart) claimsql.Expected {
		return claimsql.Expected{Hash: v.Row.Hash, State: state, Fence: 7, Lease: part}
	}
	held := func(v ClaimValues) claimsql.Expected {
		e := expect(v, claimsql.Leased, claimsql.InLease)
		e.Owner = &v.Row.Owner
		return e
	}
	takeOver := func(state int, part claimsql.LeasePart) func(*claimsql.SQL, ClaimValues) statement {
		return func(q *claimsql.SQL, v ClaimValues) statement {
			return q.TakeOver(expect(v, state, part), leased(v), q.Wait(0).Prefix)
		}
	}
	return []ClaimCase{
		{Name: "claim-lease", Why: "The insert that a leased key's first caller wins.", SQL: func(q *claimsql.SQL, v ClaimValues) statement { return q.Claim(leased(v), "") }},
		{Name: "lease-read", Why: "What Do needs to know of a row. Whether the lease has ended is for the database's clock.", SQL: func(q *claimsql.SQL, v ClaimValues) statement { return q.Lease(v.Row.Hash) }},
		{Name: "lease-take-over", Why: "A lease has ended, and another attempt takes the key with the next fence: one compare-and-set on state and fence.", SQL: takeOver(claimsql.Leased, claimsql.OutLease)},
		{Name: "lease-take-free", Why: "A free key is taken. Its fence has gone on growing, and its fingerprint is the new caller's.", SQL: takeOver(claimsql.Free, claimsql.Anytime)},
		{Name: "lease-renew", Why: "The heartbeat, and Guard in the caller's transaction. A lease that has ended is not renewed.", SQL: func(q *claimsql.SQL, v ClaimValues) statement { return q.Renew(held(v), 30*time.Second) }},
		{Name: "lease-finish", Why: "The holder's answer. The time of expiry moves only if less than half of the retention is left.", SQL: func(q *claimsql.SQL, v ClaimValues) statement {
			return q.Finish(held(v), v.Row.Owner, claimsql.Done, v.Result, v.Codec, v.Row.Retain)
		}},
		{Name: "lease-decide", Why: "A person's answer to a parked key.", SQL: func(q *claimsql.SQL, v ClaimValues) statement {
			return q.Finish(expect(v, claimsql.Parked, claimsql.Anytime), v.Row.Owner, claimsql.Failed, v.Result, "error", v.Row.Retain)
		}},
		{Name: "lease-note", Why: "Why nobody knows what has happened, for a person to read.", SQL: func(q *claimsql.SQL, v ClaimValues) statement {
			e := held(v)
			e.Lease = claimsql.Anytime
			return q.Note(e, v.Result, "error")
		}},
		{Name: "lease-park", Why: "A lease has ended, and a person decides.", SQL: func(q *claimsql.SQL, v ClaimValues) statement {
			return q.Park(expect(v, claimsql.Leased, claimsql.OutLease), nil, "", q.Wait(0).Prefix)
		}},
		{Name: "lease-park-note", Why: "The holder parks the key itself, because a probe has failed.", SQL: func(q *claimsql.SQL, v ClaimValues) statement { return q.Park(held(v), v.Result, "error", "") }},
		{Name: "lease-release", Why: "Nothing has happened. The row stays, so that the fence goes on growing.", SQL: func(q *claimsql.SQL, v ClaimValues) statement {
			return q.Release(held(v), v.Row.Owner, v.Row.Retain)
		}},
	}
}
