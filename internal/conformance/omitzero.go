package conformance

import (
	"fmt"
	"time"

	"github.com/goupsert/upsert"
)

type settings struct {
	ID    int64     `db:"id" upsert:"key"`
	Theme string    `db:"theme" upsert:"omitzero"`
	Limit int64     `db:"lim" upsert:"max,omitzero"`
	Until time.Time `db:"until" upsert:"omitzero"`
	V     string    `db:"v"`
}

var defaultUntil = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func createSettings(p *place) {
	p.create("settings", "id {int} NOT NULL PRIMARY KEY, theme {text} NOT NULL DEFAULT 'light', lim {int} NOT NULL DEFAULT 10, v {text}, until {time} NOT NULL DEFAULT "+
		p.pick("'2030-01-01 00:00:00+00:00'", "'2030-01-01 00:00:00+00'", "'2030-01-01 00:00:00'"))
}

func omitZeroBehaviours() []behaviour {
	return []behaviour{
		{name: "leaves the default on insert and the stored value on conflict", run: omitsZero},
		{name: "of several columns in one batch", run: omitsMixed},
		{name: "of GetOrCreate", run: omitsCreate},
	}
}

func omitsZero(p *place) {
	createSettings(p)
	tab := table[settings](p, "settings")
	put(p, tab, &settings{ID: 1, V: "a"}, inserted)
	wantRows(p, "SELECT * FROM settings", settings{1, "light", 10, defaultUntil, "a"})
	put(p, tab, &settings{ID: 1, V: "a"}, unchanged)
	put(p, tab, &settings{ID: 1, V: "a", Theme: "dark", Limit: 50}, updated)
	put(p, tab, &settings{ID: 1, V: "b"}, updated)
	wantRows(p, "SELECT * FROM settings", settings{1, "dark", 50, defaultUntil, "b"})
	put(p, tab, &settings{ID: 1, V: "b"}, unchanged)
	put(p, tab, &settings{ID: 1, V: "b", Limit: 20}, unchanged)
}

// omitsMixed puts every combination of omitted columns, first as inserts and then as updates of the stored rows, with a duplicate
// in between.
func omitsMixed(p *place) {
	createSettings(p)
	tab := table[settings](p, "settings")
	at := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	var rows, after []settings
	var created, again []upsert.Outcome
	for i := range int64(40) {
		row, want := settings{ID: 40 - i, V: fmt.Sprint(i)}, settings{40 - i, "light", 10, defaultUntil, fmt.Sprint(i)}
		if i&1 != 0 {
			row.Theme, want.Theme = "dark", "dark"
		}
		if i&2 != 0 {
			row.Limit, want.Limit = 70, 70
		}
		if i&4 != 0 {
			row.Until, want.Until = at, at
		}
		rows, after = append(rows, row), append([]settings{want}, after...)
		created, again = append(created, inserted), append(again, unchanged)
	}
	rows = append(rows, settings{ID: 40, Theme: "blue", V: "0"}, settings{ID: 40, V: "0"})
	after[39].Theme = "blue"
	putAll(p, tab, rows, append(created, updated, unchanged)...)
	wantRows(p, "SELECT * FROM settings ORDER BY id", after...)
	putAll(p, tab, rows, append(again, unchanged, unchanged)...)
	wantRows(p, "SELECT * FROM settings ORDER BY id", after...)
}

func omitsCreate(p *place) {
	createSettings(p)
	tab := table[settings](p, "settings")
	row := settings{ID: 1, V: "a"}
	for _, want := range []bool{true, false} {
		created, err := tab.GetOrCreate(p.ctx, p.db, &row)
		if err != nil || created != want {
			p.Fatalf("GetOrCreate = %v, %v; want %v", created, err, want)
		}
		wantSame(p, "the row", row, settings{1, "light", 10, defaultUntil, "a"})
		row = settings{ID: 1, V: "b", Theme: "dark"}
	}
}
