package hazards_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/lab"
)

// The tests of this file check hazards that every database has, and compare the results of the same input on all databases
// (docs/hazards.md, Several engines).

func TestHazard_Limits_ParametersOfAStatement(t *testing.T) {
	t.Parallel()
	const columns, rows = 130, 700
	lab.Each(t, lab.All, func(l *lab.Lab) {
		opts := []upsert.Option{upsert.Column("k", upsert.Key)}
		ddl := "CREATE TABLE wide (k BIGINT PRIMARY KEY"
		for c := range columns - 1 {
			name := fmt.Sprintf("c%d", c)
			opts, ddl = append(opts, upsert.Column(name, upsert.Replace)), ddl+", "+name+" VARCHAR(1)"
		}
		l.Exec(ddl + ")")
		limit := l.D.Traits().Limits.Params
		tooMany, code := make([]any, limit+1), "1390"
		query := "INSERT INTO wide (k) VALUES " + strings.Repeat("(?), ", limit) + "(?)"
		if l.D.Name() == "postgres" {
			query = l.DB.Rebind(query)
			code = "pq: got 65536 parameters but PostgreSQL only supports 65535 parameters"
		} else if l.D.Name() == "sqlite" {
			code = sqliteSyntax
		}
		for i := range tooMany {
			tooMany[i] = i
		}
		l.Fails(l.DB, code, query, tooMany...)
		l.Want("hazard: rows of the refused statement", l.Text("SELECT COUNT(*) FROM wide"), 0)

		batch := make([]map[string]any, rows)
		for i := range batch {
			batch[i] = map[string]any{"k": i}
			for c := range columns - 1 {
				batch[i][fmt.Sprintf("c%d", c)] = "" // empty, so that only the number of parameters splits the batch
			}
		}
		table := lab.Table[map[string]any](l, "wide", opts...)
		if _, err := table.PutAll(l.Context(), l.DB, batch); err != nil {
			l.Errorf("PutAll of %d parameters: %v", columns*rows, err)
		}
		l.Want("rows, and values in the last column", l.Text("SELECT COUNT(*), COUNT(c128) FROM wide"), "700|700")
	})
}

func TestHazard_P12_ColumnsNotInsertedAreNotAssigned(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int `upsert:"omitzero"`
		W int
	}
	lab.Each(t, lab.All, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT DEFAULT 7, w INT DEFAULT 8)", "INSERT INTO things VALUES (1, 1, 1)")
		on := " ON CONFLICT (k) DO UPDATE SET v = EXCLUDED.v"
		if l.Family() == "mysql" {
			on = " ON DUPLICATE KEY UPDATE v = VALUES(v)"
		}
		l.Exec("INSERT INTO things (k) VALUES (1)" + on)
		l.Want("hazard: a column that was not given", l.Text("SELECT v FROM things"), 7)
		l.Exec("UPDATE things SET v = 1")

		lab.Put(l, lab.Table[thing](l, "things", upsert.Columns("k", "w")), l.DB, thing{1, 5, 2})
		l.Want("the row after Put with Columns", l.Text("SELECT * FROM things"), "1|1|2")
		table := lab.Table[thing](l, "things")
		lab.Put(l, table, l.DB, thing{1, 0, 3})
		l.Want("the row after Put with a zero", l.Text("SELECT * FROM things"), "1|1|3")
		if _, err := table.PutAll(l.Context(), l.DB, []thing{{1, 0, 4}, {2, 0, 4}, {3, 3, 4}, {1, 0, 5}}); err != nil {
			l.Errorf("PutAll: %v", err)
		}
		l.Want("the rows after PutAll with zeros", l.Text("SELECT * FROM things ORDER BY k"), "1|1|5 2|7|4 3|3|4")
	})
}

func TestHazard_P15_ConflictsBurnSequences(t *testing.T) {
	t.Parallel()
	type thing struct {
		ID int `upsert:"generated"`
		K  int `upsert:"key"`
		V  int
	}
	lab.Each(t, lab.All, func(l *lab.Lab) {
		id := map[string]string{"sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT", "postgres": "SERIAL"}[l.D.Name()]
		if id == "" {
			id = "INT PRIMARY KEY AUTO_INCREMENT"
		}
		l.Exec("CREATE TABLE things (id " + id + ", k INT UNIQUE, v INT)")
		table, last := lab.Table[thing](l, "things"), thing{}
		for _, row := range []thing{{K: 1, V: 1}, {K: 1, V: 2}, {K: 1, V: 3}, {K: 2, V: 1}} {
			last = row
			putReading(l, table, &last)
			l.Want("the id read back", last.ID, l.Text(fmt.Sprintf("SELECT id FROM things WHERE k = %d", row.K)))
		}
		if last.ID <= 2 {
			l.Errorf("hazard: the id of the second row: %d, want a gap before it", last.ID)
		}
	})
}

func TestHazard_P20_NullInTheKey(t *testing.T) {
	t.Parallel()
	type thing struct {
		K *int `upsert:"key"`
		V int
	}
	lab.Each(t, lab.All, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT UNIQUE, v INT)")
		skip := "INSERT INTO things VALUES (NULL, 1) ON CONFLICT (k) DO NOTHING"
		if l.Family() == "mysql" {
			skip = "INSERT INTO things VALUES (NULL, 1) ON DUPLICATE KEY UPDATE k = things.k"
		}
		l.Exec(skip, skip)
		l.Want("hazard: rows with one key that is NULL", l.Text("SELECT COUNT(*) FROM things"), 2)
		if l.D.Name() == "postgres" {
			l.Exec("CREATE TABLE one (k INT UNIQUE NULLS NOT DISTINCT)", "INSERT INTO one VALUES (NULL)", "INSERT INTO one VALUES (NULL) ON CONFLICT (k) DO NOTHING")
			l.Want("rows under NULLS NOT DISTINCT", l.Text("SELECT COUNT(*) FROM one"), 1)
		}
		if _, err := upsert.New[thing](l.D, "things"); !errors.As(err, new(*upsert.TagError)) || !strings.Contains(err.Error(), "field K") {
			l.Errorf("New with a key that can be NULL: %v, want a *TagError that names the field K", err)
		}
		table := lab.Table[map[string]any](l, "things", upsert.Column("k", upsert.Key), upsert.Column("v", upsert.Replace))
		null := map[string]any{"k": nil, "v": 2}
		_, err := table.Put(l.Context(), l.DB, &null)
		l.WantErr("Put", err, upsert.ErrNullKey, "column k")
		_, err = table.PutAll(l.Context(), l.DB, []map[string]any{{"k": 1, "v": 2}, null})
		l.WantErr("PutAll", err, upsert.ErrNullKey, "row 1", "column k")
		_, err = table.GetOrCreate(l.Context(), l.DB, &null)
		l.WantErr("GetOrCreate", err, upsert.ErrNullKey, "column k")
		l.Want("rows the library wrote", l.Text("SELECT COUNT(*) FROM things WHERE v = 2"), 0)
	})
}

func TestHazard_P21_BeforeTriggersFireOnAConflict(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	lab.Each(t, "sqlite "+lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT)", "CREATE TABLE fired (v INT)")
		if l.D.Name() == "sqlite" {
			l.Exec("CREATE TRIGGER fire BEFORE INSERT ON things BEGIN INSERT INTO fired VALUES (NEW.v); END")
		} else {
			l.Exec("CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO fired VALUES (NEW.v); NEW.v = NEW.v * 2; RETURN NEW; END$$",
				"CREATE TRIGGER fire BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION fire()")
		}
		table := lab.Table[thing](l, "things")
		if _, err := table.PutAll(l.Context(), l.DB, []thing{{1, 10}}); err != nil {
			l.Errorf("PutAll: %v", err)
		}
		l.Exec("DELETE FROM fired", "UPDATE things SET v = 0")
		if _, err := table.PutAll(l.Context(), l.DB, []thing{{1, 10}}); err != nil {
			l.Errorf("PutAll: %v", err)
		}
		l.Want("what the trigger saw of a row that ended in a conflict", l.Text("SELECT v FROM fired"), 10)
		want := 10
		if l.D.Name() == "postgres" {
			want = 20 // the excluded row has the trigger's value
		}
		l.Want("the row", l.Text("SELECT v FROM things"), want)
		l.Want("the same row again", lab.Put(l, table, l.DB, thing{1, 10}), upsert.Unchanged)
	})
}

func TestHazard_H18_CollationTakesTwoKeysForOneElsewhere(t *testing.T) {
	t.Parallel()
	type thing struct {
		K string `upsert:"key"`
		V int
	}
	type kept struct {
		K string `upsert:"key"`
		V int    `upsert:"keep"`
	}
	lab.Each(t, "sqlite "+lab.Postgres, func(l *lab.Lab) {
		collation := "NOCASE"
		if l.D.Name() == "postgres" {
			l.Exec("CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
			collation = "folding"
		}
		l.Exec("CREATE TABLE things (k VARCHAR(9) COLLATE "+collation+" PRIMARY KEY, v INT)", "INSERT INTO things VALUES ('a', 1)",
			"INSERT INTO things VALUES ('A', 2) ON CONFLICT (k) DO UPDATE SET v = EXCLUDED.v")
		l.Want("hazard: the row of another key", l.Text("SELECT * FROM things"), "a|2")
		table := lab.Table[thing](l, "things")
		_, err := table.Put(l.Context(), l.DB, &thing{"A", 3})
		l.WantErr("Put", err, upsert.ErrOtherKey)
		_, err = table.PutAll(l.Context(), l.DB, []thing{{"A", 3}, {"z", 3}})
		l.WantErr("PutAll", err, upsert.ErrOtherKey)
		_, err = table.PutAll(l.Context(), l.DB, []thing{{"A", 3}, {"z", 3}}, upsert.Outcomes())
		l.WantErr("PutAll with Outcomes", err, upsert.ErrOtherKey)
		_, err = table.GetOrCreate(l.Context(), l.DB, &thing{"A", 3})
		l.WantErr("GetOrCreate", err, upsert.ErrOtherKey)
		_, err = lab.Table[kept](l, "things").Put(l.Context(), l.DB, &kept{"A", 3})
		l.WantErr("Put with nothing to update", err, upsert.ErrOtherKey)
		_, err = lab.Table[kept](l, "things").PutAll(l.Context(), l.DB, []kept{{"A", 3}})
		l.WantErr("PutAll with nothing to update", err, upsert.ErrOtherKey)
		l.Want("rows", l.Text("SELECT * FROM things"), "a|2")
		l.Want("Put of the key itself", lab.Put(l, table, l.DB, thing{"a", 4}), upsert.Updated)
	})
}

func TestHazard_SameInput_DuplicateKeysInABatch(t *testing.T) {
	t.Parallel()
	type thing struct {
		K      int  `upsert:"key"`
		Last   int  // rule replace
		First  int  `upsert:"keep"`
		High   int  `upsert:"max"`
		Filled *int `upsert:"coalesce"`
	}
	lab.Each(t, lab.All, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT PRIMARY KEY, last INT, first INT, high INT, filled INT)")
		n := 5
		batch := []thing{{2, 1, 1, 9, nil}, {1, 1, 1, 1, &n}, {2, 2, 2, 3, &n}, {2, 3, 3, 4, nil}}
		var got []upsert.Outcome
		each := upsert.EachOutcome(func(_ int, o upsert.Outcome) { got = append(got, o) })
		if _, err := lab.Table[thing](l, "things").PutAll(l.Context(), l.DB, batch, each); err != nil {
			l.Errorf("PutAll: %v", err)
		}
		l.Want("outcomes", got, []upsert.Outcome{upsert.Inserted, upsert.Inserted, upsert.Updated, upsert.Updated})
		l.Want("rows", l.Text("SELECT * FROM things ORDER BY k"), "1|1|1|1|5 2|3|1|9|5")
	})
}

func TestHazard_SameInput_SecondUniqueKey(t *testing.T) {
	t.Parallel()
	type thing struct {
		K     int `upsert:"key"`
		Other int
	}
	lab.Each(t, lab.All, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT PRIMARY KEY, other INT UNIQUE)", "INSERT INTO things VALUES (1, 1), (2, 2)")
		table := lab.Table[thing](l, "things", upsert.OnRetry(func(err error) { l.Errorf("retried after %v, want no retry", err) }))
		for _, row := range []thing{{3, 1}, {2, 1}} {
			_, err := table.Put(l.Context(), l.DB, &row)
			l.WantErr(fmt.Sprintf("Put(%+v)", row), err, upsert.ErrOtherKey)
			l.Want("its class", dialect.Classify(err), dialect.UniqueViolation)
			_, err = table.PutAll(l.Context(), l.DB, []thing{{4, 9}, row})
			l.WantErr(fmt.Sprintf("PutAll with %+v", row), err, upsert.ErrOtherKey)
		}
		l.Want("rows", l.Text("SELECT * FROM things ORDER BY k"), "1|1 2|2")
	})
}

func TestHazard_SameInput_SkippedRow(t *testing.T) {
	t.Parallel()
	type thing struct {
		K  int `upsert:"key"`
		V  int `upsert:"keep"`
		No int `upsert:"generated"`
	}
	lab.Each(t, lab.All, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT, no INT DEFAULT 42)")
		table := lab.Table[thing](l, "things")
		for _, want := range []upsert.Outcome{upsert.Inserted, upsert.Unchanged} {
			row := thing{K: 1, V: 1}
			l.Want("Put", putReading(l, table, &row), want)
			l.Want("what is read back of an "+want.String()+" row", row.No, 42)
		}
		row := thing{K: 1, V: 2}
		if created, err := table.GetOrCreate(l.Context(), l.DB, &row); err != nil || created || row != (thing{1, 1, 42}) {
			l.Errorf("GetOrCreate: created %v, row %+v, err %v; want the stored row", created, row, err)
		}
	})
}

func TestHazard_SameInput_ErrorInsideATransaction(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int  `upsert:"key"`
		V *int `upsert:"omitzero"`
	}
	lab.Each(t, lab.All, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT DEFAULT 1)")
		l.Check("things", "v > 0")
		bad, table := -1, lab.Table[thing](l, "things")
		// The row with a value needs its own statement, which is sent after the statement of the other rows.
		for _, opts := range [][]upsert.PutOption{nil, {upsert.Outcomes()}} {
			_, err := table.PutAll(l.Context(), l.DB, []thing{{K: 1}, {K: 2}, {3, &bad}}, opts...)
			l.WantErr("PutAll with a row that is refused", err, nil, "row 2", "table things")
			l.Want("rows that stayed", l.Text("SELECT * FROM things"), "")
		}
		_, err := table.PutAll(l.Context(), l.DB, []thing{{K: 1}, {K: 2}, {3, &bad}}, upsert.ChunkTx(1))
		var partial *upsert.PartialError
		if !errors.As(err, &partial) || partial.Rows != 2 {
			l.Errorf("PutAll in chunks: %v, want a *PartialError of 2 rows", err)
		}
		l.Want("rows that stayed", l.Text("SELECT * FROM things ORDER BY k"), "1|1 2|1")
	})
}
