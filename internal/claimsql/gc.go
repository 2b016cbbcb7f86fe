package claimsql

// Sweep removes up to limit finished rows that are past their time, and affects as many. It is empty where it takes two
// steps: Expired and Remove.
func (s *SQL) Sweep(limit int) Statement {
	if s.twoStepGC {
		return Statement{}
	}
	b := s.exec("DELETE FROM ").sql(s.table, " WHERE key_hash IN (")
	return b.expired(limit).sql(")").done()
}

// Expired locks and returns the hashes of up to limit rows that Remove may remove.
func (s *SQL) Expired(limit int) Statement { return s.query("").expired(limit).done() }

func (b *builder) expired(limit int) *builder {
	b.sql("SELECT key_hash FROM ", b.table, " WHERE expires_at < ", b.now, " AND state IN (").num(Done).sql(", ").num(Failed)
	b.sql(") ORDER BY expires_at LIMIT ").num(int64(limit))
	switch {
	case b.dialect == "sqlite":
	case b.skipLocked:
		b.sql(" FOR UPDATE SKIP LOCKED")
	default:
		b.sql(" FOR UPDATE")
	}
	return b
}

// Remove removes rows that this transaction has locked.
func (s *SQL) Remove(marks []Mark) Statement {
	b := s.exec("DELETE FROM ").sql(s.table, " WHERE key_hash IN (")
	return b.hashes(marks).sql(")").done()
}
