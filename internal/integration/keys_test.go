package integration_test

import (
	"bytes"
	"cmp"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/jmoiron/sqlx"
)

// keyed is a row whose key has type K. N is the position of the row in the batch.
type keyed[K any] struct {
	K K   `db:"k" upsert:"key"`
	N int `db:"n"`
}

// inOrder wants the rows to be inserted in the order of their keys. The column place of the table tells the order of
// insertion.
func inOrder[K any](t *testing.T, db *sqlx.DB, d dialect.Dialect, typ, place string, compare func(a, b K) int, keys ...K) {
	t.Helper()
	const name = "t"
	db.MustExec("CREATE TABLE " + name + " (k " + typ + " UNIQUE, n INT)")
	defer db.MustExec("DROP TABLE " + name)
	table, err := upsert.New[keyed[K]](d, name)
	if err != nil {
		t.Fatal(err)
	}
	rows, want := make([]keyed[K], len(keys)), make([]int, len(keys))
	for i, k := range keys {
		rows[i], want[i] = keyed[K]{k, i}, i
	}
	slices.SortStableFunc(want, func(i, j int) int { return compare(keys[i], keys[j]) })
	if _, err := table.PutAll(t.Context(), db, rows); err != nil {
		t.Fatalf("%T: %v", keys, err)
	}
	var have []int
	if err := db.Select(&have, "SELECT n FROM "+name+" ORDER BY "+place); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(have, want) {
		t.Errorf("%T %v: the rows are inserted in the order %v, want %v", keys, keys, have, want)
	}
	for i := range rows { // a single row has its own buffer
		rows[i].N = -i
		if _, err := table.Put(t.Context(), db, &rows[i]); err != nil {
			t.Fatal(err)
		}
		if _, err := table.PutAll(t.Context(), db, rows[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
	have = nil
	if err := db.Select(&have, "SELECT n FROM "+name+" WHERE n > 0"); err != nil || len(have) != 0 {
		t.Errorf("%T: after a Put of each row, the rows %v have not changed, %v", keys, have, err)
	}
}

type keyText string

// TestRowsAreInKeyOrder checks that a batch is sent in key order. Two batches that lock rows in the same order cannot
// deadlock (hazard P24).
func TestRowsAreInKeyOrder(t *testing.T) {
	t.Parallel()
	db, d := engine.Get("sqlite").Open(t), dialect.SQLite
	inOrder(t, db, d, "BIGINT", "rowid", cmp.Compare[int64], 5, -1, math.MaxInt64, 0, math.MinInt64, 4)
	inOrder(t, db, d, "INT", "rowid", cmp.Compare[int8], 5, -1, 127, 0, -128)
	inOrder(t, db, d, "INT", "rowid", cmp.Compare[uint32], 5, math.MaxUint32, 0)
	inOrder(t, db, d, "REAL", "rowid", cmp.Compare[float64], 1.5, math.Inf(1), -0.1, 0, math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64, -1)
	inOrder(t, db, d, "BOOLEAN", "rowid", func(a, b bool) int { return map[bool]int{true: 1}[a] - map[bool]int{true: 1}[b] }, true, false)
	inOrder(t, db, d, "TEXT", "rowid", cmp.Compare[string], "b", "", "a", "B", "é", "aa", "\uffff", "😀", "a\x00")
	inOrder(t, db, d, "TEXT", "rowid", cmp.Compare[keyText], "b", "", "a")
	inOrder(t, db, d, "BLOB", "rowid", bytes.Compare, []byte("b"), []byte{}, []byte{255}, []byte{0}, []byte{0, 0})
	noon := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	east := time.FixedZone("east", 3*3600)
	inOrder(t, db, d, "TIMESTAMP", "rowid", time.Time.Compare, noon, noon.Add(-time.Hour).In(east), noon.Add(time.Hour), noon.AddDate(-1, 0, 0))
}

// TestUnsignedKeys checks that a uint64 key above the greatest int64 is not taken for the negative int64 of the same bits.
func TestUnsignedKeys(t *testing.T) {
	t.Parallel()
	db := engine.Newest("postgres").Open(t)
	for _, keys := range [][]uint64{
		{math.MaxUint64, 3, 1 << 63, math.MaxInt64, 0, 1<<63 + 5}, {2, 1, 1 << 63}, {1 << 63, 1}, {math.MaxUint64, 1 << 63}, {math.MaxInt64},
	} {
		inOrder(t, db, dialect.Postgres, "NUMERIC(20)", "ctid", cmp.Compare[uint64], keys...)
	}
}

// TestKeyOfSeveralColumns checks keys of several columns. The first column that differs decides the order. Two rows have the
// same key if all columns are equal, and the last of these rows stays.
func TestKeyOfSeveralColumns(t *testing.T) {
	t.Parallel()
	type row struct {
		A int64     `db:"a" upsert:"key"`
		B string    `db:"b" upsert:"key"`
		C time.Time `db:"c" upsert:"key"`
		N int       `db:"n"`
	}
	db := engine.Get("sqlite").Open(t)
	db.MustExec("CREATE TABLE t (a INT, b TEXT, c TIMESTAMP, n INT, UNIQUE (a, b, c))")
	table, err := upsert.New[row](dialect.SQLite, "t")
	if err != nil {
		t.Fatal(err)
	}
	early, late := time.Unix(1, 0), time.Unix(2, 0)
	rows := []row{{2, "a", early, 0}, {1, "b", early, 1}, {1, "a", late, 2}, {1, "b", early.UTC(), 3}, {1, "a", early, 4}, {2, "a", early, 5}, {1, "b", early, 6}}
	r, err := table.PutAll(t.Context(), db, rows, upsert.Outcomes())
	if want := (upsert.Result{Inserted: 4, Updated: 3}); err != nil || r != want {
		t.Errorf("PutAll: %v, %v, want %v", r, err, want)
	}
	var have []int
	if err := db.Select(&have, "SELECT n FROM t ORDER BY rowid"); err != nil || !slices.Equal(have, []int{4, 2, 6, 5}) {
		t.Errorf("rows %v, %v, want 4, 2, 6 and 5", have, err)
	}
	_, err = table.PutAll(t.Context(), db, rows, upsert.RefuseDuplicates())
	var at *upsert.RowError
	if !errors.As(err, &at) || at.Row != 3 || !errors.Is(err, upsert.ErrDuplicateKey) {
		t.Errorf("RefuseDuplicates: %v, want ErrDuplicateKey of row 3", err)
	}
}

// TestKeyThatCannotBe checks that a value that cannot be a key is refused before the first statement. The error names the
// row and the column.
func TestKeyThatCannotBe(t *testing.T) {
	t.Parallel()
	db := engine.Get("sqlite").Open(t)
	db.MustExec("CREATE TABLE t (k, n INT, UNIQUE (k))")
	table, err := upsert.New[map[string]any](dialect.SQLite, "t", upsert.Column("k", upsert.Key), upsert.Column("n", upsert.Replace))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key  any
		says string
	}{
		{nil, "NULL"}, {(*int64)(nil), "NULL"}, {math.NaN(), "NaN cannot be a key"}, {[]int{1}, "a []int cannot be a key: give its type a Value method"},
		{"1", "its key is a string, but that of the first row a int64"}, {1.0, "its key is a float64, but"}, {true, "its key is a bool"},
		{[]byte("1"), "its key is a []uint8"}, {time.Unix(1, 0), "its key is a time.Time"}, {json.RawMessage("1"), "its key is a string"},
	} {
		rows := []map[string]any{{"k": 1, "n": 1}, {"k": 2, "n": 2}, {"k": c.key, "n": 3}}
		_, err := table.PutAll(t.Context(), db, rows)
		refusesKey(t, err, 2, c.says)
	}
	var n int
	if err := db.Get(&n, "SELECT COUNT(*) FROM t"); err != nil || n != 0 {
		t.Errorf("%d rows are there, %v", n, err)
	}
	first := []map[string]any{{"k": "a", "n": 1}, {"k": uint64(math.MaxUint64), "n": 2}}
	_, err = table.PutAll(t.Context(), db, first)
	refusesKey(t, err, 1, "its key is a int64, but that of the first row a string")
}

func refusesKey(t *testing.T, err error, row int, says string) {
	t.Helper()
	var at *upsert.RowError
	if !errors.As(err, &at) || at.Row != row || at.Column != "k" || !strings.Contains(err.Error(), says) {
		t.Errorf("%v, want an error of row %d, column k, that has %q", err, row, says)
	}
}

// counter is a key whose Value method returns another number at each call.
type counter struct{ asked *int64 }

func (c counter) Value() (driver.Value, error) {
	*c.asked++
	return *c.asked, nil
}

// TestKeyIsAskedOnce checks that Value is called once per key, so that rows are ordered by the same value that is sent.
func TestKeyIsAskedOnce(t *testing.T) {
	t.Parallel()
	db := engine.Get("sqlite").Open(t)
	db.MustExec("CREATE TABLE t (k BIGINT UNIQUE, n INT)")
	table, err := upsert.New[keyed[counter]](dialect.SQLite, "t")
	if err != nil {
		t.Fatal(err)
	}
	asked := make([]int64, 3)
	if _, err := table.PutAll(t.Context(), db, []keyed[counter]{{counter{&asked[0]}, 1}, {counter{&asked[1]}, 2}, {counter{&asked[2]}, 3}}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(asked, []int64{1, 1, 1}) {
		t.Errorf("Value of the keys was called %v times; want once each", asked)
	}
}

// TestBitKeyStays checks BIT keys. An IF() with a text branch converts a BIT to decimal text, and the column would store the
// bytes of this text instead of the number.
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

// TestNumberKeyOfAnotherColumnType checks number keys in other column types: the treatment of BIT must not change how these
// types store the key.
func TestNumberKeyOfAnotherColumnType(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int64 `upsert:"key"`
		V int64
	}
	const big = 1<<62 + 1 // not representable as a float64
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

// TestKeyRoundedByItsType checks that the library finds the row of a key if the column rounds the key. The upsert finds the
// row by the rounded key, so reading the row must use the rounded key too.
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

// TestTimesThatAColumnTakesForOne checks keys that differ by less than a microsecond. A server stores microseconds, so the
// keys are equal to the server.
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
