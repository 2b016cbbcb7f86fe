package conformance

import (
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/goupsert/upsert"
)

// uuid is an identifier with a Value method that defines its stored form. Most UUID libraries have such a type.
type uuid [16]byte

func (u uuid) String() string {
	h := hex.EncodeToString(u[:])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

func (u uuid) Value() (driver.Value, error) { return u.String(), nil }

func (u *uuid) Scan(src any) error {
	var text string
	switch v := src.(type) {
	case string:
		text = v
	case []byte:
		text = string(v)
	default:
		return fmt.Errorf("cannot scan a %T into a uuid", src)
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(raw) != len(u) {
		return errors.Join(fmt.Errorf("%q is not a uuid", text), err)
	}
	copy(u[:], raw)
	return nil
}

// digest is a Valuer whose database value is bytes.
type digest [4]byte

func (d digest) Value() (driver.Value, error) { return d[:], nil }

func (d *digest) Scan(src any) error {
	raw, ok := src.([]byte)
	if !ok || len(raw) != len(d) {
		return fmt.Errorf("cannot scan %v into a digest", src)
	}
	copy(d[:], raw)
	return nil
}

func keyBehaviours() []behaviour {
	at := time.Date(2026, 10, 25, 1, 30, 0, 123456000, time.UTC)
	return []behaviour{
		{name: "text", run: func(p *place) {
			checkKeys(p, "{exact}", "b", "", "a", "A", "a'b", `a\b`, `a"b`, "ä", "🙂", "%", "a b", "Z")
		}},
		{name: "bytes", run: func(p *place) {
			checkKeys(p, "{bytes}", []byte{0xff}, []byte{}, []byte{0}, []byte{0, 0}, []byte{1, 0, 0xff}, []byte("'\\\""), []byte{0x80, 0xc3})
		}},
		{name: "times", run: func(p *place) {
			checkKeys(p, "{time}", at.Add(time.Hour), at, at.Add(time.Microsecond), at.AddDate(-60, 0, 0), at.Truncate(time.Second), at.AddDate(1000, 0, 0))
		}},
		{name: "integers", run: func(p *place) { checkKeys[int64](p, "{int}", 5, -5, 0, 9223372036854775807, -9223372036854775808) }},
		{name: "booleans", run: func(p *place) { checkKeys(p, "{bool}", true, false) }},
		{name: "floats", run: func(p *place) { checkKeys(p, "{float}", 1.5, -0.1, 1e300, 0, 0.30000000000000004) }},
		{name: "a Valuer of text", run: func(p *place) { checkKeys(p, "{uuid}", uuid{15: 2}, uuid{0: 0xff}, uuid{}, uuid{7: 1}) }},
		{name: "a Valuer of bytes", run: func(p *place) { checkKeys(p, "{bytes}", digest{3: 2}, digest{0xff, 0}, digest{}) }},
		{name: "in parts of every kind", run: keyInParts},
		{name: "in another zone is the same", run: keyInZone},
		{name: "that only a collation takes for the same", run: keyFolded},
		{name: "NULL is refused before anything is sent", run: nullKey},
		{name: "NaN is refused before anything is sent", run: nanKey},
		{name: "a time of the clock, with nanoseconds", run: clockKey},
	}
}

// checkKeys writes a row for each key in the given order. It then changes every second row and writes all rows again.
func checkKeys[K any](p *place, typ string, keys ...K) {
	type row struct {
		K K     `db:"k" upsert:"key"`
		V int64 `db:"v"`
	}
	p.create("t", "k "+typ+" NOT NULL PRIMARY KEY, v {int}")
	tab := table[row](p, "t")
	var rows []row
	var created, next []upsert.Outcome
	for i, k := range keys {
		rows, created = append(rows, row{k, int64(i)}), append(created, inserted)
	}
	put(p, tab, &rows[0], inserted)
	put(p, tab, &rows[0], unchanged)
	created[0] = unchanged
	putAll(p, tab, rows, created...)
	for i := range rows {
		next = append(next, []upsert.Outcome{updated, unchanged}[i%2])
		if i%2 == 0 {
			rows[i].V += 100
		}
	}
	putAll(p, tab, rows, next...)
	wantRows(p, "SELECT * FROM t ORDER BY CASE WHEN v >= 100 THEN v - 100 ELSE v END", rows...)
	for i := range rows {
		got := row{K: rows[i].K, V: -1}
		if created, err := tab.GetOrCreate(p.ctx, p.db, &got); err != nil || created {
			p.Errorf("GetOrCreate of the stored key %s = %v, %v; want false", show(rows[i].K), created, err)
		}
		wantSame(p, "the row that GetOrCreate found", got, rows[i])
	}
}

func keyInParts(p *place) {
	type row struct {
		Done bool      `db:"done" upsert:"key"`
		At   time.Time `db:"at" upsert:"key"`
		ID   uuid      `db:"id" upsert:"key"`
		Raw  []byte    `db:"raw" upsert:"key"`
		N    int32     `db:"n" upsert:"key"`
		V    string    `db:"v"`
	}
	p.create("t", "done {bool} NOT NULL, at {time} NOT NULL, id {uuid} NOT NULL, raw {bytes} NOT NULL, n {int} NOT NULL, v {text}, PRIMARY KEY (n, raw, id, at, done)")
	tab := table[row](p, "t")
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	base := row{true, at, uuid{1: 1}, []byte{0, 0xff}, 3, "a"}
	rows := []row{base, base, base, base, base, base}
	rows[1].Done, rows[2].At, rows[3].ID, rows[4].Raw, rows[5].N = false, at.Add(time.Second), uuid{}, []byte{0}, -3
	putAll(p, tab, rows, inserted, inserted, inserted, inserted, inserted, inserted)
	rows[3].V = "b"
	putAll(p, tab, rows, unchanged, unchanged, unchanged, updated, unchanged, unchanged)
	put(p, tab, &rows[4], unchanged)
	p.wantCount("t", len(rows))
}

func keyInZone(p *place) {
	type row struct {
		At time.Time `db:"at" upsert:"key"`
		V  string    `db:"v"`
	}
	p.create("t", "at {time} NOT NULL PRIMARY KEY, v {text}")
	tab := table[row](p, "t")
	at := time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC)
	east, west := at.In(time.FixedZone("east", 19800)), at.In(time.FixedZone("west", -9*3600))
	put(p, tab, &row{at, "a"}, inserted)
	put(p, tab, &row{east, "a"}, unchanged)
	putAll(p, tab, []row{{west, "b"}, {at, "b"}, {east, "c"}}, updated, unchanged, updated)
	wantRows(p, "SELECT * FROM t", row{at, "c"})
}

// keyFolded puts two keys that differ in the program but are equal under the collation of the key column. To the database both
// are one row. The library must refuse to overwrite that row (hazard H18).
func keyFolded(p *place) {
	type row struct {
		ID string `db:"id" upsert:"key"`
		V  string `db:"v"`
	}
	createFolding(p)
	tab := table[row](p, "t")
	put(p, tab, &row{"a", "1"}, inserted)
	for _, other := range []row{{"A", "1"}, {"A", "2"}} {
		_, err := tab.Put(p.ctx, p.db, &other)
		wantIs(p, fmt.Sprintf("Put of key %q", other.ID), err, upsert.ErrOtherKey)
		for _, opts := range [][]upsert.PutOption{nil, {upsert.Outcomes()}} {
			_, err = tab.PutAll(p.ctx, p.db, []row{{"b", "1"}, other}, opts...)
			wantIs(p, fmt.Sprintf("PutAll of key %q", other.ID), err, upsert.ErrOtherKey)
		}
		wantRows(p, "SELECT * FROM t", row{"a", "1"})
	}
	_, err := tab.PutAll(p.ctx, p.db, []row{{"c", "1"}, {"C", "1"}})
	wantIs(p, "PutAll of both keys", err, upsert.ErrOtherKey)
	wantRows(p, "SELECT * FROM t", row{"a", "1"})
	put(p, tab, &row{"a", "1"}, unchanged)
	put(p, tab, &row{"a", "2"}, updated)
}

// createFolding creates a table t whose key column id has a collation that folds.
func createFolding(p *place) {
	p.Helper()
	if p.postgres() {
		p.exec("CREATE COLLATION folds (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
	}
	p.create("t", "id "+p.pick("TEXT COLLATE NOCASE", "text COLLATE folds", "VARCHAR(50)")+" NOT NULL PRIMARY KEY, v {text}")
}

func nullKey(p *place) {
	type row struct {
		ID []byte `db:"id" upsert:"key"`
		V  string `db:"v"`
	}
	p.create("t", "id {bytes} NOT NULL PRIMARY KEY, v {text}")
	tab := table[row](p, "t")
	sent := &recorder{DB: p.begin(nil)}
	rows := []row{{[]byte("a"), "a"}, {[]byte("b"), "b"}, {nil, "c"}}
	_, err := tab.PutAll(p.ctx, sent, rows)
	wantIs(p, "PutAll", err, upsert.ErrNullKey)
	wantRowError(p, err, "t", "id", 2)
	_, err = tab.Put(p.ctx, sent, &rows[2])
	wantIs(p, "Put", err, upsert.ErrNullKey)
	wantRowError(p, err, "t", "id", -1)
	_, err = tab.GetOrCreate(p.ctx, sent, &rows[2])
	wantIs(p, "GetOrCreate", err, upsert.ErrNullKey)
	sent.wantNothing(p)
	_, err = tab.PutSeq(p.ctx, p.db, sequence(rows...))
	wantIs(p, "PutSeq", err, upsert.ErrNullKey)
	wantRowError(p, err, "t", "id", 2)
	p.wantCount("t", 0)
}

// nanKey checks that a NaN key is refused. SQLite stores NaN as NULL, so each put would insert another row.
func nanKey(p *place) {
	type thing struct {
		ID float64 `db:"id" upsert:"key"`
		V  int64   `db:"v"`
	}
	p.create("t", "id {float} PRIMARY KEY, v {int}")
	tab, sent := table[thing](p, "t"), &recorder{DB: p.begin(nil)}
	bad := thing{math.NaN(), 1}
	_, err := tab.Put(p.ctx, sent, &bad)
	wantRowError(p, err, "t", "id", -1)
	_, err = tab.GetOrCreate(p.ctx, sent, &bad)
	wantRowError(p, err, "t", "id", -1)
	_, err = tab.PutAll(p.ctx, sent, []thing{{1, 1}, bad})
	wantRowError(p, err, "t", "id", 1)
	sent.wantNothing(p)
}

// clockKey checks that a returned time key still finds its row, although the server rounds the time.
func clockKey(p *place) {
	type thing struct {
		ID time.Time `db:"id" upsert:"key"`
		V  int64     `db:"v"`
	}
	p.create("t", "id {time} NOT NULL PRIMARY KEY, v {int}")
	tab := table[thing](p, "t")
	at := time.Date(2026, 1, 2, 3, 4, 5, 678901900, time.UTC)
	rows := []thing{{at.Add(time.Hour), 1}, {at, 1}, {at.Add(600 * time.Microsecond), 1}}
	putAll(p, tab, rows, inserted, inserted, inserted)
	putAll(p, tab, rows, unchanged, unchanged, unchanged)
	for i := range rows {
		put(p, tab, &rows[i], unchanged)
		again := rows[i]
		if created, err := tab.GetOrCreate(p.ctx, p.db, &again); err != nil || created {
			p.Errorf("GetOrCreate = %v, %v; want false", created, err)
		}
	}
	rows[1].V = 2
	putAll(p, tab, rows, unchanged, updated, unchanged)
	p.wantCount("t", 3)
}
