package claimsql

import "time"

// Expected says how the row of a leased key must be for a change: each change is one compare-and-set on state and fence.
type Expected struct {
	Hash  [HashSize]byte
	State int
	Fence int64
	Owner *[OwnerSize]byte // nil: any
	Lease LeasePart
}

// LeasePart says when a change may happen. The database's clock decides.
type LeasePart int

const (
	Anytime  LeasePart = iota
	InLease            // until the lease has ended
	OutLease           // as soon as the lease has ended
)

// Lease reads the part of a stored row that Do needs to know: the columns of Fetch, the attempts, the fence, whether the lease
// has ended, and the lease's end as text.
func (s *SQL) Lease(hash [HashSize]byte) Statement {
	b := s.query("SELECT ").sql(fetched, ", attempts, fence, ", s.leaseEnded(), ", ")
	return b.sql(s.words.clock.asText("lease_until"), " FROM ", s.table, " WHERE key_hash = ").raw(hash[:]).done()
}

// leaseEnded is an expression: 1 if the lease has ended, otherwise 0.
func (s *SQL) leaseEnded() string {
	return "CASE WHEN lease_until > " + s.words.clock.now + " THEN 0 ELSE 1 END"
}

// TakeOver gives a leased or a free key to another attempt, which gets the next fence. A free key gets the new fingerprint.
func (s *SQL) TakeOver(e Expected, r Row, prefix string) Statement {
	b := s.exec(prefix).sql("UPDATE ", s.table, " SET state = ").num(Leased).sql(", fence = ").num(e.Fence + 1)
	b.sql(", attempts = attempts + 1, owner = ").raw(r.Owner[:]).sql(", result = NULL, codec = '', lease_until = ", s.words.clock.fromNow(r.Lease))
	if e.State == Free {
		b.sql(", claimed_at = ", s.words.clock.now, ", fingerprint_version = ").num(int64(r.FingerprintVersion)).sql(", fingerprint = ").raw(r.Fingerprint)
	}
	return b.kept(r.Retain).expect(e)
}

// Renew moves the lease's end.
func (s *SQL) Renew(e Expected, lease time.Duration) Statement {
	return s.exec("UPDATE ").sql(s.table, " SET lease_until = ", s.words.clock.fromNow(lease)).expect(e)
}

// Finish ends a leased or a parked key with an answer. owner is who brings the answer.
func (s *SQL) Finish(e Expected, owner [OwnerSize]byte, state int, result []byte, codec string, retain time.Duration) Statement {
	b := s.exec("UPDATE ").sql(s.table, " SET state = ").num(int64(state)).sql(", result = ").raw(result).sql(", codec = ").str(codec)
	return b.sql(", owner = ").raw(owner[:]).sql(", finished_at = ", s.words.clock.now).kept(retain).expect(e)
}

// Note stores why it is unknown what has happened. The key stays leased.
func (s *SQL) Note(e Expected, report []byte, codec string) Statement {
	return s.exec("UPDATE ").sql(s.table, " SET result = ").raw(report).sql(", codec = ").str(codec).expect(e)
}

// Park ends a lease without an answer. From then on lease_until says since when the key is parked, and the key never expires, so
// that List finds it by the index on expires_at. A report of nil leaves the note as it is.
func (s *SQL) Park(e Expected, report []byte, codec, prefix string) Statement {
	b := s.exec(prefix).sql("UPDATE ", s.table, " SET state = ").num(Parked).sql(", lease_until = ", s.words.clock.now, ", expires_at = ", s.words.clock.never)
	if report != nil {
		b.sql(", result = ").raw(report).sql(", codec = ").str(codec)
	}
	return b.expect(e)
}

// Release frees a leased or a parked key for another attempt. The row stays, so that the fence goes on growing.
func (s *SQL) Release(e Expected, owner [OwnerSize]byte, retain time.Duration) Statement {
	b := s.exec("UPDATE ").sql(s.table, " SET state = ").num(Free).sql(", result = NULL, codec = '', owner = ").raw(owner[:])
	return b.kept(retain).expect(e)
}

// kept moves the time of expiry if less than half of the retention is left, because a key can be leased for longer than it is
// remembered, and if the key was parked. Otherwise the index on expires_at is not written.
func (b *builder) kept(retain time.Duration) *builder {
	b.sql(", expires_at = CASE WHEN expires_at < ", b.words.clock.fromNow(retain/2), " OR expires_at = ", b.words.clock.never)
	b.sql(" THEN ", b.words.clock.fromNow(retain))
	return b.sql(" ELSE expires_at END")
}

// expect ends a change with its conditions.
func (b *builder) expect(e Expected) Statement {
	b.sql(" WHERE key_hash = ").raw(e.Hash[:]).sql(" AND state = ").num(int64(e.State)).sql(" AND fence = ").num(e.Fence)
	if e.Owner != nil {
		b.sql(" AND owner = ").raw(e.Owner[:])
	}
	switch e.Lease {
	case InLease:
		b.sql(" AND lease_until > ", b.words.clock.now)
	case OutLease:
		b.sql(" AND lease_until <= ", b.words.clock.now)
	case Anytime:
	}
	return b.done()
}
