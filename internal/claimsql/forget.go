package claimsql

// Forgettable are the states of keys that a person may forget. A leased or a parked key is not among them: nobody knows yet
// what has become of its effect.
func Forgettable() []int { return []int{Claimed, Done, Failed, Free} }

// Forget removes a key's row if its state is forgettable, and affects one row or none.
func (s *SQL) Forget(hash [HashSize]byte) Statement {
	return s.exec("DELETE FROM ").sql(s.table, " WHERE key_hash = ").raw(hash[:]).sql(" AND ").forgettable().done()
}

func (b *builder) forgettable() *builder {
	b.sql("state IN (")
	for i, state := range Forgettable() {
		if i > 0 {
			b.sql(", ")
		}
		b.num(int64(state))
	}
	return b.sql(")")
}

// Span is a part of the table in the order of the hashes.
type Span struct {
	After *[HashSize]byte // nil: from the first row on
	Last  *[HashSize]byte // nil: to the last row
}

func (b *builder) within(s Span) *builder {
	if s.After != nil {
		b.sql(" AND key_hash > ").raw(s.After[:])
	}
	if s.Last != nil {
		b.sql(" AND key_hash <= ").raw(s.Last[:])
	}
	return b
}

// SpanEnd returns the hash of the n-th row after a hash, or no row if there are fewer.
func (s *SQL) SpanEnd(after *[HashSize]byte, n int) Statement {
	b := s.query("SELECT key_hash FROM ").sql(s.table, " WHERE 1 = 1").within(Span{After: after})
	return b.sql(" ORDER BY key_hash LIMIT 1 OFFSET ").num(int64(n - 1)).done()
}

// InScope returns the hashes and the states of a scope's keys in a part of the table, in order. Messages are no keys: the
// operation of a message is empty.
func (s *SQL) InScope(scope string, span Span) Statement {
	before, after := s.words.values.compareBytes("scope")
	b := s.query("SELECT key_hash, state FROM ").sql(s.table, " WHERE ", before).str(scope).sql(after, " AND op <> ''").within(span)
	return b.sql(" ORDER BY key_hash").done()
}

// LockForgettable locks those of the rows whose state is forgettable and returns their hashes, for Remove, on a database whose
// DELETE could read and lock other rows too (hazard K39). On other databases the text is empty, and ForgetAll does it all.
func (s *SQL) LockForgettable(marks []Mark) Statement {
	if !s.words.onDuplicateKey {
		return Statement{}
	}
	b := s.query("SELECT key_hash FROM ").sql(s.table, s.byKey(), " WHERE key_hash IN (").hashes(marks).sql(") AND ").forgettable()
	return b.sql(" LIMIT ").num(int64(len(marks))).sql(" FOR UPDATE").done()
}

// ForgetAll removes those of the rows whose state is forgettable, and affects as many rows.
func (s *SQL) ForgetAll(marks []Mark) Statement {
	return s.exec("DELETE FROM ").sql(s.table, " WHERE key_hash IN (").hashes(marks).sql(") AND ").forgettable().done()
}
