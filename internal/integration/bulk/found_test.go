package bulk_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/lab"
)

// The tests of this file repeat bugs that the bulk paths once had.

// TestBulkNotesHideNoWarning checks that a warning is noticed even if a statement causes many notes. A server keeps only
// some notes and warnings of a statement, so that a note could displace a warning.
func TestBulkNotesHideNoWarning(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		D string
		V string
	}
	bulkEach(t, lab.OnDuplicateKey, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, d DECIMAL(10,2), v VARCHAR(3))")
		var rows []thing
		for i := range 100 {
			rows = append(rows, thing{i, "1.2345", "abc"}) // each row causes a note
		}
		rows = append(rows, thing{100, "1", "abcd"})
		want := putError(b, rows[100])
		for _, setting := range []string{"SET sql_notes = 1", "SET max_error_count = 0", "SET sql_notes = 0"} {
			s := b.lab.Session(setting)
			before := b.lab.TextOn(s, "SELECT @@sql_notes, @@max_error_count")
			_, err := bulkTable[thing](b, "things").PutAll(b.lab.Context(), s, rows)
			b.wantRow(setting, err, want, 100)
			b.lab.Want(setting+": rows", b.lab.Text("SELECT * FROM things"), "")
			b.lab.Want(setting+": settings of the session", b.lab.TextOn(s, "SELECT @@sql_notes, @@max_error_count"), before)
		}
		b.lab.Want("rows of which only digits are rounded away", bulkPut(b, bulkTable[thing](b, "things"), b.lab.DB, rows[:100]), upsert.Result{Inserted: 100})
	})
}

// TestBulkCompositeTypes checks composite types, because unnest makes one column of each field of a composite.
func TestBulkCompositeTypes(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		A string
		B int
	}
	bulkEach(t, lab.Postgres, func(b *bulkLab) {
		b.lab.Exec("CREATE TYPE two AS (x text, y int)", "CREATE TABLE things (k int PRIMARY KEY, a two, b int)")
		if b.via != upsert.Arrays {
			b.lab.Want("result", bulkPut(b, bulkTable[thing](b, "things"), b.lab.DB, []thing{{1, "(z,2)", 3}, {2, "(y,4)", 5}}), upsert.Result{Inserted: 2})
			b.lab.Want("rows", b.lab.Text("SELECT k, a::text, b FROM things ORDER BY k"), "1|(z,2)|3 2|(y,4)|5")
		}
	})
}

// TestBulkKeysThatATypeTakesForOne checks two rows whose keys are equal to the column's type. The second row must not be
// compared with the row stored before the first row.
func TestBulkKeysThatATypeTakesForOne(t *testing.T) {
	t.Parallel()
	type thing struct {
		K string `upsert:"key"`
		V int
	}
	for _, c := range [][3]string{
		{"uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}, {"inet", "10.0.0.1", "10.0.0.1/32"}, {"char(3)", "a", "a "},
		{"numeric(10,2)", "1.001", "1.002"}, {"int", "01", "1"}, {"date", "2026-01-01", "2026-1-1"}, {"timestamptz", "2026-01-01 00:00Z", "2026-01-01 01:00+1"},
	} {
		t.Run(c[0], func(t *testing.T) {
			t.Parallel()
			bulkEach(t, lab.Postgres, func(b *bulkLab) {
				b.lab.Exec("CREATE TABLE things (k " + c[0] + " PRIMARY KEY, v int)")
				b.lab.Exec("INSERT INTO things VALUES ('" + c[2] + "', 5)")
				_, err := bulkTable[thing](b, "things").PutAll(b.lab.Context(), b.lab.DB, []thing{{c[1], 6}, {c[2], 5}})
				b.lab.WantErr("PutAll", err, upsert.ErrOtherKey)
				b.lab.Want("value", b.lab.Text("SELECT v FROM things"), 5)
			})
		})
	}
}

// TestBulkSchemaThatHasChanged checks that a batch succeeds if the column types have changed since the library read them.
func TestBulkSchemaThatHasChanged(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		D string
		N int64
		B []byte
	}
	bulkEach(t, lab.Postgres, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k int PRIMARY KEY, d numeric(10,2), n int, b text)")
		table := bulkTable[thing](b, "things")
		bulkPut(b, table, b.lab.DB, []thing{{1, "1.23", 1, []byte(`\x41`)}, {2, "1", 1, nil}})
		b.lab.Want("rows", b.lab.Text("SELECT d, n, b FROM things WHERE k = 1"), `1.23|1|\x41`)
		b.lab.Exec("ALTER TABLE things ALTER d TYPE numeric(12,4), ALTER n TYPE bigint")
		b.lab.Want("more digits", bulkPut(b, table, b.lab.DB, []thing{{1, "1.2345", 1, []byte(`\x41`)}, {2, "1", 1, nil}}), upsert.Result{Updated: 1, Unchanged: 1})
		b.lab.Want("rows with more digits", b.lab.Text("SELECT d, n, b FROM things WHERE k = 1"), `1.2345|1|\x41`)
		b.lab.Want("a wider number", bulkPut(b, table, b.lab.DB, []thing{{1, "1.2345", 1 << 40, nil}, {2, "1", 1, nil}}), upsert.Result{Updated: 1, Unchanged: 1})
		b.lab.Exec("DROP TABLE things", "CREATE TABLE things (k int PRIMARY KEY, d numeric(10,2), n int, b bytea)")
		b.lab.Want("another table", bulkPut(b, table, b.lab.DB, []thing{{1, "1", 1, []byte(`\x41`)}, {2, "1", 1, []byte("\xff")}}), upsert.Result{Inserted: 2})
		b.lab.Want("rows of another table", b.lab.Text("SELECT encode(b, 'hex') FROM things ORDER BY k"), "5c783431 ff")
	})
}

// TestBulkTransactionThatEndsMeanwhile checks a call if the context of its transaction ends: database/sql then rolls back
// the transaction and reuses the connection.
func TestBulkTransactionThatEndsMeanwhile(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT)")
		table, pool := bulkTable[thing](b, "things"), b.lab.NS.DB()
		pool.SetMaxOpenConns(1)
		ctx, cancel := context.WithCancel(b.lab.Context())
		tx, err := pool.BeginTx(ctx, nil)
		if err != nil {
			b.lab.Fatalf("BeginTx: %v", err)
		}
		_, err = table.PutAll(ctx, tx, []thing{{1, 1}, {1, 2}}, upsert.Progress(func(int64) {
			cancel()
			if conn, err := pool.Conn(b.lab.Context()); err == nil { // succeeds after the rollback
				_ = conn.Close()
			}
		}))
		b.lab.WantErr("the call whose context ended", err, context.Canceled)
		for range 2 {
			r, err := table.PutAll(b.lab.Context(), pool, []thing{{2, 1}, {3, 1}, {3, 2}})
			b.lab.Want("the next call", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Unknown: 3}, nil))
		}
		b.lab.Want("rows", b.lab.Text("SELECT * FROM things ORDER BY k"), "2|1 3|2")
	})
}

// TestBulkFewRowsAStatement checks the results if a staging table receives only a single row, and if some rows need their
// own statement.
func TestBulkFewRowsAStatement(t *testing.T) {
	t.Parallel()
	type thing struct {
		K   int `upsert:"key"`
		V   int
		O   int     `upsert:"replace,omitzero"`
		Doc *string `upsert:"merge"`
	}
	bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
		doc := "LONGTEXT"
		if b.lab.Family() == "postgres" {
			b.lab.Exec(dialect.PostgresMergeFunction)
			doc = "jsonb"
		}
		b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT, o INT NOT NULL DEFAULT 9, doc " + doc + ")")
		table := bulkTable[thing](b, "things")
		set, remove := `{"a":1,"b":{"c":2}}`, `{"b":{"c":null}}`
		for _, c := range []struct {
			rows []thing
			want upsert.Result
		}{
			{[]thing{{9, 9, 9, nil}}, upsert.Result{Inserted: 1}},
			{[]thing{{1, 1, 0, &set}, {2, 2, 2, &set}, {3, 3, 0, nil}, {4, 4, 4, &set}}, upsert.Result{Inserted: 4}},
			{[]thing{{1, 9, 0, nil}, {2, 2, 2, &remove}, {3, 3, 0, &set}, {4, 4, 0, &remove}, {5, 5, 5, &remove}}, upsert.Result{Inserted: 1, Updated: 4}},
			{[]thing{{1, 9, 0, &set}, {2, 2, 0, &remove}, {3, 3, 9, &set}, {4, 4, 4, &remove}, {5, 5, 5, &remove}}, upsert.Result{Unchanged: 5}},
			{[]thing{{1, 7, 0, nil}, {1, 8, 0, nil}, {2, 2, 0, nil}, {1, 8, 8, nil}}, upsert.Result{Updated: 3, Unchanged: 1}},
		} {
			b.lab.Want(fmt.Sprintf("%+v", c.rows), bulkPut(b, table, b.lab.DB, c.rows), c.want)
		}
		b.lab.Want("rows", strings.ReplaceAll(b.lab.Text("SELECT * FROM things ORDER BY k"), `": `, `":`), `1|8|8|{"a":1, "b":{"c":2}} 2|2|2|{"a":1, "b":{}} 3|3|9|{"a":1, "b":{"c":2}} 4|4|4|{"a":1, "b":{}} 5|5|5|{"b":{}} 9|9|9|NULL`)
	})
}

// TestBulkNumbersInTexts checks that a number in a text column keeps all its digits.
func TestBulkNumbersInTexts(t *testing.T) {
	t.Parallel()
	bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
		sameValues[int64](b, "VARCHAR(30)", 0, 1<<53+1, -1<<62-1, 123456789012345678)
		sameValues[uint64](b, "VARCHAR(30)", 1<<64-1)
		sameValues(b, "VARCHAR(30)", 0.1, -2.5)
	})
}

// TestBulkErrorOfAnotherCall checks two concurrent calls: one call's treatment of an error must not affect the error of the
// other call.
func TestBulkErrorOfAnotherCall(t *testing.T) {
	t.Parallel()
	type thing struct {
		K string    `upsert:"key"`
		V meanwhile `upsert:"keep"`
	}
	bulkEach(t, lab.Postgres, func(b *bulkLab) {
		b.lab.Exec("CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false)", "CREATE TABLE things (k varchar(9) COLLATE folding PRIMARY KEY, v varchar(3))",
			"INSERT INTO things VALUES ('a', 'x')")
		table := bulkTable[thing](b, "things")
		fail := func() {
			_, err := table.PutAll(b.lab.Context(), b.lab.DB, []thing{{"y", meanwhile{v: "x"}}, {"z", meanwhile{v: "too long"}}})
			b.lab.WantErr("the other call", err, nil, "row 1", "too long")
		}
		_, err := table.PutAll(b.lab.Context(), b.lab.DB, []thing{{"A", meanwhile{fail, "x"}}, {"b", meanwhile{v: "x"}}})
		b.lab.WantErr("PutAll", err, upsert.ErrOtherKey, "row 0")
		b.lab.Want("rows", b.lab.Text("SELECT k FROM things"), "a")
	})
}

// TestBulkSequenceThatWrites checks that a sequence may write in the transaction that receives its rows, by the same path,
// to the same table or to another table.
func TestBulkSequenceThatWrites(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, v INT)", "CREATE TABLE parents (k INT PRIMARY KEY, v INT)")
		things, parents := bulkTable[thing](b, "things"), bulkTable[thing](b, "parents")
		tx := b.lab.Begin(nil)
		n := 0
		r, err := things.PutSeq(b.lab.Context(), tx, func(yield func(thing, error) bool) {
			for i := range 20002 {
				var err error
				if i%10001 == 0 {
					_, err = parents.PutAll(b.lab.Context(), tx, []thing{{i, 1}, {i + 1, 2}})
				}
				if i%10001 == 1 && err == nil {
					_, err = things.PutAll(b.lab.Context(), tx, []thing{{-i, 1}, {-i - 1, 2}})
				}
				if n++; !yield(thing{i, i}, err) {
					return
				}
			}
		})
		b.lab.Want("PutSeq", fmt.Sprint(r, err), fmt.Sprint(upsert.Result{Unknown: 20002}, nil))
		b.lab.Commit(tx)
		b.lab.Want("rows", b.lab.Text("SELECT COUNT(*), MIN(k) FROM things")+" "+b.lab.Text("SELECT COUNT(*) FROM parents"), "20006|-10003 4")
	})
}
