package claimsql

import (
	"encoding/hex"
	"time"
)

// Mark is one message of a batch.
type Mark struct {
	Hash [HashSize]byte
	ID   string // the readable copy
}

// Filter marks the messages that are new or wait for another attempt as done. The messages must be sorted by hash and without
// duplicates. Filter is a query that returns the hashes of the messages that it marked. If ReturnsAll is true, the query
// returns the hash of each message, and whether the owner is this one. If FilterReturns is false, Filter is not a query, and
// Marked follows.
func (s *SQL) Filter(consumer string, owner [OwnerSize]byte, retain time.Duration, marks []Mark) Statement {
	b := s.query("")
	b.buf = make([]byte, 0, 1024+len(marks)*(2*HashSize+96))
	column := func(name string) func() { return func() { b.sql(name) } }
	switch {
	case s.words.onDuplicateKey:
		b.sql("INSERT INTO ", s.table, insertColumns)
		if s.words.rowStart == "" {
			b.sql("SELECT ").markValues(consumer, owner, retain, func() { b.nthHash(marks) }, func() { b.nthID(marks) })
			b.sql(" FROM ").numbers(len(marks)).sql(" WHERE m.n < ").num(int64(len(marks))).sql(" ORDER BY m.n")
		} else {
			b.sql("WITH m (h, i) AS (").values(marks).sql(") SELECT ").markValues(consumer, owner, retain, column("h"), column("i")).sql(" FROM m")
		}
		return b.updateMark(owner).done()
	case s.words.dialect == "sqlite":
		b.sql("WITH m (h, i) AS (").values(marks).sql(") INSERT INTO ", s.table, " AS k", insertColumns, "SELECT ")
		// Without WHERE, SQLite reads ON as a join's (hazard S1).
		b.markValues(consumer, owner, retain, column("h"), column("i")).sql(" FROM m WHERE true")
	default:
		b.sql("INSERT INTO ", s.table, " AS k", insertColumns, "SELECT ")
		b.markValues(consumer, owner, retain, column("pg_catalog.decode(h, 'hex')"), column("pg_catalog.convert_from(pg_catalog.decode(i, 'hex'), 'UTF8')"))
		b.sql(" FROM unnest(").lists(marks).sql(") AS m (h, i)")
	}
	b.sql(" ON CONFLICT (key_hash) DO UPDATE SET state = excluded.state, owner = excluded.owner, attempts = k.attempts + 1,")
	b.sql(" result = NULL, codec = '', finished_at = excluded.finished_at, expires_at = excluded.expires_at WHERE k.state = ").num(Waiting)
	return b.sql(" RETURNING key_hash").done()
}

// updateMark writes the update of a stored message. Assignments are made in order and see the results of the assignments
// before them (hazard H16), so the state comes last.
func (b *builder) updateMark(owner [OwnerSize]byte) *builder {
	b.sql(" ON DUPLICATE KEY UPDATE ")
	for _, c := range []string{"owner", "result", "codec", "finished_at", "expires_at"} {
		b.sql(c, " = IF(", b.s.name, ".state = ").num(Waiting).sql(", VALUES(", c, "), ", b.s.name, ".", c, "), ")
	}
	b.sql("attempts = ", b.s.name, ".attempts + (", b.s.name, ".state = ").num(Waiting).sql("), state = IF(", b.s.name, ".state = ")
	b.num(Waiting).sql(", ").num(Done).sql(", ", b.s.name, ".state)")
	if b.s.Returning {
		b.sql(" RETURNING key_hash, owner = ").digits(b.words.values.bytes, owner[:])
	}
	return b
}

func (b *builder) markValues(consumer string, owner [OwnerSize]byte, retain time.Duration, hash, id func()) *builder {
	hash()
	b.sql(", ").str(consumer).sql(", '', ")
	id()
	b.sql(", ").num(Done).sql(", 0, NULL, NULL, '', 1, 1, ").raw(owner[:])
	now := b.words.evaluatedOnce(b.words.clock.now)
	return b.sql(", ", now, ", ", now, ", ", now, ", ", b.words.evaluatedOnce(b.words.clock.fromNow(retain)))
}

func (b *builder) values(marks []Mark) *builder {
	b.sql("VALUES ")
	for i := range marks {
		if i > 0 {
			b.sql(", ")
		}
		b.sql(b.words.rowStart).raw(marks[i].Hash[:]).sql(", ").str(marks[i].ID).sql(")")
	}
	return b
}

// lists writes two arrays as hexadecimal text, so that no driver has to know arrays.
func (b *builder) lists(marks []Mark) *builder {
	ids := make([]byte, 0, len(marks)*40)
	for i := range marks {
		if i > 0 {
			ids = append(ids, ',')
		}
		ids = hex.AppendEncode(ids, []byte(marks[i].ID))
	}
	b.sql("pg_catalog.string_to_array(").list(joinHashes(marks)).sql(", ','), pg_catalog.string_to_array(").list(ids)
	return b.sql(", ',')")
}

func (b *builder) list(digits []byte) *builder {
	if b.bind {
		return b.str(string(digits))
	}
	b.buf = append(append(append(b.buf, '\''), digits...), '\'')
	return b
}

// Marked returns the hash of each stored message, and whether the owner is this one, on a database whose Filter returns
// nothing.
func (s *SQL) Marked(owner [OwnerSize]byte, marks []Mark) Statement {
	b := s.query("SELECT key_hash, owner = ").raw(owner[:]).sql(" FROM ", s.table, s.byKey(), " WHERE key_hash IN (")
	// The limit is for sessions with sql_select_limit, which would cut the result.
	return b.hashes(marks).sql(") LIMIT ").num(int64(len(marks))).sql(s.words.locks.share).done()
}

// Present counts the stored messages. It follows a Filter that returns only the messages that it marked, and proves that the
// other messages were met and not swallowed by a trigger (hazard K47). If ReturnsAll is true, the text is empty.
func (s *SQL) Present(marks []Mark) Statement {
	if s.ReturnsAll() {
		return Statement{}
	}
	b := s.query("SELECT ")
	if s.words.dialect == "sqlite" {
		b.bind = true // as in Filter
		return b.sql("count(*) FROM ", s.table, " WHERE key_hash IN (").hashes(marks).sql(")").done()
	}
	b.sql("pg_catalog.count(*) FROM ", s.table, " WHERE key_hash = ANY(ARRAY(SELECT pg_catalog.decode(h, 'hex') FROM pg_catalog.unnest(pg_catalog.string_to_array(")
	return b.list(joinHashes(marks)).sql(", ',')) AS m (h)))").done()
}

// joinHashes returns the hashes in hexadecimal, separated by commas.
func joinHashes(marks []Mark) []byte {
	joined := make([]byte, 0, len(marks)*(2*HashSize+1))
	for i := range marks {
		if i > 0 {
			joined = append(joined, ',')
		}
		joined = hex.AppendEncode(joined, marks[i].Hash[:])
	}
	return joined
}

func (b *builder) hashes(marks []Mark) *builder {
	for i := range marks {
		if i > 0 {
			b.sql(", ")
		}
		b.raw(marks[i].Hash[:])
	}
	return b
}

// FilterReturns reports whether Filter is a query. If not, Marked follows.
func (s *SQL) FilterReturns() bool { return !s.words.onDuplicateKey || s.Returning }

// ReturnsAll reports whether Filter or Marked returns every message. If not, Filter returns the messages that it marked, and if
// there are others, Present follows.
func (s *SQL) ReturnsAll() bool { return s.words.onDuplicateKey }
