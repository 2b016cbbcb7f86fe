package claimsql

import "encoding/binary"

// MySQL before 8.0.19 has no list of rows that a SELECT or a DELETE could join: VALUES cannot be used there, and a UNION of a
// thousand SELECTs overruns its stack (hazard K41). So a list is sent as a few long strings, and a table of numbers says which
// part of each string belongs to which row.

// numbers writes a table m of the numbers n from 0 on, with at least as many rows as wanted.
func (b *builder) numbers(wanted int) *builder {
	b.sql("(SELECT a.d")
	names := []string{"a"}
	for weight := 16; weight < wanted; weight *= 16 {
		name := string(rune('a' + len(names)))
		names = append(names, name)
		b.sql(" + ").num(int64(weight)).sql(" * ", name, ".d")
	}
	b.sql(" AS n")
	before := " FROM "
	for _, name := range names {
		b.sql(before, "(SELECT 0 AS d")
		for d := range int64(15) {
			b.sql(" UNION ALL SELECT ").num(d + 1)
		}
		b.sql(") AS ", name)
		before = " CROSS JOIN "
	}
	return b.sql(") AS m")
}

// nthHash writes the hash of the mark with the number m.n.
func (b *builder) nthHash(marks []Mark) *builder {
	all := make([]byte, 0, len(marks)*HashSize)
	for i := range marks {
		all = append(all, marks[i].Hash[:]...)
	}
	return b.sql("SUBSTRING(").raw(all).sql(", m.n * 32 + 1, 32)")
}

// nthID writes the readable copy of the mark with the number m.n. The copies differ in length, so two strings of numbers say
// where each copy begins and how long it is.
func (b *builder) nthID(marks []Mark) *builder {
	var all, starts, lengths []byte
	for i := range marks {
		starts = binary.BigEndian.AppendUint32(starts, uint32(len(all)+1))
		lengths = binary.BigEndian.AppendUint32(lengths, uint32(len(marks[i].ID)))
		all = append(all, marks[i].ID...)
	}
	b.sql("CONVERT(SUBSTRING(").raw(all).sql(", ").nthNumber(starts).sql(", ").nthNumber(lengths)
	return b.sql(") USING utf8mb4)")
}

func (b *builder) nthNumber(all []byte) *builder {
	return b.sql("CONV(HEX(SUBSTRING(").raw(all).sql(", m.n * 4 + 1, 4)), 16, 10)")
}
