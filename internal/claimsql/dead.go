package claimsql

import (
	"encoding/hex"
	"fmt"
)

// CallSize is the width of the name of a call of Fail. The name is hexadecimal digits, so the report, which begins with a
// brace, is found behind the names.
const CallSize = 16

// mostCalls is how many calls of Fail are remembered for a message, the last ones.
const mostCalls = 64

// Failure is one failed attempt at a message.
type Failure struct {
	Call   [CallSize]byte  // the same each time that the call sends the statement
	Owner  [OwnerSize]byte // different each time
	Most   int             // attempts; the last of them makes the message dead
	Report []byte          // a JSON object
}

// Fail counts a failed attempt at a message that is not done, and makes the message dead if this is the last attempt. A call
// counts once, because the names of the counted calls are stored before the report. So the statement can be repeated, even if
// others have failed meanwhile.
func (s *SQL) Fail(consumer string, m Mark, f Failure) Statement {
	first := Waiting
	if f.Most <= 1 {
		first = Dead
	}
	b := s.exec("INSERT INTO ").sql(s.table)
	if !s.words.onDuplicateKey {
		b.sql(" AS k")
	}
	b.sql(insertColumns, "VALUES (").raw(m.Hash[:]).sql(", ").str(consumer).sql(", '', ").str(m.ID).sql(", ").num(int64(first))
	b.sql(", 0, NULL, ").raw(append(f.Call[:], f.Report...)).sql(", ").str(ReportCodec).sql(", 1, 1, ").raw(f.Owner[:])
	b.sql(", ", s.words.clock.now, ", ", s.words.clock.now, ", NULL, ", s.words.clock.never, ")")
	if s.words.onDuplicateKey {
		return b.updateFailure(f).done()
	}
	b.sql(" ON CONFLICT (key_hash) DO UPDATE SET attempts = k.attempts + 1, result = ", s.words.functions.concat(s.words.calls("k", "k.attempts"), "excluded.result"))
	b.sql(", owner = excluded.owner, state = CASE WHEN k.attempts + 1 >= ").num(int64(f.Most)).sql(" THEN ").num(Dead).sql(" ELSE k.state END")
	return b.sql(" WHERE k.state = ").num(Waiting).sql(" AND ").notCounted("k", f).done()
}

// updateFailure writes the update of a stored message. Assignments are made in order and see the results of the assignments
// before them (hazard H16). So after the assignment of owner, the owner is this call's only if this statement counts.
func (b *builder) updateFailure(f Failure) *builder {
	counts := func() {
		b.sql("(", b.s.name, ".state = ").num(Waiting).sql(" AND ").notCounted(b.s.name, f).sql(")")
	}
	ownedByCaller := "IF(" + b.s.name + ".owner = VALUES(owner)"
	b.sql(" ON DUPLICATE KEY UPDATE attempts = ", b.s.name, ".attempts + ")
	counts()
	b.sql(", owner = IF(")
	counts()
	b.sql(", VALUES(owner), ", b.s.name, ".owner), result = ", ownedByCaller, ", ")
	b.sql(b.words.functions.concat(b.words.calls(b.s.name, b.s.name+".attempts - 1"), "VALUES(result)"), ", ", b.s.name, ".result), state = ", ownedByCaller)
	return b.sql(" AND ", b.s.name, ".attempts >= ").num(int64(f.Most)).sql(", ").num(Dead).sql(", ", b.s.name, ".state)")
}

// notCounted writes a condition that is true if the call has not been counted.
func (b *builder) notCounted(row string, f Failure) *builder {
	call := b.words.values.bytes.before + hex.EncodeToString(f.Call[:]) + b.words.values.bytes.after
	return b.sql(b.words.functions.position(call, fmt.Sprintf("%s(%s.result, 1, %d)", b.words.functions.substring, row, CallSize*mostCalls)), " = 0")
}

// calls returns an expression for the names of the calls counted before, without the first name if there are too many.
func (w *words) calls(row, attempts string) string {
	kept := fmt.Sprintf("%s(%s, %d)", w.functions.least, attempts, mostCalls-1)
	from := fmt.Sprintf("1 + %d * (%s(%s, %d) - %s)", CallSize, w.functions.least, attempts, mostCalls, kept)
	return fmt.Sprintf("%s(%s.result, %s, %d * %s)", w.functions.substring, row, from, CallSize, kept)
}

// ReportCodec is the codec of the report that Fail stores.
const ReportCodec = "attempt"

// Attempts reads the state and the attempts of a message.
func (s *SQL) Attempts(m Mark) Statement {
	return s.query("SELECT state, attempts FROM ").sql(s.table, " WHERE key_hash = ").raw(m.Hash[:]).sql(s.words.locks.share).done()
}

// Dead lists a consumer's dead messages, the oldest first. They are found by their time of expiry, which never comes.
func (s *SQL) Dead(consumer string, limit int) Statement {
	b := s.query("SELECT ").sql(s.words.values.readBytes("id"), ", attempts, result, ", s.words.clock.asText("claimed_at"), " FROM ", s.table, " WHERE expires_at = ", s.words.clock.never, " AND state = ").num(Dead).sql(" AND ")
	before, after := s.words.values.compareBytes("scope")
	b.sql(before).str(consumer).sql(after, " AND op = '' ORDER BY claimed_at, id LIMIT ").num(int64(limit))
	return b.done()
}

// Revive makes dead messages wait for another first attempt.
func (s *SQL) Revive(marks []Mark) Statement {
	b := s.exec("UPDATE ").sql(s.table, s.byKey(), " SET state = ").num(Waiting).sql(", attempts = 0 WHERE state = ").num(Dead).sql(" AND key_hash IN (")
	return b.hashes(marks).sql(")").done()
}
