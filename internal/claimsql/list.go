package claimsql

import (
	"slices"
	"strings"
)

// infoColumns are what is known of a key, in the order of the columns.
func (s *SQL) infoColumns() string {
	times := []string{s.words.clock.asText("lease_until"), s.words.clock.asText("claimed_at"), s.words.clock.asText("finished_at"), s.words.clock.asText("expires_at")}
	return fetched + ", attempts, fence, " + s.leaseEnded() + ", " + strings.Join(times, ", ")
}

// List reads up to limit rows in a state, in the order of their hashes and after a hash, or from the first row on if after is
// nil. The columns are the hash, the readable copies, and the columns of Info.
//
// No index has the state, because completing a claim would have to write this index. Rows that never expire are found by their
// time of expiry. Other rows are found by reading rows in order until there are enough in the state.
func (s *SQL) List(state int, after *[HashSize]byte, limit int) Statement {
	b := s.query("SELECT key_hash, ")
	for _, c := range []string{"scope", "op", "id"} {
		b.sql(s.words.values.readBytes(c), ", ")
	}
	b.sql(s.infoColumns(), " FROM ", s.table, " WHERE state = ").num(int64(state))
	if slices.Contains([]int{Waiting, Dead, Parked}, state) {
		b.sql(" AND expires_at = ", s.words.clock.never)
	}
	if after != nil {
		b.sql(" AND key_hash > ").raw(after[:])
	}
	return b.sql(" ORDER BY key_hash LIMIT ").num(int64(limit)).done()
}
