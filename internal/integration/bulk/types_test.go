package bulk_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
)

// The tests of this file check that the type of a column leads to the same stored value, or to the same error, on every
// path.

// TestBulkTextOfEveryType checks that every path reads a text as the column's type, as Put does. Sending the same text again
// is no change.
func TestBulkTextOfEveryType(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V *string
	}
	bulkEach(t, lab.Postgres, func(b *bulkLab) {
		b.lab.Exec("CREATE TYPE mood AS ENUM ('sad', 'it''s \"so, so\"', '')", "CREATE DOMAIN small AS varchar(3) CHECK (VALUE <> 'bad')",
			"CREATE TYPE pair AS (a int, b text)", "CREATE DOMAIN pairs AS pair", "CREATE TYPE one AS (a int)", "CREATE DOMAIN raw AS bytea", "CREATE DOMAIN list AS int[]")
		for _, c := range [][]string{
			{"text", "", "NULL", `\N`, `\.`, "{}", `{"a",NULL}`, `"`, `\`, "a\tb\nc\rd\ve", "it's", "$1", "漢字🙂", " x "},
			{"varchar(3)", "", "abc", "a b", "漢字🙂"}, {"char(3)", "", "a", "abc", "a b"}, {`"char"`, "a", ""}, {"name", "a", "it's"}, {"small", "abc", ""},
			{"mood", "sad", `it's "so, so"`, ""}, {"pair", "(1,x)", `(,"a,""b")`, "(,)"}, {"pairs", "(1,x)"}, {"one", "(1)", "()"},
			{"int[]", "{}", "{1,NULL,3}", "{{1,2},{3,4}}", "[0:1]={1,2}"}, {"text[]", `{"NULL",NULL,"a,b"}`, `{""}`}, {"list", "{1,2}"}, {"pair[]", `{"(1,x)"}`}, {"int2vector", "1 2"},
			{"bytea", "", "abc"}, {"raw", "abc"},
			{"numeric(10,2)", "1.005", "-0.004", "12345678.99", "NaN"}, {"numeric", "1e-20", "0.10", "-0"}, {"real", "0.1", "1e30", "NaN", "-Infinity", "-0"}, {"money", "1.5", "-$1,234.56"}, {"bigint", "-9223372036854775808"},
			{"bit(3)", "101"}, {"varbit(3)", "1", ""}, {"boolean", "t", "no"}, {"uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"}, {"oid", "4294967295"},
			{"inet", "10.0.0.1/32", "::1"}, {"cidr", "10.0.0.0/8"}, {"macaddr", "08:00:2b:01:02:03"}, {"xml", "<a>b</a>"}, {"tsvector", "'a':1 'b'"},
			{"interval", "1 day 25:00:00.5", "-1 mon"}, {"interval day to second(0)", "1 day 00:00:00.6"}, {"interval year", "3 years 5 mons"},
			{"timestamp", "2026-01-02 03:04:05.678901+05", "infinity"}, {"timestamptz(0)", "2026-01-02 03:04:05.6+05", "-infinity"}, {"date", "2026-01-02", "0044-03-15 BC"}, {"time(1)", "03:04:05.67", "24:00"}, {"timetz", "03:04:05+05:30"},
			{"json", `{"a": [1, 2]}`, "null"}, {"jsonb", `{"a": [1, 2]}`, `"\\N"`}, {"int4range", "[1,5)", "empty", "[1,4]"}, {"box", "(1,1),(0,0)"}, {"point", "(1,2)"}, {"point[]", `{"(1,2)"}`}, {"box[]", "{(1,1),(0,0);(2,2),(1,1)}"}, {"regclass", "pg_class"}, {"pg_lsn", "0/16B3748"},
		} {
			b.sameAsPut(c[0], func(name string) ([]upsert.Result, error) {
				table := bulkTable[thing](b, name)
				rows := []thing{{0, nil}}
				for i := range c[1:] {
					rows = append(rows, thing{i + 1, &c[i+1]})
				}
				return putTwice(b, table, rows)
			}, func(name string) error {
				for i := range c[1:] {
					if _, err := lab.Table[thing](b.lab, name).Put(b.lab.Context(), b.lab.DB, &thing{i + 1, &c[i+1]}); err != nil {
						return err
					}
				}
				return nil
			})
		}
	})
}

func putTwice[T any](b *bulkLab, table *upsert.Table[T], rows []T) (all []upsert.Result, err error) {
	for range 2 {
		r, err := table.PutAll(b.lab.Context(), b.lab.DB, rows, upsert.Outcomes())
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// sameAsPut compares the stored values of a batch and of Put, in tables with a key and a column of the given type. The path
// Arrays may refuse the batch with a reason.
func (b *bulkLab) sameAsPut(typ string, batch func(table string) ([]upsert.Result, error), put func(table string) error) {
	b.lab.Helper()
	b.lab.Exec("DROP TABLE IF EXISTS batched, alone", "CREATE TABLE batched (k INT PRIMARY KEY, v "+typ+")", "CREATE TABLE alone (k INT PRIMARY KEY, v "+typ+")")
	results, err := batch("batched")
	if _, refused := lab.AsType[*dialect.UnsupportedError](err); refused && b.via == upsert.Arrays {
		b.lab.WantErr(typ, err, nil, `column "v"`, "use Via(Copy) or Via(Values)")
		b.lab.Want(typ+": rows of a refused batch", b.lab.Text("SELECT COUNT(*) FROM batched"), 0)
		return
	}
	if err != nil {
		b.lab.Errorf("%s: %v", typ, err)
		return
	}
	n := results[0].Rows()
	b.lab.Want(typ+": results", fmt.Sprint(results), fmt.Sprint([]upsert.Result{{Inserted: n}, {Unchanged: n}}))
	if err := put("alone"); err != nil {
		b.lab.Errorf("%s: Put: %v", typ, err)
		return
	}
	text := "SELECT k, v::text FROM %s WHERE k > 0 ORDER BY k"
	if b.lab.Family() != "postgres" {
		text = "SELECT k, HEX(v) FROM %s WHERE k > 0 ORDER BY k"
	}
	b.lab.Want(typ, b.lab.Text(fmt.Sprintf(text, "batched")), b.lab.Text(fmt.Sprintf(text, "alone")))
}

// TestBulkRefusedTexts checks texts that a column cannot store. Every path returns the same error, and no path shortens the
// text.
func TestBulkRefusedTexts(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V string
	}
	refuse := func(b *bulkLab, typ, good, bad string) {
		b.lab.Helper()
		b.lab.Exec("DROP TABLE IF EXISTS things", "CREATE TABLE things (k INT PRIMARY KEY, v "+typ+" NOT NULL)", "INSERT INTO things VALUES (7, '"+good+"')")
		want := putError(b, thing{5, bad})
		rows := []thing{{1, good}, {2, good}, {5, bad}, {7, good}}
		for _, opts := range [][]upsert.PutOption{nil, {upsert.Outcomes()}} {
			_, err := bulkTable[thing](b, "things").PutAll(b.lab.Context(), b.lab.DB, rows, opts...)
			b.wantRow(typ+" of "+bad, err, want, 2)
		}
		b.lab.Want(typ+": rows", b.lab.Text("SELECT k FROM things"), "7")
	}
	bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
		refuse(b, "VARCHAR(3)", "abc", "abcd")
		refuse(b, "CHAR(3)", "abc", "abcd")
		refuse(b, "INT", "1", "x")
		refuse(b, "SMALLINT", "1", "70000")
		refuse(b, "NUMERIC(4,2)", "1", "100")
		refuse(b, "DATE", "2026-01-01", "2026-02-30")
		if b.lab.Family() != "postgres" {
			refuse(b, "ENUM('a', 'b')", "a", "c")
			refuse(b, "TEXT CHARACTER SET latin1", "a", "漢")
			return
		}
		b.lab.Exec("CREATE TYPE mood AS ENUM ('sad', 'ok')", "CREATE DOMAIN small AS varchar(3) CHECK (VALUE <> 'bad')", "CREATE DOMAIN smaller AS small")
		for _, c := range [][3]string{{"mood", "ok", "glad"}, {"small", "abc", "abcd"}, {"small", "abc", "bad"}, {"smaller", "abc", "abcd"}, {"bit(3)", "101", "11"}, {"varbit(3)", "101", "1111"}, {"jsonb", "{}", "{"}, {"uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "x"}, {"text", "a", "a\x00b"}, {"text", "a", "\xff"}, {"jsonb", "{}", `"\u0000"`}} {
			refuse(b, c[0], c[1], c[2])
		}
	})
}

// TestBulkRefusedNumbers checks numbers in columns of special types. LOAD DATA sends a number as text, which these types
// read as another value.
func TestBulkRefusedNumbers(t *testing.T) {
	t.Parallel()
	bulkEach(t, lab.OnDuplicateKey, func(b *bulkLab) {
		for typ, number := range map[string]any{"ENUM('2', '1', '0')": 1, "SET('2', '1', '0')": true, "DATE": 0, "TIME": 20260102, "DATETIME": 2.5} {
			b.lab.Exec("DROP TABLE IF EXISTS things", "CREATE TABLE things (k INT PRIMARY KEY, v "+typ+")")
			table := bulkTable[map[string]any](b, "things", upsert.Column("k", upsert.Key), upsert.Column("v", upsert.Replace))
			if b.via == upsert.Copy {
				_, err := table.PutAll(b.lab.Context(), b.lab.DB, []map[string]any{{"k": 1, "v": nil}, {"k": 2, "v": number}})
				b.lab.WantErr(typ, err, nil, "row 1", "column v", "use Via(Values)")
			}
		}
	})
}

// TestBulkNames checks that a column or a table may have any name that the statements use internally.
func TestBulkNames(t *testing.T) {
	t.Parallel()
	type thing struct {
		K     int `db:"_at" upsert:"key"`
		Rev   int `db:"_place" upsert:"version"`
		E     int `db:"_e"`
		T     int `db:"_t"`
		W     int `db:"_w" upsert:"max"`
		A     int `db:"_a"`
		New   int `db:"_new"`
		Upper int `db:"Upper" upsert:"replace,omitzero"`
		Quote int "db:\"a \\\"quote\\\" `tick` 'n\""
		Long  int `db:"ééééééééééééééééééééééééééééééé"`
	}
	bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
		quote := b.lab.D.Quote
		var columns []string
		for _, name := range []string{"_place", "_e", "_t", "_w", "_a", "_new", "Upper", "a \"quote\" `tick` 'n", strings.Repeat("é", 31)} {
			columns = append(columns, quote(name)+" INT")
		}
		for _, name := range []string{"_t", "_e", "_w", "_a", "_new", "_o", "_upsert_stage", `a "name" 'n`, strings.Repeat("n", 63)} {
			b.lab.Exec("CREATE TABLE " + quote(name) + " (" + quote("_at") + " INT PRIMARY KEY, " + strings.Join(columns, ", ") + ")")
			table := bulkTable[thing](b, `"`+strings.ReplaceAll(name, `"`, `""`)+`"`)
			row := func(k, rev int) thing { return thing{k, rev, 1, 2, 3, 4, 5, 6 * (k % 2), 7, 8} }
			b.lab.Want(name+": first", bulkPut(b, table, b.lab.DB, []thing{row(1, 1), row(2, 1), row(3, 1), row(4, 5)}), upsert.Result{Inserted: 4})
			b.lab.Want(name+": then", bulkPut(b, table, b.lab.DB, []thing{row(1, 1), row(2, 2), row(5, 1), row(4, 4)}), upsert.Result{Inserted: 1, Updated: 1, Unchanged: 1, Stale: 1})
			_, err := table.PutAll(b.lab.Context(), b.lab.DB, []thing{row(1, 7), row(2, 7), row(3, 7)})
			b.lab.Want(name+": rows", fmt.Sprint(err, " ", b.lab.Text("SELECT "+quote("_at")+", "+quote("_place")+", "+quote("Upper")+" FROM "+quote(name)+" ORDER BY 1")), "<nil> 1|7|6 2|7|NULL 3|7|6 4|5|NULL 5|1|6")
		}
	})
}

// TestBulkColumnWithTheNameOfThePlace checks that Copy refuses a table with a column named _upsert_place if outcomes are
// requested for each row, because the staging table has a column of this name. Auto uses another path.
func TestBulkColumnWithTheNameOfThePlace(t *testing.T) {
	t.Parallel()
	type thing struct {
		K     int `upsert:"key"`
		Rev   int `upsert:"version"`
		Place int `db:"_upsert_place"`
	}
	bulkEach(t, lab.Postgres+" "+lab.OnDuplicateKey, func(b *bulkLab) {
		b.lab.Exec("CREATE TABLE things (k INT PRIMARY KEY, rev INT, _upsert_place INT)")
		rows := make([]thing, 3000)
		for i := range rows {
			rows[i] = thing{K: i, Rev: 1, Place: i}
		}
		inserted := 0
		_, err := bulkTable[thing](b, "things").PutAll(b.lab.Context(), b.lab.DB, rows, upsert.EachOutcome(func(_ int, o upsert.Outcome) {
			if o == upsert.Inserted {
				inserted++
			}
		}))
		if b.via == upsert.Copy && b.lab.Family() == "postgres" {
			refused, ok := lab.AsType[*dialect.UnsupportedError](err)
			b.lab.Want("Copy refuses, and says which column", ok && strings.Contains(refused.Error(), "column named _upsert_place"), true)
			return
		}
		b.lab.Want("PutAll", fmt.Sprint(inserted, " ", err), fmt.Sprint(len(rows), " ", nil))
	})
}

// TestBulkTargets checks tables of every kind and in every schema.
func TestBulkTargets(t *testing.T) {
	t.Parallel()
	type thing struct {
		K  int `upsert:"key"`
		V  string
		No int `upsert:"generated"`
	}
	bulkEach(t, lab.Postgres, func(b *bulkLab) {
		other := b.lab.NS.Name() + "_other"
		b.lab.Exec("CREATE SCHEMA "+other, "CREATE TABLE "+other+".things (k int PRIMARY KEY, v text, no int GENERATED ALWAYS AS IDENTITY)",
			"CREATE TABLE parted (k int PRIMARY KEY, v text, no int) PARTITION BY RANGE (k)", "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (3)", "CREATE TABLE parted_2 PARTITION OF parted DEFAULT",
			"CREATE TABLE base (v text, k int PRIMARY KEY, no int GENERATED ALWAYS AS (k + 1) STORED, more int DEFAULT 5)", "CREATE VIEW seen AS SELECT k, v, no FROM base",
			"CREATE UNLOGGED TABLE unlogged (no serial, k int, gone int, v text, UNIQUE (k))", "ALTER TABLE unlogged DROP COLUMN gone",
			"CREATE TABLE parent (k int PRIMARY KEY, v text)", "CREATE TABLE child () INHERITS (parent)", "INSERT INTO child VALUES (1, 'a'), (2, 'b')")
		b.lab.Cleanup(func() { _, _ = b.lab.DB.Exec("DROP SCHEMA " + other + " CASCADE") })
		conn := b.lab.Session("CREATE TEMPORARY TABLE temporary (k int PRIMARY KEY, v text, no int)", "CREATE TEMPORARY TABLE shadowed (k int PRIMARY KEY, v varchar(2), no int)")
		for _, name := range []string{other + ".things", "parted", "seen", "unlogged", "parent", "temporary", "shadowed"} {
			table := bulkTable[thing](b, name)
			for i, want := range []int64{4, 0} {
				r, err := table.PutAll(b.lab.Context(), conn, []thing{{K: 2, V: "b"}, {K: 1, V: "a"}, {K: 4, V: "d"}, {K: 3, V: "c"}}, upsert.Outcomes())
				b.lab.Want(fmt.Sprintf("%s, time %d", name, i+1), fmt.Sprint(r.Inserted+r.Unknown, r.Updated, r.Unchanged, err), fmt.Sprint(want, 0, 4-want, nil))
			}
			only := map[bool]string{true: "ONLY "}[name == "parent"]
			b.lab.Want(name, b.lab.TextOn(conn, "SELECT k, v FROM "+only+name+" ORDER BY k"), "1|a 2|b 3|c 4|d")
		}
	})
}

// TestBulkMapWithATimeKey checks that a map may have a time key, even if go-sql-driver returns the key as text because
// parseTime is off.
func TestBulkMapWithATimeKey(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, parse := range []string{"true", "false"} {
		lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
			l.Exec("CREATE TABLE things (k datetime(6) PRIMARY KEY, v INT)")
			table := lab.Table[map[string]any](l, "things", upsert.Column("k", upsert.Key), upsert.Column("v", upsert.Replace))
			rows := []map[string]any{{"k": at, "v": 1}, {"k": at.Add(time.Hour), "v": 1}}
			var outcomes []upsert.Outcome
			_, err := table.PutAll(l.Context(), l.DB, rows, upsert.EachOutcome(func(_ int, o upsert.Outcome) { outcomes = append(outcomes, o) }))
			l.Want("PutAll with parseTime="+parse, fmt.Sprint(outcomes, err), fmt.Sprint([]upsert.Outcome{upsert.Inserted, upsert.Inserted}, nil))
		}, engine.Param("parseTime", parse))
	}
}
