package verify_test

import (
	"fmt"
	"testing"

	"github.com/goupsert/upsert"
	sent "github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
)

type (
	coin struct {
		ID      int64 `upsert:"key"`
		Version int64 `upsert:"version"`
		V       int64
	}
	renumbered struct {
		ID   int64
		Code string `upsert:"key"`
	}
	readBack struct {
		ID   int64  `upsert:"generated"`
		Code string `upsert:"key"`
		V    int64
	}
)

// TestPlainRowID checks the outcomes that Put of a plain table tells on SQLite by the rowid: how many statements each takes, and that a
// row which its connection inserted last is no new row.
func TestPlainRowID(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.SQLite, func(l *lab.Lab) {
		l.Exec("CREATE TABLE other (id INTEGER PRIMARY KEY)")
		for n, c := range []struct {
			name, table string
			// most is how many statements an inserted, an updated and an unchanged row take, and a row that its connection inserted last.
			inserted, updated, unchanged, last int
		}{
			{"the key is the rowid", "CREATE TABLE $ (id INTEGER PRIMARY KEY, name TEXT NOT NULL)", 1, 1, 1, 3},
			{"the rowid is hidden", "CREATE TABLE $ (id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)", 1, 1, 2, 3},
			{"a column is named rowid", "CREATE TABLE $ (id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, rowid TEXT, _ROWID_ TEXT)", 1, 1, 2, 3},
			{"no name is left", "CREATE TABLE $ (id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, rowid TEXT, _rowid_ TEXT, oid TEXT)", 1, 3, 2, 3},
			{"without rowid", "CREATE TABLE $ (id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID", 1, 3, 2, 3},
			{"a trigger", "CREATE TABLE $ (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\nCREATE TRIGGER $_t AFTER INSERT ON $ BEGIN SELECT 1; END", 1, 3, 2, 3},
		} {
			name := fmt.Sprintf("t%d", n)
			script(l, name, c.table)
			db := sent.Open(l, l.NS, nil)
			db.SetMaxOpenConns(1) // the last insert is the connection's
			table := plain(l, lab.Table[plainItem](l, name))
			l.On(db.DB, "DELETE FROM other") // connects
			check := func(row plainItem, want upsert.Outcome, statements int) {
				l.Helper()
				begin := db.Next()
				l.Want(fmt.Sprint(c.name, ": ", row), lab.Put(l, table, upsert.DB(db.DB), row), want)
				if got := db.Next() - begin; got != statements {
					l.Errorf("%s: %v took %d statements, want %d: %v", c.name, row, got, statements, db.Points()[begin:])
				}
				l.Want(c.name+": stored", l.Text(fmt.Sprintf("SELECT name FROM %s WHERE id = %d", name, row.ID)), row.Name)
			}
			for _, id := range []int64{0, -5, 1 << 60, 7} {
				check(plainItem{id, "a"}, upsert.Inserted, c.inserted)
				check(plainItem{id, "b"}, upsert.Updated, c.last)
				check(plainItem{id, "c"}, upsert.Updated, c.last)
				l.On(db.DB, "INSERT INTO other DEFAULT VALUES; DELETE FROM other; INSERT INTO other VALUES (8)")
				check(plainItem{id, "d"}, upsert.Updated, c.updated)
				check(plainItem{id, "d"}, upsert.Unchanged, c.unchanged)
			}
			l.On(db.DB, "DELETE FROM other; INSERT INTO other VALUES (7)") // the same number in another table
			check(plainItem{7, "d"}, upsert.Unchanged, 2)
			check(plainItem{7, "e"}, upsert.Updated, map[bool]int{true: 3, false: c.updated}[n == 0 || c.updated == 3])
		}
	})
}

// TestPlainRowIDOfOtherTables checks tables whose rows the rowid tells less of: a version, a rowid that an update changes, and a rowid
// that is read back.
func TestPlainRowIDOfOtherTables(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.SQLite, func(l *lab.Lab) {
		l.DB.SetMaxOpenConns(1)
		l.Exec("CREATE TABLE coins (id INTEGER PRIMARY KEY, version INTEGER NOT NULL, v INTEGER)", "CREATE TABLE numbered (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE)",
			"CREATE TABLE back (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, v INTEGER NOT NULL)")
		coins := plain(l, lab.Table[coin](l, "coins"))
		for range 2 { // the second time, the connection has inserted another row last
			for _, c := range []struct {
				row  coin
				want upsert.Outcome
			}{{coin{1, 1, 1}, upsert.Inserted}, {coin{1, 1, 1}, upsert.Unchanged}, {coin{1, 1, 2}, upsert.Stale}, {coin{1, 2, 2}, upsert.Updated}, {coin{1, 1, 2}, upsert.Stale}} {
				l.Want(fmt.Sprint(c.row), lab.Put(l, coins, l.DB, c.row), c.want)
			}
			l.Exec("DELETE FROM coins", "INSERT INTO coins VALUES (9, 1, 1)")
		}
		moved := plain(l, lab.Table[renumbered](l, "numbered"))
		l.Want("a row", lab.Put(l, moved, l.DB, renumbered{3, "a"}), upsert.Inserted)
		l.Exec("INSERT INTO coins VALUES (7, 1, 1)")
		l.Want("a row that takes the rowid of the last insert", lab.Put(l, moved, l.DB, renumbered{7, "a"}), upsert.Updated)
		back := plain(l, lab.Table[readBack](l, "back"))
		for n, want := range []upsert.Outcome{upsert.Inserted, upsert.Unchanged, upsert.Updated, upsert.Unchanged} {
			row := readBack{Code: "a", V: int64(n / 2)}
			o, err := back.Put(l.Context(), l.DB, &row)
			l.Want(fmt.Sprint("read back ", n), fmt.Sprint(o, err, row.ID), fmt.Sprint(want, nil, 1))
		}
	})
}
