package claimsql

// Sweep removes up to limit finished rows that are past their time, and affects as many. It is empty where it takes two
// steps: Expired and Remove.
func (s *SQL) Sweep(limit int) Statement {
	if s.twoStepGC {
		return Statement{}
	}
	open, end := " WHERE key_hash IN (", ")"
	if s.dialect == "postgres" {
		// An array is made once. The planner may run a subquery behind IN again for each row, which locks and removes others
		// each time, or join it to the whole table.
		open, end = " WHERE key_hash = ANY(ARRAY(", "))"
	}
	return s.exec("DELETE FROM ").sql(s.table, open).expired(limit).sql(end).done()
}

// Expired locks and returns the hashes of up to limit rows that Remove may remove.
func (s *SQL) Expired(limit int) Statement { return s.query("").expired(limit).done() }

func (b *builder) expired(limit int) *builder {
	b.sql("SELECT key_hash FROM ", b.table, " WHERE expires_at < ", b.once(b.now), " AND state IN (").num(Done).sql(", ").num(Failed)
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
	b := s.exec("DELETE FROM ").sql(s.table)
	if s.duplicate { // only in this form DELETE takes a hint
		b = s.exec("DELETE k FROM ").sql(s.table, " AS k", s.byKey())
	}
	return b.sql(" WHERE key_hash IN (").hashes(marks).sql(")").done()
}

// byKey: where a list names a good part of a small table, MySQL and MariaDB read all of it instead, and wait for every row
// that another transaction has locked.
func (s *SQL) byKey() string {
	if s.duplicate {
		return " FORCE INDEX (`PRIMARY`)"
	}
	return ""
}
