package bulk_test

import (
	"database/sql"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
)

// The tests of this file check values at the limits of their types. Every path must store them as Put does.

// sameValues sends values by the path of the lab and by Put, and compares the stored values.
func sameValues[V any](b *bulkLab, typ string, values ...V) {
	b.lab.Helper()
	type thing struct {
		K int `upsert:"key"`
		V *V
	}
	rows := []thing{{0, nil}}
	for i := range values {
		rows = append(rows, thing{i + 1, &values[i]})
	}
	b.sameAsPut(typ, func(name string) ([]upsert.Result, error) {
		return putTwice(b, bulkTable[thing](b, name), rows)
	}, func(name string) error {
		for i := range rows {
			if _, err := lab.Table[thing](b.lab, name).Put(b.lab.Context(), b.lab.DB, &rows[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestBulkValues(t *testing.T) {
	t.Parallel()
	odd := []string{"", "NULL", `\N`, `\\N`, `\.`, `\`, `\\`, "{}", "{", `"`, `""`, ",", "a\tb", "\n", "\r\n", "\r", "\b\f\v\x1a\x7f", "'", "$1", "?", "漢字🙂", " x ", strings.Repeat(`a"\`+"\t\n", engine.Size(20000, 200000))}
	var bytes [][]byte
	for _, s := range odd {
		bytes = append(bytes, []byte(s))
	}
	bytes = append(bytes, []byte{0}, []byte{0xff, 0xfe}, []byte{0xe2, '\t', 0xe2, '\\', 0xf0, '\n', 0xc3}, []byte("\\x41"))
	floats := []float64{0, math.Copysign(0, -1), 0.1, -0.1, 1e300, math.SmallestNonzeroFloat64, math.MaxFloat64, 1 << 53, 1e21, 123456789.125}
	bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
		if b.lab.Family() != "postgres" {
			sameValues(b, "LONGTEXT", odd...)
			sameValues(b, "LONGBLOB", bytes...)
			sameValues(b, "VARBINARY(99)", bytes[:10]...)
			sameValues(b, "DOUBLE", floats...)
			sameValues(b, "FLOAT", 0.1, 1e30, -2.5)
			sameValues(b, "DECIMAL(20,2)", 1.005, 12345678.995, -0.004)
			sameValues[uint64](b, "BIGINT UNSIGNED", 0, math.MaxUint64, math.MaxInt64+1)
			sameValues[int64](b, "BIGINT", math.MinInt64, math.MaxInt64, 1<<53+1)
			sameValues[int64](b, "BIT(64)", 0, 1, 53, math.MaxInt64)
			sameValues(b, "BIT(1)", true, false)
			sameValues(b, "BOOLEAN", true, false)
			sameValues(b, "YEAR", 1970, 70, 2026, 0, 1, 99)
			sameValues(b, "YEAR", 0, 2.5, 3.5, 69.5)
			sameValues(b, "YEAR", "0", "00", "0000", "70")
			for _, typ := range []string{"TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT", "DECIMAL(9)"} {
				sameValues(b, typ, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 2.4, 2.6, 100)
			}
			sameValues(b, "BIGINT UNSIGNED", 0.5, 1.5, 2.5, 1e18)
			sameValues(b, "BIT(64)", "1", "01", "A", "é", "", "10101010")
			sameValues(b, "ENUM('b', 'a')", 1, 2)
			sameValues(b, "DATETIME(6)", times(1, 9999)...)
			sameValues(b, "DATETIME", times(1, 9999)...)
			sameValues(b, "TIMESTAMP(3) NULL", times(1971, 2037)...)
			sameValues(b, "DATE", times(1, 9999)...)
			return
		}
		sameValues(b, "text", odd...)
		sameValues(b, "bytea", bytes...)
		sameValues(b, "text", bytes[:len(odd)]...)
		sameValues(b, "jsonb", []byte(`{"a":"\\N\t"}`), []byte("null"))
		for _, typ := range []string{"double precision", "real", "numeric", "text"} {
			some := append([]float64{math.NaN(), math.Inf(1), math.Inf(-1)}, floats...)
			if typ == "text" { // lib/pq writes +Inf, which differs from the text of PostgreSQL
				some = some[3:]
			}
			if typ == "real" {
				some = append(some[:7:7], 1<<20)
			}
			sameValues(b, typ, some...)
		}
		sameValues[uint64](b, "numeric", 0, math.MaxUint64, math.MaxInt64+1)
		sameValues[int64](b, "bigint", math.MinInt64, math.MaxInt64)
		sameValues[int64](b, "text", math.MinInt64, 1<<53+1)
		sameValues(b, "boolean", true, false)
		sameValues(b, "text", true, false)
		for _, typ := range []string{"timestamptz", "timestamp", "timestamptz(0)", "timestamp(3)", "date", "text"} {
			sameValues(b, typ, times(-4712, 30000)...)
		}
		sameValues(b, "time", times(1, 9999)...)
	})
}

// times returns instants between the two years, in different time zones.
func times(from, to int) []time.Time {
	var all []time.Time
	zones := []int{0, 4*3600 + 1800 + 8, -(15*3600 + 59*60)}
	if engine.IsLong() {
		zones = append(zones, 3600, -12600, 14*3600)
	}
	for _, zone := range zones {
		for _, year := range []int{-4712, -43, 0, 1, 1000, 1970, 1972, 2026, 2037, 9998, 10000, 29999} {
			if year > from && year < to {
				at := time.FixedZone("", zone)
				all = append(all, time.Date(year, 2, 28, 23, 59, 59, 999999999, at), time.Date(year, 7, 1, 0, 0, 0, 0, at), time.Date(year, 12, 30, 12, 30, 0, 1500, at))
			}
		}
	}
	return append(all, time.Date(2026, 5, 6, 7, 8, 9, 10, time.Local))
}

func TestBulkValuesOfDrivers(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		S sql.NullString
		N sql.Null[int64]
		A any
		P **int
	}
	bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, s VARCHAR(9), n INT, a VARCHAR(9), p INT)")
		five := 5
		pointer, none := &five, (*int)(nil)
		rows := []thing{{K: 1}, {2, sql.NullString{String: "", Valid: true}, sql.Null[int64]{V: 7, Valid: true}, "a", &pointer}, {3, sql.NullString{String: "x"}, sql.Null[int64]{V: 7}, []byte("b"), &none}, {4, sql.NullString{}, sql.Null[int64]{}, 12, nil}, {5, sql.NullString{}, sql.Null[int64]{}, true, nil}}
		results, err := putTwice(b, bulkTable[thing](b, "things"), rows)
		b.lab.Want("results", fmt.Sprint(results, err), fmt.Sprint([]upsert.Result{{Inserted: 5}, {Unchanged: 5}}, nil))
		yes := map[bool]string{true: "true", false: "1"}[b.lab.Family() == "postgres"]
		b.lab.Want("rows", b.lab.Text("SELECT * FROM things ORDER BY k"), "1|NULL|NULL|NULL|NULL 2||7|a|5 3|NULL|NULL|b|NULL 4|NULL|NULL|12|NULL 5|NULL|NULL|"+yes+"|NULL")
	})
}
