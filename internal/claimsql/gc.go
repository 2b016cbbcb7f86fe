package claimsql

// Sweep removes up to limit finished or free rows that are past their time, and affects as many rows. If the database needs two steps,
// Expired and Remove, the text is empty.
func (s *SQL) Sweep(limit int) Statement {
	if s.words.twoStepGC {
		return Statement{}
	}
	open, end := " WHERE key_hash IN (", ")"
	if s.words.dialect == "postgres" {
		// An array is evaluated once. The planner may run a subquery behind IN again for each row, which locks and removes
		// other rows each time, or join the subquery to the whole table.
		open, end = " WHERE key_hash = ANY(ARRAY(", "))"
	}
	return s.exec("DELETE FROM ").sql(s.table, open).expired(limit).sql(end).done()
}

// Expired returns the hashes of up to limit rows that Remove may remove, and locks these rows. If locking would wait for
// another transaction, Expired does not lock, and leaves out the rows that were found locked before; Lock follows.
func (s *SQL) Expired(limit int, found []Mark) Statement {
	b := s.query("")
	if s.words.locks.timeoutHint == "" {
		return b.expired(limit).done()
	}
	b.sql("SELECT key_hash FROM ", s.table, " WHERE ").removable()
	if len(found) > 0 {
		b.sql(" AND key_hash NOT IN (").hashes(found).sql(")")
	}
	return b.sql(" ORDER BY expires_at LIMIT ").num(int64(limit)).done()
}

// Lock locks the rows that Remove may still remove, and returns their hashes. If another transaction has locked one of them,
// Lock fails after a moment. If Expired has locked the rows, the text is empty.
func (s *SQL) Lock(marks []Mark) Statement {
	if s.words.locks.timeoutHint == "" {
		return Statement{}
	}
	b := s.query("SELECT ").sql(s.words.locks.timeoutHint, "key_hash FROM ", s.table, s.byKey(), " WHERE key_hash IN (").hashes(marks)
	return b.sql(") AND ").removable().sql(" LIMIT ").num(int64(len(marks))).sql(" FOR UPDATE").done()
}

// removable writes the condition that a row may be removed.
func (b *builder) removable() *builder {
	b.sql("expires_at < ", b.words.evaluatedOnce(b.words.clock.now))
	return b.sql(" AND state IN (").num(Done).sql(", ").num(Failed).sql(", ").num(Free).sql(")")
}

func (b *builder) expired(limit int) *builder {
	b.sql("SELECT key_hash FROM ", b.s.table, " WHERE ").removable().sql(" ORDER BY expires_at LIMIT ").num(int64(limit))
	switch {
	case b.words.dialect == "sqlite":
	case b.words.locks.skipLocked:
		b.sql(" FOR UPDATE SKIP LOCKED")
	default:
		b.sql(" FOR UPDATE")
	}
	return b
}

// Remove removes rows that this transaction has locked, and reads no other rows: it would wait for the rows that another
// transaction has locked (hazard K39).
func (s *SQL) Remove(marks []Mark) Statement {
	switch {
	case !s.words.onDuplicateKey:
		return s.exec("DELETE FROM ").sql(s.table, " WHERE key_hash IN (").hashes(marks).sql(")").done()
	case s.words.deleteHint:
		b := s.exec("DELETE /*+ INDEX(").sql(s.name, " `PRIMARY`) */ FROM ", s.table, " WHERE ")
		return b.sql("key_hash IN (").hashes(marks).sql(")").done()
	}
	b := s.exec(s.words.allowUpdate).sql("DELETE k FROM ").numbers(len(marks)).sql(" STRAIGHT_JOIN ", s.table, " AS k", s.byKey(), " ON k.key_hash = ")
	return b.nthHash(marks).sql(" WHERE m.n < ").num(int64(len(marks))).done()
}

// WorksWithSafeUpdates reports whether Remove works in a session with sql_safe_updates, which refuses the join of MySQL before
// 8.0.19.
func (s *SQL) WorksWithSafeUpdates() bool {
	return !s.words.onDuplicateKey || s.words.deleteHint || s.words.allowUpdate != ""
}

// byKey returns an index hint. If a list names a large part of a small table, MySQL and MariaDB would read the whole table
// instead, and wait for every row that another transaction has locked (hazard K39).
func (s *SQL) byKey() string {
	if s.words.onDuplicateKey {
		return " FORCE INDEX (`PRIMARY`)"
	}
	return ""
}
