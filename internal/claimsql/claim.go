package claimsql

import (
	"math"
	"time"
)

// insertColumns are the columns to which every insert gives a value.
const insertColumns = " (key_hash, scope, op, id, state, fingerprint_version, fingerprint, result, codec, attempts, fence, owner, lease_until, claimed_at, finished_at, expires_at) "

// Claim inserts the row in state Claimed, or Leased if it has a lease, unless a row is stored. If Returning is true, Claim is a query that returns the
// inserted or the stored row, in the columns of Fetch. Otherwise Claim affects one row or none.
//
// Claim inserts first and looks later. If it looked first, a locking read of a key that is not stored would make two claims
// deadlock on each other's gap (hazard K28), and a read that does not lock proves nothing.
func (s *SQL) Claim(r Row, prefix string) Statement {
	b := s.exec(prefix)
	if s.Returning {
		b.bind = b.bind || s.Bind
	}
	b.sql("INSERT INTO ", s.table, insertColumns)
	if r.KeyTime != 0 {
		b.sql("SELECT ").claimValues(r).sql(b.fromNothing()).timeCondition(r)
	} else {
		b.sql("VALUES (").claimValues(r).sql(")")
	}
	if !s.words.onDuplicateKey {
		return b.sql(" ON CONFLICT (key_hash) DO NOTHING").done()
	}
	b.sql(" ON DUPLICATE KEY UPDATE key_hash = ", s.name, ".key_hash")
	if s.Returning {
		b.sql(" RETURNING ", fetched)
	}
	return b.done()
}

func (b *builder) claimValues(r Row) *builder {
	b.raw(r.Hash[:]).sql(", ").str(r.Scope).sql(", ").str(r.Op).sql(", ").str(r.ID).sql(", ").num(int64(r.State())).sql(", ")
	b.num(int64(r.FingerprintVersion)).sql(", ").raw(r.Fingerprint).sql(", NULL, '', 1, 1, ").raw(r.Owner[:])
	end := b.words.clock.now
	if r.Lease > 0 {
		end = b.words.clock.fromNow(r.Lease)
	}
	return b.sql(", ", end, ", ", b.words.clock.now, ", NULL, ").expiry(r)
}

// expiry is the retention after the later of now and the key's own time. If a key were forgotten before its own time is too
// old, the key could be claimed once more (hazard K45). The extra millisecond is for clocks that count in smaller units.
func (b *builder) expiry(r Row) *builder {
	if r.KeyTime == 0 {
		return b.sql(b.words.clock.fromNow(r.Retain))
	}
	end := b.words.clock.never
	if ms := r.KeyTime + r.Retain.Milliseconds() + 1; ms > 0 && ms < lastMilli {
		end = b.words.clock.timestamp(time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05.000"))
	}
	return b.sql("CASE WHEN ", b.words.clock.nowMillis, " <= ").num(r.KeyTime).sql(" THEN ", end, " ELSE ", b.words.clock.fromNow(r.Retain), " END")
}

// lastMilli is the end of the year 9999, the last year that every database writes in four digits.
const lastMilli = 253402300799000

// fromNothing returns the text up to WHERE: MySQL requires a table before WHERE.
func (b *builder) fromNothing() string {
	if b.words.onDuplicateKey {
		return " FROM DUAL WHERE "
	}
	return " WHERE "
}

// timeCondition writes the condition that the key's own time is no further from now than the retention, before now or after
// now.
func (b *builder) timeCondition(r Row) *builder {
	retain := r.Retain.Milliseconds()
	return b.sql(b.words.clock.nowMillis, " BETWEEN ").num(r.KeyTime - min(retain, r.KeyTime)).sql(" AND ").num(r.KeyTime + min(retain, math.MaxInt64-r.KeyTime))
}

// Age compares the key's own time with the database's, and returns Timely, TooOld or TooNew.
func (s *SQL) Age(r Row) Statement {
	b := s.query("SELECT CASE WHEN ").timeCondition(r).sql(" THEN ").num(Timely)
	return b.sql(" WHEN ", b.words.clock.nowMillis, " > ").num(r.KeyTime).sql(" THEN ").num(TooOld).sql(" ELSE ").num(TooNew).sql(" END").done()
}

// Timely, TooOld and TooNew are the results of Age.
const (
	Timely = iota
	TooOld // the key's time is further back than its retention
	TooNew // the key's time is further ahead than its retention
)

const fetched = "state, owner, fingerprint_version, fingerprint, result, codec"

// Fetch reads the part of a stored row that a claim needs to know, in a transaction whose snapshot may be older than the row.
func (s *SQL) Fetch(hash [HashSize]byte) Statement {
	return s.fetch(hash, reading{lock: s.words.locks.share})
}

func (s *SQL) fetch(hash [HashSize]byte, r reading) Statement {
	return s.query("SELECT ").sql(r.hint, fetched, " FROM ", s.table, " WHERE key_hash = ").raw(hash[:]).sql(r.lock).done()
}

// Peek reads the same as Fetch and waits for nobody. Send it only in a transaction that sees committed rows only.
func (s *SQL) Peek(hash [HashSize]byte) Statement { return s.fetch(hash, reading{}) }

// Look reads the same as Fetch, outside of a transaction. It skips a row that another transaction is writing, because a session
// at READ UNCOMMITTED would see this row. MySQL before 8 cannot skip a row, and fails after a moment (see brief). If the
// database can do neither, the text is empty.
func (s *SQL) Look(hash [HashSize]byte) Statement {
	if s.words.locks.look.none {
		return Statement{}
	}
	return s.fetch(hash, s.words.locks.look)
}

// Proof returns a row if the transaction is still the one in which the owner has written the key's row.
func (s *SQL) Proof(hash [HashSize]byte, owner [OwnerSize]byte) Statement {
	b := s.query("SELECT 1 FROM ").sql(s.table, " WHERE key_hash = ").raw(hash[:]).sql(" AND owner = ").raw(owner[:])
	return b.done()
}

// Record completes the owner's claim: it affects one row, or none if the claim is gone. It changes no indexed column.
func (s *SQL) Record(hash [HashSize]byte, owner [OwnerSize]byte, state int, result []byte, codec string) Statement {
	b := s.exec("UPDATE ").sql(s.table, " SET state = ").num(int64(state)).sql(", result = ").raw(result).sql(", codec = ").str(codec)
	b.sql(", finished_at = ", s.words.clock.now, " WHERE key_hash = ").raw(hash[:]).sql(" AND owner = ").raw(owner[:])
	return b.sql(" AND state = ").num(Claimed).done()
}

// Info reads all that is known of a key, in the order of the columns.
func (s *SQL) Info(hash [HashSize]byte) Statement {
	return s.query("SELECT ").sql(s.infoColumns(), " FROM ", s.table, " WHERE key_hash = ").raw(hash[:]).done()
}
