package conformance

import (
	"database/sql"
	"encoding/json"
	"strings"
	"time"

	"github.com/goupsert/upsert"
)

func mapBehaviours() []behaviour {
	return []behaviour{
		{name: "rows with columns as options", run: mapRows},
		{name: "rows with a missing or an extra column are refused by name", run: mapShapes},
		{name: "modifiers", run: mapModifiers},
		{name: "GetOrCreate fills the map", run: mapCreate},
		{name: "a NULL key is refused", run: mapNullKey},
		{name: "a column of values of several types", run: mapMixed},
		{name: "what GetOrCreate filled can be put", run: mapCreatePut},
		{name: "need only the chosen columns", run: mapColumns},
	}
}

func mapTable(p *place) *upsert.Table[map[string]any] {
	p.create("t", "id {int} NOT NULL PRIMARY KEY, code {exact} NOT NULL, name {text}, high {int}, at {time}")
	return table[map[string]any](p, "t",
		upsert.Column("id", upsert.Key), upsert.Column("code", upsert.Keep), upsert.Column("name", upsert.Coalesce), upsert.Column("high", upsert.Max), upsert.Column("at", upsert.Replace))
}

func mapRows(p *place) {
	tab := mapTable(p)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	row := func(id any, name any, high any) map[string]any {
		return map[string]any{"id": id, "code": "c", "name": name, "high": high, "at": at}
	}
	one := row(1, "a", 5)
	put(p, tab, &one, inserted)
	one = row(int64(1), nil, json.Number("3"))
	put(p, tab, &one, unchanged)
	putAll(p, tab, []map[string]any{row(2, ptr("b"), nil), row(1, nil, uint8(9)), row(2, "b", nil)}, inserted, updated, unchanged)
	wantRows(p, "SELECT high FROM t ORDER BY id", sql.Null[int64]{V: 9, Valid: true}, sql.Null[int64]{})
}

func mapShapes(p *place) {
	tab := mapTable(p)
	good := map[string]any{"id": 1, "code": "c", "name": "a", "high": 1, "at": nil}
	missing := map[string]any{"id": 2, "code": "c", "name": "a", "at": nil}
	extra := map[string]any{"id": 2, "code": "c", "name": "a", "high": 1, "at": nil, "hihg": 1}
	for _, c := range []struct {
		row  map[string]any
		want string
	}{{missing, `"high" is missing`}, {extra, `"hihg" is not`}, {nil, "is missing"}} {
		sent := &recorder{DB: p.begin(nil)}
		_, err := tab.PutAll(p.ctx, sent, []map[string]any{good, c.row})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			p.Errorf("PutAll of %v: error %v, want an error with %s", c.row, err, c.want)
		}
		wantRowError(p, err, "t", "", 1)
		if _, err := tab.Put(p.ctx, sent, &c.row); err == nil || !strings.Contains(err.Error(), c.want) {
			p.Errorf("Put of %v: error %v, want an error with %s", c.row, err, c.want)
		}
		sent.wantNothing(p)
	}
}

func mapModifiers(p *place) {
	p.create("t", "id {int} NOT NULL, email {exact} NOT NULL UNIQUE, theme {text} DEFAULT 'light', changed {time}, twice {int} GENERATED ALWAYS AS (id * 2) STORED")
	tab := table[map[string]any](p, "t", upsert.Target("email"),
		upsert.Column("id", upsert.Keep), upsert.Column("email", upsert.Replace, upsert.InTarget("email")),
		upsert.Column("theme", upsert.Replace, upsert.OmitZero()), upsert.Column("changed", upsert.Touch, upsert.Now()), upsert.Column("twice", upsert.Generated))
	row := map[string]any{"id": 4, "email": "a", "theme": ""}
	put(p, tab, &row, inserted)
	wantSame(p, "the generated column", row["twice"], any(int64(8)))
	put(p, tab, &row, unchanged)
	row["theme"] = "dark"
	putAll(p, tab, []map[string]any{row, {"id": 5, "email": "b", "theme": nil}}, updated, inserted)
	wantRows(p, "SELECT theme FROM t ORDER BY id", "dark", "light")
	wantSame(p, "times", get[int](p, "SELECT count(changed) FROM t"), 2)
}

func mapCreate(p *place) {
	tab := mapTable(p)
	row := map[string]any{"id": 1, "code": "c", "name": "a", "high": 7, "at": nil}
	if created, err := tab.GetOrCreate(p.ctx, p.db, &row); err != nil || !created {
		p.Fatalf("GetOrCreate = %v, %v; want true", created, err)
	}
	given := map[string]any{"id": 1, "code": "d", "name": "b", "high": 9, "at": nil}
	other := given
	if created, err := tab.GetOrCreate(p.ctx, p.db, &other); err != nil || created {
		p.Fatalf("GetOrCreate = %v, %v; want false", created, err)
	}
	wantSame(p, "high", other["high"], any(int64(7)))
	wantSame(p, "the caller's own map", given["high"], any(9))
}

func mapNullKey(p *place) {
	tab := mapTable(p)
	_, err := tab.PutAll(p.ctx, p.db, []map[string]any{{"id": 1, "code": "c", "name": "a", "high": 1, "at": nil}, {"id": nil, "code": "c", "name": "a", "high": 1, "at": nil}})
	wantIs(p, "PutAll", err, upsert.ErrNullKey)
	wantRowError(p, err, "t", "id", 1)
	p.wantCount("t", 0)
}

// mapMixed puts values of mixed types in one column, as a program reads them from a file.
func mapMixed(p *place) {
	p.create("t", "id {exact} NOT NULL PRIMARY KEY, v {float}")
	tab := table[map[string]any](p, "t", upsert.Column("id", upsert.Key), upsert.Column("v", upsert.Replace))
	rows := []map[string]any{{"id": "a", "v": 1}, {"id": "b", "v": 2.5}, {"id": "c", "v": nil}, {"id": "d", "v": json.Number("4")}}
	putAll(p, tab, rows, inserted, inserted, inserted, inserted)
	putAll(p, tab, rows, unchanged, unchanged, unchanged, unchanged)
	wantRows(p, "SELECT coalesce(v, -1) FROM t ORDER BY id", 1, 2.5, -1, 4)
	_, err := tab.PutAll(p.ctx, p.db, []map[string]any{{"id": "a", "v": 1}, {"id": 1, "v": 1}})
	if err == nil {
		p.Error("PutAll of a text key and a number key: no error")
	}
	wantRowError(p, err, "t", "id", 1)
}

// mapCreatePut checks that GetOrCreate puts the columns that the database sets into the map.
func mapCreatePut(p *place) {
	p.create("t", "id {int} NOT NULL PRIMARY KEY, v {int}, changed {time}, twice {int} GENERATED ALWAYS AS (id * 2) STORED")
	tab := table[map[string]any](p, "t",
		upsert.Column("id", upsert.Key), upsert.Column("v", upsert.Replace), upsert.Column("changed", upsert.Touch, upsert.Now()), upsert.Column("twice", upsert.Generated))
	for _, want := range []bool{true, false} {
		row := map[string]any{"id": 1, "v": 1}
		if created, err := tab.GetOrCreate(p.ctx, p.db, &row); err != nil || created != want {
			p.Fatalf("GetOrCreate = %v, %v; want %v", created, err, want)
		}
		if row["changed"] == nil {
			p.Errorf("GetOrCreate filled %v, want the time too", row)
		}
		put(p, tab, &row, unchanged)
		row["changed"] = long
		putAll(p, tab, []map[string]any{row}, unchanged)
	}
	if got := get[time.Time](p, "SELECT changed FROM t"); !got.After(long) {
		p.Errorf("the time is %v, want the time from the database, not from the map", got)
	}
}

func mapColumns(p *place) {
	p.create("t", "id {int} NOT NULL PRIMARY KEY, a {int}, b {int} DEFAULT 7")
	tab := table[map[string]any](p, "t",
		upsert.Column("id", upsert.Key), upsert.Column("a", upsert.Replace), upsert.Column("b", upsert.Replace), upsert.Columns("id", "a"))
	row := map[string]any{"id": 1, "a": 1}
	put(p, tab, &row, inserted)
	putAll(p, tab, []map[string]any{{"id": 1, "a": 2}, {"id": 2, "a": 1}}, updated, inserted)
	wantRows(p, "SELECT b FROM t ORDER BY id", 7, 7)
	other := map[string]any{"id": 3}
	if _, err := tab.Put(p.ctx, p.db, &other); err == nil || !strings.Contains(err.Error(), `"a" is missing`) {
		p.Errorf("Put without a chosen column: %v, want an error that names the column", err)
	}
}
