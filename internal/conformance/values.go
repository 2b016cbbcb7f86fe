package conformance

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/goupsert/upsert"
)

func valueBehaviours() []behaviour {
	return []behaviour{
		{name: "text", run: func(p *place) {
			checkValues(p, "{text}", "", "it's", `back\slash`, `\`, `"quoted"`, "`tick`", "漢字 🙂 é é", "a\n\tb", "%_", "NULL", "$1 ? :n", "trailing ", "a", "A", "--", strings.Repeat("ß", 400))
		}},
		{name: "bytes", run: func(p *place) {
			checkValues(p, "{bytes}", []byte{}, []byte{0}, []byte{0xff, 0, 0xfe}, []byte(`\x00'"`), []byte("text"), []byte("TEXT"))
		}},
		{name: "integers", run: func(p *place) { checkValues[int64](p, "{int}", 0, math.MaxInt64, math.MinInt64, -1) }},
		{name: "floats", run: func(p *place) {
			checkValues(p, "{float}", 0.0, 0.1, 0.1+0.2, math.MaxFloat64, -math.MaxFloat64, 2.2250738585072014e-308, math.Pi, 1e21, float64(1<<53))
		}},
		{name: "booleans", run: func(p *place) { checkValues(p, "{bool}", false, true) }},
		{name: "times", run: func(p *place) {
			checkValues(p, "{time}", time.Unix(0, 0).UTC(), time.Date(1000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC), time.Date(2026, 2, 28, 12, 0, 0, 1000, time.FixedZone("", 3600)))
		}},
		{name: "uuids", run: func(p *place) { checkValues(p, "{uuid}", uuid{}, uuid{0xff, 15: 1}) }},
		{name: "JSON", run: jsonValues},
		{name: "a time in another zone is unchanged", run: timeInZone},
		{name: "a time finer than the column is unchanged", run: timeTooFine},
		{name: "an integer beyond int64", run: hugeInteger},
		{name: "JSON that is spelt differently", run: jsonSpelling},
		{name: "PostgreSQL's json", run: plainJSON, only: "postgres"},
		{name: "a Valuer that fails", run: failingValuer},
	}
}

// checkValues changes a row from NULL to each value, with Put and with PutAll.
func checkValues[V any](p *place, typ string, values ...V) {
	type row struct {
		ID int64 `db:"id" upsert:"key"`
		V  *V    `db:"v"`
	}
	p.create("t", "id {int} NOT NULL PRIMARY KEY, v "+typ)
	tab := table[row](p, "t")
	put(p, tab, &row{0, nil}, inserted)
	var rows []row
	var first, again []upsert.Outcome
	for i, v := range values {
		put(p, tab, &row{0, &v}, updated)
		put(p, tab, &row{0, &v}, unchanged)
		wantRows(p, "SELECT * FROM t WHERE id = 0", row{0, &v})
		rows, first, again = append(rows, row{int64(i + 1), &v}), append(first, inserted), append(again, unchanged)
	}
	put(p, tab, &row{0, nil}, updated)
	put(p, tab, &row{0, &values[0]}, updated)
	putAll(p, tab, rows, first...)
	putAll(p, tab, rows, again...)
	wantRows(p, "SELECT * FROM t WHERE id > 0 ORDER BY id", rows...)
}

type timed struct {
	ID int64     `db:"id" upsert:"key"`
	At time.Time `db:"at"`
}

func timeInZone(p *place) {
	p.create("t", "id {int} NOT NULL PRIMARY KEY, at {time}")
	tab := table[timed](p, "t")
	at := time.Date(2025, 11, 2, 5, 30, 0, 123456000, time.UTC)
	put(p, tab, &timed{1, at}, inserted)
	for _, hours := range []int{-12, -4, 2, 14} {
		put(p, tab, &timed{1, at.In(time.FixedZone("zone", hours*3600))}, unchanged)
	}
	// The same wall-clock time an hour later, as when clocks are set back.
	put(p, tab, &timed{1, at.Add(time.Hour).In(time.FixedZone("EST", -5*3600))}, updated)
	wantRows(p, "SELECT * FROM t", timed{1, at.Add(time.Hour)})
}

// timeTooFine checks a column that stores microseconds. A difference below a microsecond is no change.
func timeTooFine(p *place) {
	p.create("t", "id {int} NOT NULL PRIMARY KEY, at {time}")
	tab := table[timed](p, "t")
	at := time.Date(2026, 5, 6, 7, 8, 9, 123456789, time.UTC)
	put(p, tab, &timed{1, at}, inserted)
	put(p, tab, &timed{1, at}, unchanged)
	now := time.Now() // a time with a monotonic clock and a local zone
	putAll(p, tab, []timed{{2, now}, {1, at}}, inserted, unchanged)
	putAll(p, tab, []timed{{2, now}, {2, now.UTC()}}, unchanged, unchanged)
	got := get[timed](p, "SELECT * FROM t WHERE id = 1").At
	if d := got.Sub(at).Abs(); d > time.Microsecond {
		p.Errorf("%v is stored as %v, want the same time to the microsecond", at, got)
	}
}

// hugeInteger puts an integer above the signed range. MySQL and MariaDB have a column type for it. On other databases the put
// must fail and must not store another number.
func hugeInteger(p *place) {
	type row struct {
		ID int64  `db:"id" upsert:"key"`
		N  uint64 `db:"n" upsert:"max"`
	}
	p.create("t", "id {int} NOT NULL PRIMARY KEY, n "+p.pick("INTEGER", "numeric(20)", "BIGINT UNSIGNED"))
	tab := table[row](p, "t")
	o, err := tab.Put(p.ctx, p.db, &row{1, math.MaxUint64})
	if err != nil {
		if p.mysql() {
			p.Errorf("Put: %v, want no error", err)
		}
		p.wantCount("t", 0)
		return
	}
	if o != inserted {
		p.Errorf("Put = %v, want inserted", o)
	}
	put(p, tab, &row{1, math.MaxInt64}, unchanged)
	wantRows(p, "SELECT * FROM t", row{1, math.MaxUint64})
}

type document struct {
	ID  int64           `db:"id" upsert:"key"`
	Doc json.RawMessage `db:"doc"`
}

func jsonValues(p *place) {
	p.create("t", "id {int} NOT NULL PRIMARY KEY, doc {json}")
	tab := table[document](p, "t")
	put(p, tab, &document{0, nil}, inserted)
	for i, text := range []string{`{"a": 1}`, `{"a": 2}`, `[]`, `{}`, `"it's \\ \" ü 🙂"`, `null`, `1e3`, `""`} {
		row := document{0, json.RawMessage(text)}
		put(p, tab, &row, updated)
		put(p, tab, &row, unchanged)
		wantJSON(p, "the stored document", get[[]byte](p, "SELECT doc FROM t WHERE id = 0"), text)
		row.ID = int64(i + 1)
		putAll(p, tab, []document{row, row}, inserted, unchanged)
		got := document{ID: row.ID}
		if created, err := tab.GetOrCreate(p.ctx, p.db, &got); err != nil || created {
			p.Fatalf("GetOrCreate = %v, %v; want false", created, err)
		}
		wantJSON(p, "the document read back", got.Doc, text)
	}
}

// jsonSpelling puts the same document in another spelling. PostgreSQL's jsonb does not keep the spelling. On other databases the
// new spelling may count as a change, but is then stored.
func jsonSpelling(p *place) {
	p.create("t", "id {int} NOT NULL PRIMARY KEY, doc {json}")
	tab := table[document](p, "t")
	put(p, tab, &document{1, json.RawMessage(`{"a":1,"b":[1,2]}`)}, inserted)
	other := &document{1, json.RawMessage(`{"b": [1, 2], "a": 1}`)}
	if p.postgres() {
		put(p, tab, other, unchanged)
	} else if _, err := tab.Put(p.ctx, p.db, other); err != nil {
		p.Error(err)
	}
	put(p, tab, other, unchanged)
	put(p, tab, &document{1, json.RawMessage(`{"a":1,"b":[2,1]}`)}, updated)
	put(p, tab, &document{1, nil}, updated)
	wantSame(p, "NULL", get[int](p, "SELECT count(*) FROM t WHERE doc IS NULL"), 1)
}

// plainJSON checks PostgreSQL's type json, which has no equality operator and keeps the spelling.
func plainJSON(p *place) {
	p.create("t", "id {int} NOT NULL PRIMARY KEY, doc json")
	tab := table[document](p, "t")
	put(p, tab, &document{1, json.RawMessage(`{"a":1}`)}, inserted)
	put(p, tab, &document{1, json.RawMessage(`{"a":1}`)}, unchanged)
	put(p, tab, &document{1, json.RawMessage(`{"a": 1}`)}, updated)
	wantSame(p, "the spelling", get[string](p, "SELECT doc FROM t WHERE id = 1"), `{"a": 1}`)
	putAll(p, tab, []document{{2, json.RawMessage(`[1]`)}, {1, json.RawMessage(`{"a":2}`)}, {2, nil}}, inserted, updated, updated)
}

type refusing struct{ S string }

var errRefusing = errors.New("it will not say")

func (r refusing) Value() (driver.Value, error) {
	if r.S == "" {
		return nil, errRefusing
	}
	return r.S, nil
}

func failingValuer(p *place) {
	type row struct {
		ID int64    `db:"id" upsert:"key"`
		V  refusing `db:"v"`
	}
	p.create("t", "id {int} NOT NULL PRIMARY KEY, v {text}")
	tab := table[row](p, "t")
	_, err := tab.PutAll(p.ctx, p.db, []row{{3, refusing{"a"}}, {1, refusing{}}, {2, refusing{"b"}}})
	wantIs(p, "PutAll", err, errRefusing)
	wantRowError(p, err, "t", "v", 1)
	_, err = tab.Put(p.ctx, p.db, &row{1, refusing{}})
	wantIs(p, "Put", err, errRefusing)
	wantRowError(p, err, "t", "v", -1)
	p.wantCount("t", 0)
}
