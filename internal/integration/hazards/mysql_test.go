package hazards_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
)

// The tests of this file check the hazards of MariaDB and MySQL from H10 to H21, and E6.

func TestHazard_H10_OtherUniqueKeyNeverFires(t *testing.T) {
	t.Parallel()
	type thing struct {
		A int `upsert:"key"`
		B int `upsert:"keep"`
		V int
	}
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (a INT PRIMARY KEY, b INT UNIQUE, v INT)", "INSERT INTO things VALUES (1, 1, 1), (2, 2, 2)",
			"INSERT INTO things VALUES (1, 2, 5) ON DUPLICATE KEY UPDATE v = VALUES(v)", "INSERT INTO things VALUES (3, 2, 6) ON DUPLICATE KEY UPDATE v = VALUES(v)")
		l.Want("hazard: rows after the row 3 was written", l.Text("SELECT * FROM things"), "1|1|5 2|2|6")

		table := lab.Table[thing](l, "things")
		_, err := table.Put(l.Context(), l.DB, &thing{3, 2, 7})
		l.WantErr("Put of a new row that meets another key", err, upsert.ErrOtherKey, "table things")
		l.Want("its class", dialect.Classify(err), dialect.UniqueViolation)
		_, err = table.PutAll(l.Context(), l.DB, []thing{{1, 1, 8}, {3, 2, 7}})
		l.WantErr("PutAll", err, upsert.ErrOtherKey)
		_, err = table.GetOrCreate(l.Context(), l.DB, &thing{3, 2, 7})
		l.WantErr("GetOrCreate", err, upsert.ErrOtherKey)
		l.Want("rows", l.Text("SELECT * FROM things"), "1|1|5 2|2|6")
		l.Want("Put of the key's own row", lab.Put(l, table, l.DB, thing{1, 2, 9}), upsert.Updated)
		l.Want("rows", l.Text("SELECT * FROM things"), "1|1|9 2|2|6")
	})
}

func TestHazard_H11_NoRowAliasButOnMySQL(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT)")
		code, have, lack := "1064", "VALUES(`v`)", " AS "
		if l.D.Name() == "mysql" && dialect.AtLeast(l.D.Version(), 8, 0, 19) {
			code, have, lack = "", " AS `_new` ", "VALUES(`v`)"
		}
		_, err := l.DB.ExecContext(l.Context(), "INSERT INTO things VALUES (0, 1) AS _new ON DUPLICATE KEY UPDATE v = _new.v")
		l.WantCode("the row alias", err, code)
		wantSQL(l, lab.Table[thing](l, "things"), have, lack)
		l.Want("Put", lab.Put(l, lab.Table[thing](l, "things"), l.DB, thing{1, 1}), upsert.Inserted)
		l.Want("Put", lab.Put(l, lab.Table[thing](l, "things"), l.DB, thing{1, 2}), upsert.Updated)
		for banner, alias := range map[string]string{
			"8.0.18": "", "8.0.19": "`_new`", "8.4.0": "`_new`", "5.7.44": "", "11.8.2-MariaDB": "", "5.5.5-10.11.6-MariaDB-1": "",
			"8.0.11-TiDB-v8.5.0": "", "8.0.30-Vitess": "",
		} {
			d, err := dialect.FromVersion(banner)
			if err != nil {
				l.Fatalf("FromVersion(%q): %v", banner, err)
			}
			query, _, err := lab.Table[thing](&lab.Lab{TB: l, D: d}, "things").SQL()
			if err != nil || strings.Contains(query, " AS `_new") != (alias != "") || strings.Contains(query, "VALUES(`v`)") != (alias == "") {
				l.Errorf("SQL for %s: %s, err %v; want the row alias %q and VALUES() only without it", banner, query, err, alias)
			}
		}
		real8, err := dialect.FromVersion("8.0.36")
		if err != nil {
			l.Fatalf("FromVersion: %v", err)
		}
		wantSQL(l, lab.Table[thing](&lab.Lab{TB: l, D: real8}, "_new"), " AS `_new_row` ", " AS `_new` ")
	})
}

func TestHazard_H12_NothingIsCoercedOrDropped(t *testing.T) {
	t.Parallel()
	type thing struct {
		K      string  `upsert:"key"`
		Kind   *string `upsert:"keep"`
		Parent *int    `upsert:"keep"`
	}
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		l.Exec("CREATE TABLE parents (id INT PRIMARY KEY)",
			"CREATE TABLE things (k VARCHAR(3) NOT NULL PRIMARY KEY, kind ENUM('x') NOT NULL DEFAULT 'x', parent INT, FOREIGN KEY (parent) REFERENCES parents (id))",
			"INSERT IGNORE INTO things VALUES ('abcdef', 'x', NULL), ('b', 'wrong', NULL), (NULL, 'x', NULL), ('c', 'x', 9)")
		l.Want("hazard: rows that INSERT IGNORE made", l.Text("SELECT k, kind FROM things ORDER BY k"), "|x abc|x b|")
		l.Exec("DELETE FROM things")

		table, x, wrong, nine := lab.Table[thing](l, "things"), "x", "wrong", 9
		wantSQL(l, table, " ON DUPLICATE KEY UPDATE ", "IGNORE")
		for code, row := range map[string]thing{"1406": {"abcdef", &x, nil}, "1265": {"b", &wrong, nil}, "1452": {"c", &x, &nine}, "1048": {"d", nil, nil}} {
			_, err := table.Put(l.Context(), l.DB, &row)
			l.WantCode("Put", err, code)
			_, err = table.PutAll(l.Context(), l.DB, []thing{{"e", &x, nil}, row})
			l.WantCode("PutAll", err, code)
			_, err = table.GetOrCreate(l.Context(), l.DB, &row)
			l.WantCode("GetOrCreate", err, code)
		}
		l.Want("rows", l.Text("SELECT * FROM things"), "")
	})
}

func TestHazard_H13_SkipWritesNothing(t *testing.T) {
	t.Parallel()
	type thing struct {
		A    int    `upsert:"key"`
		B    string `upsert:"key"`
		Name string `upsert:"keep"`
	}
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (name VARCHAR(9), a INT, b VARCHAR(9), bumped DATETIME(6) DEFAULT '2000-01-01' ON UPDATE CURRENT_TIMESTAMP(6), PRIMARY KEY (a, b))",
			"INSERT INTO things (name, a, b) VALUES ('old', 1, 'x')")
		l.Exec("CREATE TABLE rails (name VARCHAR(9), k INT PRIMARY KEY)", "INSERT INTO rails VALUES ('old', 1)",
			"INSERT INTO rails VALUES ('new', 1) ON DUPLICATE KEY UPDATE name = VALUES(name)")
		l.Want("hazard: a skip that assigns the first column", l.Text("SELECT name FROM rails"), "new")
		table, before := lab.Table[thing](l, "things"), l.Text("SELECT * FROM things")
		l.Want("Put", lab.Put(l, table, l.DB, thing{1, "x", "new"}), upsert.Unchanged)
		if _, err := table.PutAll(l.Context(), l.DB, []thing{{1, "x", "new"}}); err != nil {
			l.Errorf("PutAll: %v", err)
		}
		row := thing{1, "x", "new"}
		if created, err := table.GetOrCreate(l.Context(), l.DB, &row); err != nil || created || row.Name != "old" {
			l.Errorf("GetOrCreate: created %v, row %+v, err %v; want the stored row", created, row, err)
		}
		l.Want("the row", l.Text("SELECT * FROM things"), before)
	})
}

func TestHazard_H14_OutcomesWithEitherMeaningOfAffected(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	for found, same := range map[string]string{"true": "1 <nil>", "false": "0 <nil>"} {
		t.Run("clientFoundRows="+found, func(t *testing.T) {
			t.Parallel()
			lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
				l.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT)", "INSERT INTO things VALUES (1, 1)")
				affected := func(query string) string {
					res, err := l.DB.ExecContext(l.Context(), query)
					if err != nil {
						l.Fatalf("%s: %v", query, err)
					}
					n, err := res.RowsAffected()
					return fmt.Sprint(n, err)
				}
				l.Want("hazard: rows affected of an unchanged row", affected("INSERT INTO things VALUES (1, 1) ON DUPLICATE KEY UPDATE v = VALUES(v)"), same)
				if l.D.Traits().Returning {
					l.Want("hazard: rows affected of an insert that returns", affected("INSERT INTO things VALUES (7, 1) RETURNING k"), "0 <nil>")
				}

				table := lab.Table[thing](l, "things")
				l.Want("an unchanged row", lab.Put(l, table, l.DB, thing{1, 1}), upsert.Unchanged)
				l.Want("an updated row", lab.Put(l, table, l.DB, thing{1, 2}), upsert.Updated)
				l.Want("an inserted row", lab.Put(l, table, l.DB, thing{2, 2}), upsert.Inserted)
				r, err := table.PutAll(l.Context(), l.DB, []thing{{1, 2}, {2, 3}, {3, 1}}, upsert.Outcomes())
				l.Want("a batch of each", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Inserted: 1, Updated: 1, Unchanged: 1}, nil))
				for _, want := range []bool{true, false} {
					created, err := table.GetOrCreate(l.Context(), l.DB, &thing{4, 4})
					l.Want("GetOrCreate", fmt.Sprint(created, err), fmt.Sprint(want, nil))
				}
			}, engine.Param("clientFoundRows", found))
		})
	}
}

func TestHazard_H15_GeneratedIDIsTheRowsOwn(t *testing.T) {
	t.Parallel()
	type thing struct {
		ID int64 `upsert:"generated"`
		K  int   `upsert:"key"`
		V  int
	}
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (id BIGINT PRIMARY KEY AUTO_INCREMENT, k INT UNIQUE, v INT)", "INSERT INTO things (k, v) VALUES (1, 1), (2, 1)")
		res, err := l.DB.ExecContext(l.Context(), "INSERT INTO things (k, v) VALUES (1, 1) ON DUPLICATE KEY UPDATE v = VALUES(v)")
		if err != nil {
			l.Fatalf("the naive statement: %v", err)
		}
		if id, err := res.LastInsertId(); id == 1 || err != nil {
			l.Errorf("hazard: LastInsertId of the unchanged row 1: %d, err %v; want another number", id, err)
		}
		table := lab.Table[thing](l, "things")
		for _, row := range []thing{{K: 1, V: 1}, {K: 1, V: 2}, {K: 2, V: 1}, {K: 3, V: 1}} {
			putReading(l, table, &row)
			l.Want(fmt.Sprintf("the id of key %d", row.K), row.ID, l.Text(fmt.Sprintf("SELECT id FROM things WHERE k = %d", row.K)))
		}
	})
}

func TestHazard_E6_GeneratedIDsWithAnIncrement(t *testing.T) {
	t.Parallel()
	type thing struct {
		ID int64  `upsert:"generated"`
		K  string `upsert:"key"`
	}
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (id BIGINT PRIMARY KEY AUTO_INCREMENT, k VARCHAR(9) UNIQUE)")
		res, err := l.DB.ExecContext(l.Context(), "INSERT INTO things (k) VALUES ('a'), ('b'), ('c')")
		if err != nil {
			l.Fatalf("the naive statement: %v", err)
		}
		first, err := res.LastInsertId()
		l.Want("hazard: LastInsertId and the ids", fmt.Sprintln(first, err, l.Text("SELECT id FROM things ORDER BY id")), "2 <nil> 2 5 8\n")
		table := lab.Table[thing](l, "things")
		for _, k := range []string{"a", "b", "c", "d"} {
			row := thing{K: k}
			putReading(l, table, &row)
			l.Want("the id of key "+k, row.ID, l.Text("SELECT id FROM things WHERE k = '"+k+"'"))
		}
	}, engine.Param("auto_increment_increment", "3"), engine.Param("auto_increment_offset", "2"))
}

func TestHazard_H16_AssignmentsSeeTheStoredRow(t *testing.T) {
	t.Parallel()
	// The version and the touched column are declared first. Assignments in this order would give the later columns wrong
	// values.
	type thing struct {
		Rev  int    `upsert:"version"`
		Seen int    `upsert:"touch"`
		K    int    `upsert:"key"`
		High int    `upsert:"max"`
		Name string `upsert:"coalesce"`
	}
	type touched struct {
		High int `upsert:"max"`
		Seen int `upsert:"touch"`
		K    int `upsert:"key"`
	}
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		l.Exec("CREATE TABLE naive (k INT PRIMARY KEY, v INT, n INT)", "INSERT INTO naive VALUES (1, 1, 0)",
			"INSERT INTO naive VALUES (1, 2, 0) ON DUPLICATE KEY UPDATE v = VALUES(v), n = naive.v")
		l.Want("hazard: n = v after v = 2", l.Text("SELECT n FROM naive"), 2)

		l.Exec("CREATE TABLE things (rev INT, seen INT, k INT PRIMARY KEY, high INT, name VARCHAR(9))", "INSERT INTO things VALUES (1, 1, 1, 5, 'a')")
		table := lab.Table[thing](l, "things")
		l.Want("a newer row", lab.Put(l, table, l.DB, thing{2, 2, 1, 7, "b"}), upsert.Updated)
		l.Want("the row", l.Text("SELECT * FROM things"), "2|2|1|7|b")
		l.Want("an older row", lab.Put(l, table, l.DB, thing{1, 3, 1, 9, "c"}), upsert.Stale)
		l.Want("the row", l.Text("SELECT * FROM things"), "2|2|1|7|b")

		other := lab.Table[touched](l, "things")
		l.Want("a touched row", lab.Put(l, other, l.DB, touched{8, 8, 1}), upsert.Updated)
		l.Want("an untouched row", lab.Put(l, other, l.DB, touched{8, 9, 1}), upsert.Unchanged)
		l.Want("the row", l.Text("SELECT * FROM things"), "2|8|1|8|b")
	})
}

func TestHazard_H17_ConditionWithoutWhere(t *testing.T) {
	t.Parallel()
	type thing struct {
		K    int       `upsert:"key"`
		At   time.Time `upsert:"version"`
		Name *string
	}
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT PRIMARY KEY, at DATETIME(6), name VARCHAR(9))")
		l.Fails(l.DB, "1064", "INSERT INTO things (k) VALUES (1) ON DUPLICATE KEY UPDATE name = 'x' WHERE name <> 'x'")
		table, day, a := lab.Table[thing](l, "things"), time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), "a"
		for _, c := range []struct {
			row  thing
			want upsert.Outcome
		}{
			{thing{1, day, &a}, upsert.Inserted},
			{thing{1, day.Add(-time.Microsecond), nil}, upsert.Stale},
			{thing{1, day, nil}, upsert.Stale},
			{thing{1, day, &a}, upsert.Unchanged},
			{thing{1, day.Add(time.Microsecond), nil}, upsert.Updated},
		} {
			l.Want(fmt.Sprintf("Put(%+v)", c.row), lab.Put(l, table, l.DB, c.row), c.want)
		}
		l.Want("the row", l.Text("SELECT * FROM things"), "1|2026-01-02T00:00:00.000001Z|NULL")
	})
}

func TestHazard_H18_CollationTakesTwoKeysForOne(t *testing.T) {
	t.Parallel()
	type thing struct {
		K string `upsert:"key"`
		V int
	}
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k VARCHAR(9) COLLATE utf8mb4_general_ci PRIMARY KEY, v INT)", "INSERT INTO things VALUES ('a', 1)",
			"CREATE TABLE exact (k VARBINARY(9) PRIMARY KEY, v INT)")
		l.Want("hazard: what A with a blank finds", l.Text("SELECT * FROM things WHERE k = 'A '"), "a|1")
		l.Exec("INSERT INTO things VALUES ('A ', 2) ON DUPLICATE KEY UPDATE v = VALUES(v)")
		l.Want("hazard: the row of another key", l.Text("SELECT * FROM things"), "a|2")
		table := lab.Table[thing](l, "things")
		for _, k := range []string{"A", "a ", "A ", "á"} {
			_, err := table.Put(l.Context(), l.DB, &thing{k, 3})
			l.WantErr("Put of "+k, err, upsert.ErrOtherKey)
			_, err = table.PutAll(l.Context(), l.DB, []thing{{k, 3}, {"z", 3}})
			l.WantErr("PutAll of "+k, err, upsert.ErrOtherKey)
			_, err = table.GetOrCreate(l.Context(), l.DB, &thing{k, 3})
			l.WantErr("GetOrCreate of "+k, err, upsert.ErrOtherKey)
		}
		l.Want("rows", l.Text("SELECT * FROM things"), "a|2")
		l.Want("Put of the key itself", lab.Put(l, table, l.DB, thing{"a", 4}), upsert.Updated)
		for _, k := range []string{"a", "A", "a ", "A "} {
			l.Want("Put into a binary column", lab.Put(l, lab.Table[thing](l, "exact"), l.DB, thing{k, 1}), upsert.Inserted)
		}
	})
}

func TestHazard_H19_RowNewerThanTheReadView(t *testing.T) {
	t.Parallel()
	type thing struct {
		ID int `upsert:"generated"`
		K  int `upsert:"key"`
		V  int `upsert:"keep"`
	}
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (id INT AUTO_INCREMENT UNIQUE, k INT PRIMARY KEY, v INT)")
		old := l.Begin(&sql.TxOptions{Isolation: sql.LevelRepeatableRead})
		l.TextOn(old, "SELECT * FROM things") // takes the snapshot
		l.Exec("INSERT INTO things (k, v) VALUES (1, 1)")
		res, err := old.ExecContext(l.Context(), "INSERT INTO things (k, v) VALUES (1, 2) ON DUPLICATE KEY UPDATE k = things.k")
		if err != nil {
			l.Fatalf("the naive statement: %v", err)
		}
		n, err := res.RowsAffected()
		l.Want("hazard: a skip, and what can be read of the row", fmt.Sprint(n, err, l.TextOn(old, "SELECT v FROM things WHERE k = 1")), "0 <nil>")

		row, table := thing{K: 1, V: 2}, lab.Table[thing](l, "things")
		if created, err := table.GetOrCreate(l.Context(), old, &row); err != nil || created || row.V != 1 || row.ID != 1 {
			l.Errorf("GetOrCreate: created %v, row %+v, err %v; want the row that was committed since", created, row, err)
		}
		row = thing{K: 1, V: 2}
		if o, err := table.Put(l.Context(), old, &row); err != nil || o != upsert.Unchanged || row.ID != 1 {
			l.Errorf("Put: %v, id %d, err %v; want unchanged, and the stored id 1", o, row.ID, err)
		}
	})
}

func TestHazard_H20_SnapshotIsolationIsRetryable(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	lab.Each(t, lab.MariaDB, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT)")
		row := func(k, v int) { l.Exec(fmt.Sprintf("INSERT INTO things VALUES (%d, %d)", k, v)) }
		snapshot := func() *sql.Tx {
			tx := l.Begin(&sql.TxOptions{Isolation: sql.LevelRepeatableRead})
			l.TextOn(tx, "SELECT COUNT(*) FROM things")
			return tx
		}
		naive, put, create := snapshot(), snapshot(), snapshot()
		row(1, 1)
		l.Fails(naive, "1020", "INSERT INTO things VALUES (1, 2) ON DUPLICATE KEY UPDATE k = things.k")
		table := lab.Table[thing](l, "things")
		_, err := table.Put(l.Context(), put, &thing{1, 2})
		l.WantCode("Put in a transaction of the caller's", err, "1020")
		l.Want("its class", dialect.Classify(err), dialect.Retryable)
		_, err = table.GetOrCreate(l.Context(), create, &thing{1, 2})
		l.WantCode("GetOrCreate in a transaction of the caller's", err, "1020")
		l.Want("its class", dialect.Classify(err), dialect.Retryable)
		l.Want("Put in a transaction of its own", lab.Put(l, table, l.DB, thing{1, 2}), upsert.Updated)
	}, engine.Param("innodb_snapshot_isolation", "ON"))
}
