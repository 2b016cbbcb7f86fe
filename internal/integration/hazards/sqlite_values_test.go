package hazards_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/lab"
)

// The tests of this file check the hazards of SQLite from S16 to S23, which are about stored values and about names.

func TestHazard_S16_TableOfManyColumns(t *testing.T) {
	t.Parallel()
	lab.Each(t, "sqlite", func(l *lab.Lab) {
		const n = 1900 // SQLite allows 2,000 columns
		columns, opts, row := []string{"k INTEGER PRIMARY KEY"}, []upsert.Option{upsert.Column("k", upsert.Key)}, map[string]any{"k": 1}
		var differ []string
		for i := range n {
			name := fmt.Sprintf("c%d", i)
			columns, opts, row[name] = append(columns, name+" INT"), append(opts, upsert.Column(name, upsert.Replace)), i
			differ = append(differ, name+" IS NOT 1")
		}
		l.Exec("CREATE TABLE things (" + strings.Join(columns, ", ") + ")")
		l.Fails(l.DB, sqliteSyntax, "SELECT * FROM things WHERE "+strings.Join(differ, " OR "))
		table := lab.Table[map[string]any](l, "things", opts...)
		for _, want := range []upsert.Outcome{upsert.Inserted, upsert.Unchanged, upsert.Updated, upsert.Unchanged} {
			if want == upsert.Updated {
				row[fmt.Sprintf("c%d", n-1)] = -1
			}
			l.Want("Put", lab.Put(l, table, l.DB, row), want)
		}
		row["c700"] = -1
		r, err := table.PutAll(l.Context(), l.DB, []map[string]any{row, row}, upsert.Outcomes())
		l.Want("PutAll", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Updated: 1, Unchanged: 1}, nil))
	})
}

func TestHazard_S17_SumThatIsNoInteger(t *testing.T) {
	t.Parallel()
	type counter struct {
		K int   `upsert:"key"`
		N int64 `upsert:"add"`
	}
	type gauge struct {
		K int     `upsert:"key"`
		N float64 `upsert:"add"`
	}
	lab.Each(t, "sqlite", func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INTEGER PRIMARY KEY, n INT)", "INSERT INTO things VALUES (1, 9223372036854775800), (2, -9223372036854775800), (3, 1)")
		l.Want("hazard", l.Text("SELECT n + 100 FROM things WHERE k = 1"), "9.223372036854776e+18")
		table := lab.Table[counter](l, "things")
		for _, row := range []counter{{1, 8}, {2, -9}, {1, math.MaxInt64}} {
			_, err := table.Put(l.Context(), claim{l.DB}, &row)
			l.WantErr("Put", err, nil, "table things", "integer overflow")
			_, err = table.PutAll(l.Context(), claim{l.DB}, []counter{{3, 1}, row})
			l.WantErr("PutAll", err, nil, "table things", "integer overflow")
			_, err = table.PutAll(l.Context(), claim{l.DB}, []counter{{3, 1}, row}, upsert.Outcomes())
			l.WantErr("PutAll with Outcomes", err, nil, "table things", "integer overflow")
		}
		l.Exec("DELETE FROM things WHERE k = 3")
		l.Want("Put of what fits", lab.Put(l, table, claim{l.DB}, counter{1, 7}), upsert.Updated)
		l.Want("Put of what fits", lab.Put(l, table, claim{l.DB}, counter{2, -8}), upsert.Updated)
		l.Want("rows", l.Text("SELECT n, typeof(n) FROM things"), "9223372036854775807|integer -9223372036854775808|integer")
		l.Exec("CREATE TABLE gauges (k INTEGER PRIMARY KEY, n REAL)")
		for range 2 {
			lab.Put(l, lab.Table[gauge](l, "gauges"), claim{l.DB}, gauge{1, 9e18})
		}
		l.Want("a sum of floats", l.Text("SELECT n FROM gauges"), "1.8e+19")
	})
}

func TestHazard_S18_TimesAreOneText(t *testing.T) {
	t.Parallel()
	type thing struct {
		K  time.Time `upsert:"key"`
		At time.Time `upsert:"max"`
	}
	lab.Each(t, "sqlite", func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k TIMESTAMP PRIMARY KEY, at TIMESTAMP)")
		l.Want("hazard: the order of texts", l.Text("SELECT '10000-01-01' < '9999-01-01'"), "1")
		table := lab.Table[thing](l, "things")
		at := time.Date(2026, 7, 1, 2, 0, 0, 120, time.FixedZone("", 7200))
		l.Want("Put", lab.Put(l, table, l.DB, thing{at, at}), upsert.Inserted)
		l.Want("Put in another zone", lab.Put(l, table, l.DB, thing{at.UTC(), at.In(time.FixedZone("", -3600))}), upsert.Unchanged)
		l.Want("rows", l.Text("SELECT CAST(k AS TEXT), CAST(at AS TEXT) FROM things"), "2026-07-01 00:00:00.00000012+00:00|2026-07-01 00:00:00.00000012+00:00")
		for _, year := range []int{-1, 10000} {
			bad := time.Date(year, 7, 1, 0, 0, 0, 0, time.UTC)
			for _, row := range []thing{{at, bad}, {bad, at}} {
				_, err := table.Put(l.Context(), l.DB, &row)
				l.WantErr("Put", err, nil, "table things", "column ", fmt.Sprintf("year %d", year))
				_, err = table.PutAll(l.Context(), l.DB, []thing{{at, at}, row})
				l.WantErr("PutAll", err, nil, "row 1", "column ", fmt.Sprintf("year %d", year))
			}
		}
	})
}

func TestHazard_S19_IntegerInAColumnOfFloats(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V any
		W int64
	}
	lab.Each(t, "sqlite", func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INTEGER PRIMARY KEY, v REAL, w REAL)")
		table := lab.Table[thing](l, "things")
		for _, row := range []thing{{1, int64(1<<53 + 1), 1<<53 + 1}, {2, int64(math.MaxInt64), math.MinInt64 + 1}} {
			for _, want := range []upsert.Outcome{upsert.Inserted, upsert.Unchanged, upsert.Unchanged} {
				l.Want("Put", lab.Put(l, table, l.DB, row), want)
			}
			r, err := table.PutAll(l.Context(), l.DB, []thing{row, {3, nil, 1}}, upsert.Outcomes())
			l.Want("PutAll", fmt.Sprint(r.Unchanged, r.Updated, err), fmt.Sprint(1+row.K-1, 0, nil))
			row.W += 4096
			l.Want("Put of another number", lab.Put(l, table, l.DB, row), upsert.Updated)
			l.Want("Put of it again", lab.Put(l, table, l.DB, row), upsert.Unchanged)
			l.Exec("UPDATE things SET w = 0")
			l.Want("Put of it in place of another", lab.Put(l, table, l.DB, row), upsert.Updated)
			l.Exec("DELETE FROM things WHERE k = 3", fmt.Sprintf("INSERT INTO things SELECT 3, NULL, 1 WHERE %d = 1", row.K))
		}
	})
}

func TestHazard_S22_MisspeltColumnIsNoText(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int    `upsert:"key"`
		V int    `upsert:"keep"`
		G string `db:"gg" upsert:"generated"`
	}
	lab.Each(t, "sqlite", func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INTEGER PRIMARY KEY, v INT, g TEXT AS (v || '!'))", "INSERT INTO things VALUES (1, 1)")
		l.Want("hazard", l.Text(`SELECT "gg" FROM things`), "gg")
		table := lab.Table[thing](l, "things")
		for _, k := range []int{1, 2} {
			_, err := table.Put(l.Context(), l.DB, &thing{K: k})
			l.WantErr("Put", err, nil, "no such column", "gg")
			_, err = table.GetOrCreate(l.Context(), l.DB, &thing{K: k})
			l.WantErr("GetOrCreate", err, nil, "no such column", "gg")
		}
		l.Want("rows", l.Text("SELECT k FROM things"), "1")
		l.Exec("ALTER TABLE things RENAME g TO gg")
		for _, name := range []string{"things", "main.things"} {
			row := thing{K: 2, V: 5}
			if _, err := lab.Table[thing](l, name).Put(l.Context(), l.DB, &row); err != nil || row.G != "5!" {
				l.Errorf("Put to %s: %+v, err %v; want the generated column", name, row, err)
			}
		}
	})
}

func TestHazard_S23_NaNIsNoNull(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V float64
	}
	lab.Each(t, "sqlite", func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INTEGER PRIMARY KEY, v REAL)")
		if _, err := l.DB.ExecContext(l.Context(), "INSERT INTO things VALUES (1, ?)", math.NaN()); err != nil {
			l.Fatal(err)
		}
		l.Want("hazard", l.Text("SELECT v FROM things"), "NULL")
		table := lab.Table[thing](l, "things")
		_, err := table.Put(l.Context(), l.DB, &thing{1, math.NaN()})
		l.WantErr("Put", err, nil, "table things", "column v", "NaN")
		_, err = table.PutAll(l.Context(), l.DB, []thing{{1, math.Inf(1)}, {2, math.NaN()}})
		l.WantErr("PutAll", err, nil, "row 1", "column v", "NaN")
	})
}
