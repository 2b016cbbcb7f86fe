package bulk_test

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
)

// The tests of this file check that errors and outcomes are the same on every path.

type checked struct {
	K   int `upsert:"key"`
	V   *string
	N   int
	Ref int
	U   *int
}

// checkedTable creates a table that can refuse a row for every possible reason, and n rows for it.
func checkedTable(b *bulkLab, n int) (*upsert.Table[checked], []checked) {
	b.lab.Exec("CREATE TABLE parents (k INT PRIMARY KEY)", "INSERT INTO parents VALUES (1)",
		"CREATE TABLE things (k INT PRIMARY KEY, v VARCHAR(99) NOT NULL, n INT, ref INT, u INT UNIQUE, FOREIGN KEY (ref) REFERENCES parents (k))", "INSERT INTO things VALUES (-1, 'x', 1, 1, -1)")
	b.lab.Check("things", "n < 9")
	v := strings.Repeat("x", 80)
	rows := make([]checked, n)
	for i := range rows {
		rows[i] = checked{len(rows) - i, &v, 1, 1, nil}
	}
	return bulkTable[checked](b, "things", upsert.OnRetry(func(err error) { b.lab.Errorf("retried after %v; want no retry", err) })), rows
}

func TestBulkOneBadRow(t *testing.T) {
	t.Parallel()
	long, nul, broken, taken := strings.Repeat("y", 100), "a\x00b", "a\xffb", -1
	for _, c := range []struct {
		name string
		bad  func(*checked)
	}{
		{"too long", func(c *checked) { c.V = &long }},
		{"NULL", func(c *checked) { c.V = nil }},
		{"a check", func(c *checked) { c.N = 9 }},
		{"a foreign key", func(c *checked) { c.Ref = 2 }},
		{"another unique key", func(c *checked) { c.U = &taken }},
		{"NUL", func(c *checked) { c.V = &nul }},
		{"broken UTF-8", func(c *checked) { c.V = &broken }},
		{"out of range", func(c *checked) { c.N = 1 << 40 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
				if c.name == "NUL" && b.lab.Family() != "postgres" {
					return // these databases allow a NUL in a text
				}
				n := 800 // more than one block of lines, so that the error arrives while rows are still being written
				if engine.IsLong() {
					n = 4000
				}
				table, rows := checkedTable(b, n)
				bad, chunk := len(rows)-2, len(rows)*9/20 // the keys descend, so this row is the second one sent
				c.bad(&rows[bad])
				want := putError(b, rows[bad])
				_, err := table.PutAll(b.lab.Context(), b.lab.DB, rows)
				b.wantRow("PutAll", err, want, bad)
				_, err = table.PutAll(b.lab.Context(), b.lab.DB, rows, upsert.Outcomes())
				b.wantRow("PutAll with Outcomes", err, want, bad)
				_, err = table.PutSeq(b.lab.Context(), b.lab.DB, lab.Seq(rows))
				b.wantRow("PutSeq", err, want, bad)
				b.lab.Want("rows", b.lab.Text("SELECT k FROM things"), -1)
				var partial *upsert.PartialError
				r, err := table.PutAll(b.lab.Context(), b.lab.DB, rows, upsert.ChunkTx(chunk), upsert.Outcomes())
				b.wantRow("PutAll in chunks", err, want, bad)
				if !errors.As(err, &partial) || partial.Rows != int64(2*chunk) || partial.Result != r || r.Inserted != int64(2*chunk) {
					b.lab.Errorf("PutAll in chunks: %v, %v; want a *PartialError of %d inserted rows", r, err, 2*chunk)
				}
				b.lab.Want("rows of two chunks", b.lab.Text("SELECT COUNT(*) FROM things"), 2*chunk+1)
				tx := b.lab.Begin(nil)
				_, err = table.PutAll(b.lab.Context(), tx, rows)
				b.lab.Want("in a transaction of the caller's, class of "+fmt.Sprint(err), dialect.Classify(err), dialect.Classify(want))
			})
		})
	}
}

// TestBulkBadRowIsFoundInFewStatements checks the number of calls that the search for a bad row needs, with the bad row at
// different positions.
func TestBulkBadRowIsFoundInFewStatements(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.All, func(l *lab.Lab) {
		b := &bulkLab{l, upsert.Values}
		table, rows := checkedTable(b, 4000)
		for _, bad := range []int{len(rows) - 1, len(rows) * 5 / 8, 0} {
			rows[bad].Ref = 2
			want := putError(b, rows[bad])
			db := faults.Open(b.lab, b.lab.NS, nil)
			_, err := table.PutAll(b.lab.Context(), db.DB, rows)
			b.wantRow("PutAll", err, want, bad)
			if n := len(db.Points()); n > 200 {
				b.lab.Errorf("row %d of %d was found in %d calls of the driver, want fewer calls", bad, len(rows), n)
			}
			rows[bad].Ref = 1
		}
		b.lab.Want("rows", b.lab.Text("SELECT k FROM things"), -1)
	})
}

// TestBulkBadRowsWhoseKeysTheErrorShows: PostgreSQL shows the values of the row that failed, and other rows have keys that are among
// these values. The row that is named is the first that fails all the same, also if the shown values contain a comma.
func TestBulkBadRowsWhoseKeysTheErrorShows(t *testing.T) {
	t.Parallel()
	type thing struct {
		K string `upsert:"key"`
		N int
		M int
	}
	bulkEach(t, lab.Postgres, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (n INT, m INT CHECK (m < 100), k VARCHAR(40) PRIMARY KEY)")
		table := bulkTable[thing](b, "things")
		rows := make([]thing, 3000)
		fill := func() {
			for i := range rows {
				rows[i] = thing{strconv.Itoa(i), i % 7, i % 5}
			}
		}
		for _, c := range []struct {
			what string
			bad  func()
			want int
		}{
			{"the values are keys of good rows before", func() { rows[2500].M, rows[2500].N = 1234, 777 }, 2500},
			{"a second bad row whose key is a value of the first", func() { rows[1234].M = 2222; rows[2222].M = 1234 }, 1234},
			{"a key with a comma", func() { rows[2999].K, rows[2999].M = "9, 9", 500 }, 2999},
			{"many rows have one of the values as their key", func() { rows[10].M = 100 }, 10},
		} {
			fill()
			c.bad()
			_, err := table.PutAll(b.lab.Context(), b.lab.DB, rows)
			b.lab.WantErr(c.what, err, nil, fmt.Sprintf("row %d:", c.want), "things_m_check")
		}
		b.lab.Want("rows", b.lab.Text("SELECT COUNT(*) FROM things"), 0)
	})
}

// nullable is a key whose negative values are NULL.
type nullable int64

func (n nullable) Value() (driver.Value, error) {
	if n < 0 {
		return nil, nil
	}
	return int64(n), nil
}

// TestBulkRowsThatAreNotSent checks errors in the rows themselves. The library finds such an error before or during sending.
func TestBulkRowsThatAreNotSent(t *testing.T) {
	t.Parallel()
	type thing struct {
		K nullable `upsert:"key"`
		V lab.Unreadable
	}
	bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT)")
		table := bulkTable[thing](b, "things")
		rows := make([]thing, 3000)
		for i := range rows {
			rows[i].K = nullable(i)
		}
		rows[2999].K = -1
		_, err := table.PutAll(b.lab.Context(), b.lab.DB, rows)
		b.lab.WantErr("a key that is NULL", err, upsert.ErrNullKey, "row 2999", "column k")
		rows[2999].K = rows[7].K
		_, err = table.PutAll(b.lab.Context(), b.lab.DB, rows, upsert.RefuseDuplicates())
		b.lab.WantErr("a key that is there twice", err, upsert.ErrDuplicateKey, "row 2999")
		b.lab.Want("rows", b.lab.Text("SELECT COUNT(*) FROM things"), 0)
		rows[2999].V = lab.Unreadable{Err: errors.New("it will not say")}
		for name, opts := range map[string][]upsert.PutOption{"blind": nil, "with outcomes": {upsert.Outcomes()}, "for each": {upsert.EachOutcome(func(int, upsert.Outcome) {})}} {
			_, err = table.PutAll(b.lab.Context(), b.lab.DB, rows, opts...)
			b.lab.WantErr("a value that cannot be had, "+name, err, rows[2999].V.Err, "row 2999", "column v")
			b.lab.Want("its class", dialect.Classify(err), dialect.Permanent)
			b.lab.Want("rows", b.lab.Text("SELECT COUNT(*) FROM things"), 0)
		}
	})
}

// TestBulkOutcomeOfEachRow checks that outcomes arrive in the order of the rows, whatever order the rows are sent in. The
// batch has repeated keys and stored rows, and half of the rows omit a column.
func TestBulkOutcomeOfEachRow(t *testing.T) {
	t.Parallel()
	type thing struct {
		K string `upsert:"key"`
		V int
		O int `upsert:"replace,omitzero"`
	}
	bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k VARCHAR(9) PRIMARY KEY, v INT, o INT)")
		table := bulkTable[thing](b, "things")
		var rows []thing
		var stored []string
		var want []upsert.Outcome
		for i := range 2400 {
			n := (i * 7) % 2400 // the order of the rows differs from key order
			row := thing{fmt.Sprintf("k%d", n), 1, n / 100 % 2}
			switch n % 3 {
			case 0:
				want = append(want, upsert.Inserted)
			case 1:
				stored = append(stored, fmt.Sprintf("('%s', 0, %d)", row.K, row.O))
				want = append(want, upsert.Updated)
			default:
				stored = append(stored, fmt.Sprintf("('%s', 1, %d)", row.K, row.O))
				want = append(want, upsert.Unchanged)
			}
			rows = append(rows, row)
		}
		b.lab.Exec("INSERT INTO things VALUES " + strings.Join(stored, ", "))
		rows, want = append(rows, rows[0], thing{rows[1].K, 9, 0}), append(want, upsert.Unchanged, upsert.Updated)
		var got []upsert.Outcome
		r, err := table.PutAll(b.lab.Context(), b.lab.DB, rows, upsert.EachOutcome(func(row int, o upsert.Outcome) {
			if row != len(got) {
				b.lab.Errorf("an outcome of row %d after %d other outcomes; want the order of the rows", row, len(got))
			}
			got = append(got, o)
		}))
		b.lab.Want("PutAll", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Inserted: 800, Updated: 801, Unchanged: 801}, nil))
		for i := range want {
			if i >= len(got) || got[i] != want[i] {
				b.lab.Fatalf("row %d, %+v: another outcome than %v", i, rows[i], want[i])
			}
		}
		b.lab.Want("rows", b.lab.Text("SELECT COUNT(*), SUM(v), COUNT(o), SUM(o) FROM things"), "2400|2408|2000|1200")
	})
}
