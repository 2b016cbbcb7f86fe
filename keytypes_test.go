package upsert_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/lab"
)

// TestBitKeyStays: an IF() with a branch of text makes the decimal text of a BIT, whose bytes would be stored for the number.
func TestBitKeyStays(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int64 `upsert:"key"`
		V int64
	}
	type flag struct {
		K bool `upsert:"key"`
		V int64
	}
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k BIT(8) PRIMARY KEY, v INT)", "CREATE TABLE wide (k BIT(64) PRIMARY KEY, v INT)", "CREATE TABLE flags (k BIT(1) PRIMARY KEY, v INT)")
		things := lab.Table[thing](l, "things")
		for v, want := range []upsert.Outcome{upsert.Inserted, upsert.Unchanged, upsert.Unchanged} {
			l.Want(fmt.Sprintf("Put %d", v), lab.Put(l, things, l.DB, thing{5, 1}), want)
			l.Want("rows", l.Text("SELECT k + 0, v FROM things"), "5|1")
		}
		l.Want("Put of another value", lab.Put(l, things, l.DB, thing{5, 2}), upsert.Updated)
		r, err := things.PutAll(l.Context(), l.DB, []thing{{5, 2}, {200, 1}, {5, 3}}, upsert.Outcomes())
		l.Want("PutAll", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Inserted: 1, Updated: 1, Unchanged: 1}, nil))
		if _, err := things.PutAll(l.Context(), l.DB, []thing{{5, 3}, {200, 1}}); err != nil {
			l.Errorf("PutAll without outcomes: %v", err)
		}
		l.Want("rows", l.Text("SELECT k + 0, v FROM things ORDER BY k"), "5|3 200|1")
		wide := lab.Table[thing](l, "wide")
		for _, want := range []upsert.Outcome{upsert.Inserted, upsert.Unchanged} {
			l.Want("Put of a wide one", lab.Put(l, wide, l.DB, thing{1<<62 + 1, 1}), want)
		}
		l.Want("wide rows", l.Text("SELECT k + 0 FROM wide"), int64(1<<62+1))
		flags := lab.Table[flag](l, "flags")
		for _, want := range []upsert.Outcome{upsert.Inserted, upsert.Unchanged} {
			l.Want("Put of true", lab.Put(l, flags, l.DB, flag{true, 1}), want)
			l.Want("Put of false", lab.Put(l, flags, l.DB, flag{false, 1}), want)
		}
		l.Want("flags", l.Text("SELECT k + 0 FROM flags ORDER BY k"), "0 1")
	})
}

// TestNumberKeyOfAnotherColumnType: what is done for the sake of a BIT must leave the other types that take a number.
func TestNumberKeyOfAnotherColumnType(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int64 `upsert:"key"`
		V int64
	}
	const big = 1<<62 + 1 // no float64
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		for i, typ := range []string{"VARCHAR(30)", "VARBINARY(30)", "CHAR(30)", "BIGINT", "BIGINT UNSIGNED", "DECIMAL(30,2)", "DECIMAL(65,0)", "DOUBLE"} {
			name := fmt.Sprintf("t%d", i)
			l.Exec("CREATE TABLE " + name + " (k " + typ + " PRIMARY KEY, v INT)")
			table := lab.Table[thing](l, name)
			for _, k := range []int64{5, big, 1e18} {
				l.Want("first Put, "+typ, lab.Put(l, table, l.DB, thing{k, 1}), upsert.Inserted)
			}
			before := l.Text("SELECT k FROM " + name + " ORDER BY v, k")
			for _, k := range []int64{5, big, 1e18} {
				l.Want("second Put, "+typ, lab.Put(l, table, l.DB, thing{k, 1}), upsert.Unchanged)
			}
			l.Want("keys, "+typ, l.Text("SELECT k FROM "+name+" ORDER BY v, k"), before)
		}
	})
}

// TestKeyRoundedByItsType: the statement finds the row by the key as the column has it, so what reads the row must too.
func TestKeyRoundedByItsType(t *testing.T) {
	t.Parallel()
	type number struct {
		K   string `upsert:"key"`
		Rev int    `upsert:"version"`
		G   int    `upsert:"generated"`
	}
	type moment struct {
		K   time.Time `upsert:"key"`
		Rev int       `upsert:"keep"`
		G   int       `upsert:"generated"`
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE numbers (k NUMERIC(5,1) PRIMARY KEY, rev INT, g INT GENERATED ALWAYS AS (rev + 1) STORED)",
			"CREATE TABLE moments (k TIMESTAMPTZ(0) PRIMARY KEY, rev INT, g INT GENERATED ALWAYS AS (rev + 1) STORED)")
		numbers, moments := lab.Table[number](l, "numbers"), lab.Table[moment](l, "moments")
		at := time.Date(2026, 1, 2, 3, 4, 5, 678000000, time.UTC)
		for _, want := range []upsert.Outcome{upsert.Inserted, upsert.Unchanged} {
			n, m := number{K: "1.26", Rev: 1}, moment{K: at, Rev: 1}
			o, err := numbers.Put(l.Context(), l.DB, &n)
			l.Want("Put of a number", fmt.Sprint(o, err, n.G), fmt.Sprint(want, nil, 2))
			o, err = moments.Put(l.Context(), l.DB, &m)
			l.Want("Put of a time", fmt.Sprint(o, err, m.G), fmt.Sprint(want, nil, 2))
		}
		n, m := number{K: "1.26", Rev: 7}, moment{K: at, Rev: 7}
		created, err := numbers.GetOrCreate(l.Context(), l.DB, &n)
		l.Want("GetOrCreate of a number", fmt.Sprint(created, err, n), fmt.Sprint(false, nil, number{"1.3", 1, 2}))
		created, err = moments.GetOrCreate(l.Context(), l.DB, &m)
		l.Want("GetOrCreate of a time", fmt.Sprint(created, err, m.K.UTC(), m.Rev, m.G), fmt.Sprint(false, nil, at.Round(time.Second), 1, 2))
		l.Want("rows", l.Text("SELECT * FROM numbers")+" "+l.Text("SELECT rev, g FROM moments"), "1.3|1|2 1|2")
	})
}

// TestTimesThatAColumnTakesForOne: a server keeps microseconds, so keys that differ in less are one.
func TestTimesThatAColumnTakesForOne(t *testing.T) {
	t.Parallel()
	type thing struct {
		K time.Time `upsert:"key"`
		V int
	}
	lab.Each(t, lab.OnDuplicateKey+" "+lab.Postgres, func(l *lab.Lab) {
		typ := map[bool]string{true: "TIMESTAMPTZ", false: "DATETIME(6)"}[l.D.Name() == "postgres"]
		l.Exec("CREATE TABLE things (k " + typ + " PRIMARY KEY, v INT)")
		late, early := time.Date(2026, 1, 1, 0, 0, 0, 900, time.UTC), time.Date(2026, 1, 1, 0, 0, 0, 100, time.UTC)
		table := lab.Table[thing](l, "things")
		r, err := table.PutAll(l.Context(), l.DB, []thing{{late, 1}, {early, 2}}, upsert.Outcomes())
		l.Want("PutAll", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Inserted: 1, Updated: 1}, nil))
		l.Want("values", l.Text("SELECT v FROM things"), "2")
		l.Want("Put of the first", lab.Put(l, table, l.DB, thing{late, 3}), upsert.Updated)
		_, err = table.PutAll(l.Context(), l.DB, []thing{{late, 1}, {early, 2}}, upsert.RefuseDuplicates())
		l.WantErr("RefuseDuplicates", err, upsert.ErrDuplicateKey)
		var at *upsert.RowError
		if !errors.As(err, &at) || at.Row != 1 {
			l.Errorf("RefuseDuplicates: %v, want an error of row 1", err)
		}
		l.Want("values", l.Text("SELECT v FROM things"), "3")
	})
}
