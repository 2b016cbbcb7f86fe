package claimsql

import "strings"

// insertColumns are those that every insert gives a value.
const insertColumns = " (key_hash, scope, op, id, state, fingerprint_version, fingerprint, result, codec, attempts, fence, owner, lease_until, claimed_at, finished_at, expires_at) "

// Claim inserts the row in state Claimed, unless one is there. Where Returning is true it is a query that returns the row,
// this one or the one that was there, in the columns of Fetch; else it affects one row or none.
//
// It inserts first and looks later: a locking read of a key that is not there yet makes two claims deadlock on each
// other's gap (hazard K28), and one that does not lock proves nothing.
func (s *SQL) Claim(r Row, prefix string) Statement {
	b := s.exec(prefix)
	if s.Returning {
		b.bind = s.Bind
	}
	b.sql("INSERT INTO ", s.table, insertColumns)
	if r.KeyTime != 0 {
		b.sql("SELECT ").claimed(r).sql(b.fromNothing()).young(r)
	} else {
		b.sql("VALUES (").claimed(r).sql(")")
	}
	if !s.duplicate {
		return b.sql(" ON CONFLICT (key_hash) DO NOTHING").done()
	}
	b.sql(" ON DUPLICATE KEY UPDATE key_hash = ", s.name, ".key_hash")
	if s.Returning {
		b.sql(" RETURNING ", fetched)
	}
	return b.done()
}

func (b *builder) claimed(r Row) *builder {
	b.raw(r.Hash[:]).sql(", ").str(r.Scope).sql(", ").str(r.Op).sql(", ").str(r.ID).sql(", ").num(Claimed).sql(", ")
	b.num(int64(r.FingerprintVersion)).sql(", ").raw(r.Fingerprint).sql(", NULL, '', 1, 1, ").raw(r.Owner[:])
	return b.sql(", ", b.now, ", ", b.now, ", NULL, ", b.later(r.Retain))
}

// fromNothing: MySQL wants a table before WHERE.
func (b *builder) fromNothing() string {
	if b.duplicate {
		return " FROM DUAL WHERE "
	}
	return " WHERE "
}

// young: the key's own time is not further back than its retention.
func (b *builder) young(r Row) *builder {
	return b.sql(b.nowMillis, " - ").num(r.Retain.Milliseconds()).sql(" <= ").num(r.KeyTime)
}

// Young returns 1 if the key's own time is not further back than its retention, else 0.
func (s *SQL) Young(r Row) Statement {
	return s.query("SELECT CASE WHEN ").young(r).sql(" THEN 1 ELSE 0 END").done()
}

const fetched = "state, owner, fingerprint_version, fingerprint, result, codec"

// Fetch reads what a claim must know of a row that is there, in a transaction whose snapshot may be older than the row.
func (s *SQL) Fetch(hash [HashSize]byte) Statement { return s.fetch(hash, reading{lock: s.locking}) }

func (s *SQL) fetch(hash [HashSize]byte, r reading) Statement {
	return s.query("SELECT ").sql(r.hint, fetched, " FROM ", s.table, " WHERE key_hash = ").raw(hash[:]).sql(r.lock).done()
}

// Look reads what Fetch reads, outside of a transaction. It passes over a row that another transaction is writing: at READ
// UNCOMMITTED it would be seen. MySQL before 8 cannot pass over one, and fails after a moment (see Busy). The text is empty
// where the database can do neither.
func (s *SQL) Look(hash [HashSize]byte) Statement {
	if s.look.none {
		return Statement{}
	}
	return s.fetch(hash, s.look)
}

// Proof returns a row if the transaction is still the one in which the owner has written the key's.
func (s *SQL) Proof(hash [HashSize]byte, owner [OwnerSize]byte) Statement {
	b := s.query("SELECT 1 FROM ").sql(s.table, " WHERE key_hash = ").raw(hash[:]).sql(" AND owner = ").raw(owner[:])
	return b.done()
}

// Aborts reports whether an error of a statement ends the transaction and the server says so from then on.
func (s *SQL) Aborts() bool { return s.aborts }

// Record completes a claim of the owner's: it affects one row, or none if the claim is gone. No indexed column is among
// those that it changes.
func (s *SQL) Record(hash [HashSize]byte, owner [OwnerSize]byte, state int, result []byte, codec string) Statement {
	b := s.exec("UPDATE ").sql(s.table, " SET state = ").num(int64(state)).sql(", result = ").raw(result).sql(", codec = ").str(codec)
	b.sql(", finished_at = ", s.now, " WHERE key_hash = ").raw(hash[:]).sql(" AND owner = ").raw(owner[:])
	return b.sql(" AND state = ").num(Claimed).done()
}

// Info reads all that is known of a key, in the order of its columns.
func (s *SQL) Info(hash [HashSize]byte) Statement {
	b := s.query("SELECT ").sql(fetched, ", attempts, fence, ")
	b.sql(strings.Join([]string{s.shown("lease_until"), s.shown("claimed_at"), s.shown("finished_at"), s.shown("expires_at")}, ", "))
	return b.sql(" FROM ", s.table, " WHERE key_hash = ").raw(hash[:]).done()
}
