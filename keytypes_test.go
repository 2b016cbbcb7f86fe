package upsert_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/goupsert/upsert"
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
	labs(t, "mariadb mysql", func(l *lab) {
		l.exec("CREATE TABLE things (k BIT(8) PRIMARY KEY, v INT)", "CREATE TABLE wide (k BIT(64) PRIMARY KEY, v INT)", "CREATE TABLE flags (k BIT(1) PRIMARY KEY, v INT)")
		things := labTable[thing](l, "things")
		for v, want := range []upsert.Outcome{upsert.Inserted, upsert.Unchanged, upsert.Unchanged} {
			l.want(fmt.Sprintf("Put %d", v), labPut(l, things, l.db, thing{5, 1}), want)
			l.want("rows", l.text("SELECT k + 0, v FROM things"), "5|1")
		}
		l.want("Put of another value", labPut(l, things, l.db, thing{5, 2}), upsert.Updated)
		r, err := things.PutAll(l.Context(), l.db, []thing{{5, 2}, {200, 1}, {5, 3}}, upsert.Outcomes())
		l.want("PutAll", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Inserted: 1, Updated: 1, Unchanged: 1}, nil))
		if _, err := things.PutAll(l.Context(), l.db, []thing{{5, 3}, {200, 1}}); err != nil {
			l.Errorf("PutAll without outcomes: %v", err)
		}
		l.want("rows", l.text("SELECT k + 0, v FROM things ORDER BY k"), "5|3 200|1")
		wide := labTable[thing](l, "wide")
		for _, want := range []upsert.Outcome{upsert.Inserted, upsert.Unchanged} {
			l.want("Put of a wide one", labPut(l, wide, l.db, thing{1<<62 + 1, 1}), want)
		}
		l.want("wide rows", l.text("SELECT k + 0 FROM wide"), int64(1<<62+1))
		flags := labTable[flag](l, "flags")
		for _, want := range []upsert.Outcome{upsert.Inserted, upsert.Unchanged} {
			l.want("Put of true", labPut(l, flags, l.db, flag{true, 1}), want)
			l.want("Put of false", labPut(l, flags, l.db, flag{false, 1}), want)
		}
		l.want("flags", l.text("SELECT k + 0 FROM flags ORDER BY k"), "0 1")
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
	labs(t, "mariadb mysql", func(l *lab) {
		for i, typ := range []string{"VARCHAR(30)", "VARBINARY(30)", "CHAR(30)", "BIGINT", "BIGINT UNSIGNED", "DECIMAL(30,2)", "DECIMAL(65,0)", "DOUBLE"} {
			name := fmt.Sprintf("t%d", i)
			l.exec("CREATE TABLE " + name + " (k " + typ + " PRIMARY KEY, v INT)")
			table := labTable[thing](l, name)
			for _, k := range []int64{5, big, 1e18} {
				l.want("first Put, "+typ, labPut(l, table, l.db, thing{k, 1}), upsert.Inserted)
			}
			before := l.text("SELECT k FROM " + name + " ORDER BY v, k")
			for _, k := range []int64{5, big, 1e18} {
				l.want("second Put, "+typ, labPut(l, table, l.db, thing{k, 1}), upsert.Unchanged)
			}
			l.want("keys, "+typ, l.text("SELECT k FROM "+name+" ORDER BY v, k"), before)
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
	labs(t, postgresLabs, func(l *lab) {
		l.exec("CREATE TABLE numbers (k NUMERIC(5,1) PRIMARY KEY, rev INT, g INT GENERATED ALWAYS AS (rev + 1) STORED)",
			"CREATE TABLE moments (k TIMESTAMPTZ(0) PRIMARY KEY, rev INT, g INT GENERATED ALWAYS AS (rev + 1) STORED)")
		numbers, moments := labTable[number](l, "numbers"), labTable[moment](l, "moments")
		at := time.Date(2026, 1, 2, 3, 4, 5, 678000000, time.UTC)
		for _, want := range []upsert.Outcome{upsert.Inserted, upsert.Unchanged} {
			n, m := number{K: "1.26", Rev: 1}, moment{K: at, Rev: 1}
			o, err := numbers.Put(l.Context(), l.db, &n)
			l.want("Put of a number", fmt.Sprint(o, err, n.G), fmt.Sprint(want, nil, 2))
			o, err = moments.Put(l.Context(), l.db, &m)
			l.want("Put of a time", fmt.Sprint(o, err, m.G), fmt.Sprint(want, nil, 2))
		}
		n, m := number{K: "1.26", Rev: 7}, moment{K: at, Rev: 7}
		created, err := numbers.GetOrCreate(l.Context(), l.db, &n)
		l.want("GetOrCreate of a number", fmt.Sprint(created, err, n), fmt.Sprint(false, nil, number{"1.3", 1, 2}))
		created, err = moments.GetOrCreate(l.Context(), l.db, &m)
		l.want("GetOrCreate of a time", fmt.Sprint(created, err, m.K.UTC(), m.Rev, m.G), fmt.Sprint(false, nil, at.Round(time.Second), 1, 2))
		l.want("rows", l.text("SELECT * FROM numbers")+" "+l.text("SELECT rev, g FROM moments"), "1.3|1|2 1|2")
	})
}

// TestTimesThatAColumnTakesForOne: a server keeps microseconds, so keys that differ in less are one.
func TestTimesThatAColumnTakesForOne(t *testing.T) {
	t.Parallel()
	type thing struct {
		K time.Time `upsert:"key"`
		V int
	}
	labs(t, "mariadb mysql "+postgresLabs, func(l *lab) {
		typ := map[bool]string{true: "TIMESTAMPTZ", false: "DATETIME(6)"}[l.postgres()]
		l.exec("CREATE TABLE things (k " + typ + " PRIMARY KEY, v INT)")
		late, early := time.Date(2026, 1, 1, 0, 0, 0, 900, time.UTC), time.Date(2026, 1, 1, 0, 0, 0, 100, time.UTC)
		table := labTable[thing](l, "things")
		r, err := table.PutAll(l.Context(), l.db, []thing{{late, 1}, {early, 2}}, upsert.Outcomes())
		l.want("PutAll", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Inserted: 1, Updated: 1}, nil))
		l.want("values", l.text("SELECT v FROM things"), "2")
		l.want("Put of the first", labPut(l, table, l.db, thing{late, 3}), upsert.Updated)
		_, err = table.PutAll(l.Context(), l.db, []thing{{late, 1}, {early, 2}}, upsert.RefuseDuplicates())
		l.wantErr("RefuseDuplicates", err, upsert.ErrDuplicateKey)
		var at *upsert.RowError
		if !errors.As(err, &at) || at.Row != 1 {
			l.Errorf("RefuseDuplicates: %v, want an error of row 1", err)
		}
		l.want("values", l.text("SELECT v FROM things"), "3")
	})
}
