package hazards_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/lab"
)

// The tests of this file check the hazards S20 and S21 of SQLite, which are about checks and triggers that act before the
// conflict of an insert.

const sqliteCheck, sqliteTrigger = "275", "1811"

// insertRefused are rows whose key is stored. SQLite refuses an INSERT of such a row, but not an UPDATE of the stored row.
var insertRefused = map[string]struct {
	ddl, code string
	column    upsert.Option
	good, bad any
}{
	"coalesce over NOT NULL": {"k INTEGER PRIMARY KEY, v INT NOT NULL", sqliteNotNull, upsert.Column("v", upsert.Coalesce), 5, nil},
	"max with a CHECK":       {"k INTEGER PRIMARY KEY, v INT CHECK (v > 0)", sqliteCheck, upsert.Column("v", upsert.Max), 5, -5},
	"keep with a CHECK":      {"k INTEGER PRIMARY KEY, v INT CHECK (v > 0)", sqliteCheck, upsert.Column("v", upsert.Keep), 5, -5},
	"fill with a trigger":    {"k INTEGER PRIMARY KEY, v INT", sqliteTrigger, upsert.Column("v", upsert.Fill), 5, -6},
}

func TestHazard_S20_PutMeetsWhatAnInsertMeets(t *testing.T) {
	t.Parallel()
	lab.Each(t, "sqlite", func(l *lab.Lab) {
		n := 0
		for name, c := range insertRefused {
			for _, last := range []upsert.Outcome{upsert.Inserted, upsert.Updated, upsert.Unchanged} {
				for _, way := range []string{"Put", "Prepared", "in a transaction"} {
					n++
					table := fmt.Sprintf("things%d", n)
					l.Exec("CREATE TABLE "+table+" ("+c.ddl+", w INT DEFAULT 0)",
						"CREATE TRIGGER refuse_"+table+" BEFORE INSERT ON "+table+" WHEN NEW.v = -6 BEGIN SELECT RAISE(ABORT, 'refused'); END",
						"INSERT INTO "+table+" VALUES (1, 5, 0)")
					tab := lab.Table[map[string]any](l, table, upsert.Column("k", upsert.Key), c.column, upsert.Column("w", upsert.Replace))
					put := putEveryWay(l, tab)[way]
					for _, w := range map[upsert.Outcome][]int{upsert.Inserted: {1}, upsert.Updated: {1, 2}, upsert.Unchanged: {1, 1}}[last] {
						if _, err := put(map[string]any{"k": 2, "v": c.good, "w": w}); err != nil {
							l.Fatalf("%s: the row before: %v", name, err)
						}
					}
					_, err := put(map[string]any{"k": 1, "v": c.bad, "w": 0})
					l.WantCode(fmt.Sprintf("%s of %s after one %v, of a row that is the same", way, name, last), err, c.code)
					_, err = put(map[string]any{"k": 1, "v": c.bad, "w": 7})
					l.WantCode(fmt.Sprintf("%s of %s after one %v, of a row that is another", way, name, last), err, c.code)
					l.Want("the row", l.Text("SELECT * FROM "+table+" WHERE k = 1"), "1|5|0")
				}
			}
		}
	})
}

// putEveryWay returns the ways to put a row.
func putEveryWay(l *lab.Lab, table *upsert.Table[map[string]any]) map[string]func(map[string]any) (upsert.Outcome, error) {
	l.Helper()
	prepared := lab.Prepare(l, table, l.DB)
	return map[string]func(map[string]any) (upsert.Outcome, error){
		"Put": func(row map[string]any) (upsert.Outcome, error) {
			row = maps.Clone(row)
			return table.Put(l.Context(), l.DB, &row)
		},
		"Prepared": func(row map[string]any) (upsert.Outcome, error) {
			row = maps.Clone(row)
			return prepared.Put(l.Context(), &row)
		},
		"in a transaction": func(row map[string]any) (upsert.Outcome, error) {
			row = maps.Clone(row)
			tx := l.Begin(nil)
			o, err := table.Put(l.Context(), tx, &row)
			if err == nil {
				l.Commit(tx)
			} else {
				_ = tx.Rollback()
			}
			return o, err
		},
	}
}

func TestHazard_S21_TriggerThatIgnoresARow(t *testing.T) {
	t.Parallel()
	type versioned struct {
		K int `upsert:"key"`
		V int `upsert:"version"`
	}
	for _, event := range []string{"INSERT", "UPDATE"} {
		t.Run(event, func(t *testing.T) {
			t.Parallel()
			lab.Each(t, "sqlite", func(l *lab.Lab) {
				l.Exec(lab.CreateThings, "CREATE TRIGGER ignores BEFORE "+event+" ON things WHEN NEW.v = 9 BEGIN SELECT RAISE(IGNORE); END", "INSERT INTO things VALUES (2, 2), (3, 2)")
				if event == "UPDATE" {
					l.Exec("INSERT INTO things VALUES (1, 1)")
				}
				l.Exec("INSERT INTO things VALUES (1, 9) ON CONFLICT DO UPDATE SET v = excluded.v")
				before := l.Text("SELECT v FROM things WHERE k = 1")
				l.Want("hazard: the row after an insert without an error", before, map[string]string{"INSERT": "", "UPDATE": "1"}[event])

				table := lab.Table[pair](l, "things")
				for _, way := range []string{"Put", "Prepared", "in a transaction"} {
					o, err := putEveryWay(l, lab.Table[map[string]any](l, "things", upsert.Column("k", upsert.Key), upsert.Column("v", upsert.Replace)))[way](map[string]any{"k": 1, "v": 9})
					l.WantErr(way, err, nil, "table things", map[string]string{"INSERT": "neither inserted nor visible", "UPDATE": "was not changed"}[event], "trigger")
					l.Want(way, o, upsert.Unknown)
				}
				if event == "INSERT" {
					created, err := table.GetOrCreate(l.Context(), l.DB, &pair{1, 9})
					l.WantErr("GetOrCreate", err, nil, "table things", "neither inserted nor visible", "trigger")
					l.Want("created", created, false)
				}
				for n := range 2 {
					wantIgnored(l, table, []pair{{1, 9}, {2, 3 + n}, {3, 2}, {4 + n, 4}}, upsert.Result{Inserted: 1, Updated: 1, Unchanged: 1, Unknown: 1})
					wantIgnored(l, lab.Table[versioned](l, "things"), []versioned{{1, 9}, {2, 1}, {3, 2}, {6 + n, 4}}, upsert.Result{Inserted: 1, Stale: 1, Unchanged: 1, Unknown: 1})
				}
				l.Want("the row", l.Text("SELECT v FROM things WHERE k = 1"), before)
			})
		})
	}
}

// wantIgnored wants the outcome of the first row of a batch to be unknown.
func wantIgnored[T any](l *lab.Lab, table *upsert.Table[T], rows []T, want upsert.Result) {
	l.Helper()
	var each []upsert.Outcome
	r, err := table.PutAll(l.Context(), l.DB, rows, upsert.EachOutcome(func(_ int, o upsert.Outcome) { each = append(each, o) }))
	if err != nil || r != want || each[0] != upsert.Unknown {
		l.Errorf("PutAll of %v: %v, each %v, err %v; want %v, the first one unknown", rows, r, each, err, want)
	}
}
