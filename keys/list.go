package keys

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/claimsql"
)

// Cursor is a position in the list of [Store.List]. The zero Cursor is before the first row. Cursors can be compared, and have
// a short text of hexadecimal digits, for example for the address of a page's successor.
type Cursor struct {
	hash    hash
	started bool
}

// MarshalText returns the cursor's text, which is empty for the zero Cursor.
func (c Cursor) MarshalText() ([]byte, error) {
	if !c.started {
		return nil, nil
	}
	return hex.AppendEncode(nil, c.hash[:]), nil
}

// UnmarshalText sets the cursor from the text that MarshalText returns. It returns an error for any other text.
func (c *Cursor) UnmarshalText(text []byte) error {
	*c = Cursor{}
	if len(text) == 0 {
		return nil
	}
	if n, err := hex.Decode(c.hash[:], text[:min(len(text), 2*len(c.hash))]); err != nil || n != len(c.hash) || len(text) != 2*n {
		*c = Cursor{}
		return fmt.Errorf("keys: the cursor %q is none that List has returned", text)
	}
	c.started = true
	return nil
}

// String returns the cursor's text.
func (c Cursor) String() string {
	text, _ := c.MarshalText()
	return string(text)
}

// List returns up to limit keys and messages in a state, after a cursor that List has returned before; the zero [Cursor]
// begins. A message has the Key that [Store.InspectMessage] gives it. The order is that of the keys' hashes, so it has no
// meaning, and a key keeps its place. Only the last page has less than limit entries. Pass next to the next call; next is zero
// after an empty page.
//
// A key of [Do] is in StateLeased until its caller has answered, also after the lease's end, and in StateParked when a call
// has met it after that and has left it to a person. Info.LeaseUntil tells the end of a lease.
//
// A row that changes its state while you list may be left out or be listed although it has changed. A key is not visible while
// its first transaction is running. Each Info has its result, so a page takes up to limit times [MaxResult] bytes of memory.
//
// List reads a page by the primary key. Completing a claim writes no index entry because no index has the state, so the cost
// of a page depends on how frequent the state is: if one key in a hundred is in the state, a page of 100 reads 10,000 rows.
// The last page, and the only page of a state that hardly any key has, reads the rest of the table. The exception are
// StateParked, StateWaiting and StateDead, whose rows never expire: an index finds them whatever the size of the table.
// bench/EARLIER.md has figures.
//
// List returns an error for a state that no key can have, for a limit below 1, and otherwise the database's error.
func (s *Store) List(ctx context.Context, st State, after Cursor, limit int) (page []Info, next Cursor, err error) {
	if err := s.checkReady(); err != nil {
		return nil, Cursor{}, err
	}
	if !isListed(st) {
		return nil, Cursor{}, fmt.Errorf("keys: List: no key has the state %v", st)
	}
	if limit < 1 {
		return nil, Cursor{}, fmt.Errorf("keys: List: a limit of %d: the minimum is 1", limit)
	}
	from := &after.hash
	if !after.started {
		from = nil
	}
	q := s.sql.List(int(st), from, limit)
	found, err := readCommitted(ctx, s, func(db upsert.DB) (p listPage, err error) { return readPage(ctx, db, q) })
	if err != nil {
		return nil, Cursor{}, fmt.Errorf("keys: List: %w", s.explain(ctx, err))
	}
	return found.infos, found.next, nil
}

// isListed reports whether a row can be in the state.
func isListed(st State) bool { return st >= StateClaimed && st <= StateParked }

type listPage struct {
	infos []Info
	next  Cursor
}

func readPage(ctx context.Context, db upsert.DB, q claimsql.Statement) (p listPage, err error) {
	var digest []byte
	p.infos, err = queryAll(ctx, db, q, func(scan func(...any) error) (info Info, err error) {
		var r infoRow
		var k Key
		if err := scan(append([]any{&digest, &k.Scope, &k.Op, &k.ID}, r.dest()...)...); err != nil {
			return info, err
		}
		known, err := r.convert()
		if err != nil {
			return info, err
		}
		known.Key, err = unreadableKey(k)
		return *known, err
	})
	if err == nil && len(p.infos) > 0 {
		p.next = Cursor{hash: hash(digest), started: true}
	}
	return p, err
}

// queryAll returns what scan makes of each row.
func queryAll[V any](ctx context.Context, db upsert.DB, q claimsql.Statement, scan func(func(...any) error) (V, error)) (all []V, err error) {
	rows, err := db.QueryContext(ctx, q.Text, q.Args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		v, err := scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return all, rows.Close()
}

// unreadableKey returns the key whose readable copies are given.
func unreadableKey(k Key) (_ Key, err error) {
	for _, part := range []*string{&k.Scope, &k.Op, &k.ID} {
		if *part, err = unreadable(*part); err != nil {
			return k, err
		}
	}
	return k, nil
}
