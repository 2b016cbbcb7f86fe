package claimsql

// Fail counts a failed attempt at a message that is not done, and makes it dead if it is the most'th. The same owner
// counts once, so the statement can be repeated.
func (s *SQL) Fail(consumer string, m Mark, owner [OwnerSize]byte, most int, report []byte) Statement {
	first := Waiting
	if most <= 1 {
		first = Dead
	}
	b := s.exec("INSERT INTO ").sql(s.table)
	if !s.duplicate {
		b.sql(" AS k")
	}
	b.sql(insertColumns, "VALUES (").raw(m.Hash[:]).sql(", ").str(consumer).sql(", '', ").str(m.ID).sql(", ").num(int64(first))
	b.sql(", 0, NULL, ").raw(report).sql(", ").str(ReportCodec).sql(", 1, 1, ").raw(owner[:]).sql(", ", s.now, ", ", s.now, ", NULL, ", s.never, ")")
	if !s.duplicate {
		b.sql(" ON CONFLICT (key_hash) DO UPDATE SET attempts = k.attempts + 1, result = excluded.result, owner = excluded.owner, ")
		b.sql("state = CASE WHEN k.attempts + 1 >= ").num(int64(most)).sql(" THEN ").num(Dead).sql(" ELSE k.state END")
		return b.sql(" WHERE k.state = ").num(Waiting).sql(" AND k.owner <> excluded.owner").done()
	}
	counts := "(" + s.name + ".state = 4 AND " + s.name + ".owner <> VALUES(owner))"
	b.sql(" ON DUPLICATE KEY UPDATE attempts = ", s.name, ".attempts + ", counts, ", result = IF(", counts, ", VALUES(result), ", s.name, ".result), ")
	// In order, as in Filter: the attempts are counted by now.
	b.sql("state = IF(", counts, " AND ", s.name, ".attempts >= ").num(int64(most)).sql(", ").num(Dead).sql(", ", s.name, ".state), ")
	return b.sql("owner = IF(", s.name, ".state IN (4, 5), VALUES(owner), ", s.name, ".owner)").done()
}

// ReportCodec is the codec of what Fail stores.
const ReportCodec = "attempt"

// Attempts reads the state and the attempts of a message.
func (s *SQL) Attempts(m Mark) Statement {
	return s.query("SELECT state, attempts FROM ").sql(s.table, " WHERE key_hash = ").raw(m.Hash[:]).sql(s.locking).done()
}

// Dead lists a consumer's dead messages, the oldest first. They are found by their time of expiry, which does not come.
func (s *SQL) Dead(consumer string, limit int) Statement {
	id := "id"
	if s.duplicate {
		id = "CAST(id AS BINARY)" // a connection's character set may lack what is in it
	}
	b := s.query("SELECT ").sql(id, ", attempts, result, ", s.shown("claimed_at"), " FROM ", s.table, " WHERE expires_at = ", s.never, " AND state = ").num(Dead).sql(" AND ")
	before, after := s.same("scope")
	b.sql(before).str(consumer).sql(after, " AND op = '' ORDER BY claimed_at, id LIMIT ").num(int64(limit))
	return b.done()
}

// Revive makes dead messages wait for another first attempt.
func (s *SQL) Revive(marks []Mark) Statement {
	b := s.exec("UPDATE ").sql(s.table, s.byKey(), " SET state = ").num(Waiting).sql(", attempts = 0 WHERE state = ").num(Dead).sql(" AND key_hash IN (")
	return b.hashes(marks).sql(")").done()
}
