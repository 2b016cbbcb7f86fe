package importer

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/goupsert/upsert/cmd/upsert/internal/dbtest"
)

// manyRows is a CSV file of id and n.
func manyRows(n int) string {
	var b strings.Builder
	b.WriteString("id,n\n")
	for i := range n {
		fmt.Fprintf(&b, "%d,name %d\n", i+1, i+1)
	}
	return b.String()
}

func TestEngines_ZonesTwice(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		args := []string{"-dsn", e.DSN(t), "-create", "-key", "tz", "-rule", "comments=coalesce", zones}
		runProgram(t, args...).ok(t, "312 rows: 312 inserted, 0 updated, 0 unchanged, 0 stale in ")
		runProgram(t, args...).ok(t, "312 rows: 0 inserted, 0 updated, 312 unchanged, 0 stale in ")
	})
}

const typedRows = `{"id":1,"big":9007199254740993,"r":0.1,"b":true,"t":"é 'x' \"y\"","j":{"a":[1,2.50,null]},"at":"2024-02-29T12:00:00.5Z","n":null}
{"id":2,"big":null,"r":1e3,"b":false,"t":"007","j":"text","at":null,"n":null}
{"id":3,"big":-1,"r":-2,"b":null,"t":"","j":null,"at":"2024-03-01","n":null}
`

func TestEngines_EveryTypeTwice(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		ns := e.Namespace(t)
		file := dbtest.WriteFile(t, "typed.ndjson", typedRows)
		args := []string{"-dsn", ns.DSN(), "-key", "id", "-type", "at=timestamp", file}
		runProgram(t, append([]string{"-create"}, args...)...).ok(t, "3 inserted, 0 updated, 0 unchanged")
		runProgram(t, append([]string{"-create"}, args...)...).ok(t, "0 inserted, 0 updated, 3 unchanged")
		runProgram(t, args...).ok(t, "0 inserted, 0 updated, 3 unchanged")

		asCSV := dbtest.WriteFile(t, "typed.csv", "id,big,r,b,t,j,at\n"+
			`1,9007199254740993,0.1,true,"é 'x' ""y""","{""a"":[1,2.50,null]}",2024-02-29 12:00:00.5+00`+"\n"+
			`2,,1000,false,008,"""text""",`+"\n")
		runProgram(t, "-dsn", ns.DSN(), "-key", "id", asCSV).ok(t, "0 inserted, 1 updated, 1 unchanged")
		runProgram(t, "-dsn", ns.DSN(), "-key", "id", asCSV).ok(t, "0 inserted, 0 updated, 2 unchanged")
		db := ns.DB()
		if got := query(t, db, "SELECT big FROM typed WHERE id = 1"); got[0] != "9007199254740993" {
			t.Fatalf("the integer is %s; want 9007199254740993", got)
		}
		if got := query(t, db, "SELECT t FROM typed ORDER BY id"); strings.Join(got, "|") != `é 'x' "y"|008|` {
			t.Fatalf("the texts are %q", got)
		}
	})
}

func TestEngines_BadLineLeavesNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		ns := e.Namespace(t)
		runProgram(t, "-dsn", ns.DSN(), "-create", "-key", "id", dbtest.WriteFile(t, "items.csv", "id,n\n0,kept\n1,kept\n")).ok(t, "2 inserted")
		for bad, want := range map[string]string{
			"x,name\n":        `items.csv:3002:1: column "id": "x" is not of type integer`,
			"3001\n":          `items.csv:3002:1: 1 field, 2 expected: no "n"`,
			"3001,\"a\"b\n":   `items.csv:3002:8: extraneous or missing "`,
			"3001,\xff\n":     `items.csv:3002:6: column "n": invalid UTF-8`,
			",name\n":         `items.csv:3002:1: key column "id" is NULL`,
			"3001,\"a\nb\n\n": `in a row that begins on line 3002`,
		} {
			run := runProgram(t, "-dsn", ns.DSN(), "-key", "id", dbtest.WriteFile(t, "items.csv", manyRows(3000)+bad))
			run.failed(t, 1, want)
			run.failed(t, 1, "upsert import: nothing was written\n")
		}
		if got := query(t, ns.DB(), "SELECT n FROM items ORDER BY id"); strings.Join(got, " ") != "kept kept" {
			t.Fatalf("%d rows; want the two from before, unchanged", len(got))
		}
	})
}

func TestEngines_ChunksStay(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		dsn := e.DSN(t)
		runProgram(t, "-dsn", dsn, "-create", "-key", "id", dbtest.WriteFile(t, "items.csv", "id,n\n0,a\n")).ok(t, "1 inserted")
		bad := dbtest.WriteFile(t, "items.csv", manyRows(250)+"x,y\n")
		run := runProgram(t, "-dsn", dsn, "-key", "id", "-chunk", "100", bad)
		run.failed(t, 1, "items.csv:252:1: ")
		run.failed(t, 1, "200 committed rows")
		run.failed(t, 1, "200 rows written before stay: run the same command again")
		runProgram(t, "-dsn", dsn, "-key", "id", "-chunk", "100", dbtest.WriteFile(t, "items.csv", manyRows(250))).ok(t, "50 inserted, 0 updated, 200 unchanged")
	})
}

func TestEngines_RulesAndDuplicates(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		ns := e.Namespace(t)
		args := func(text string) []string {
			return []string{
				"-dsn", ns.DSN(), "-create", "-key", "sku,store", "-rule", "v=version", "-rule", "first=keep", "-rule", "note=coalesce",
				dbtest.WriteFile(t, "stock.csv", "sku,store,v,n,first,note\n"+text),
			}
		}
		runProgram(t, args("a,1,5,10,x,hello\na,2,5,10,x,\n")...).ok(t, "2 inserted, 0 updated, 0 unchanged, 0 stale")
		runProgram(t, args("a,1,4,99,y,late\na,2,6,11,y,new\n")...).ok(t, "0 inserted, 1 updated, 0 unchanged, 1 stale")
		runProgram(t, args("a,1,6,12,z,\nb,1,1,1,z,\nb,1,2,2,z,\n")...).ok(t, "3 rows: 1 inserted, 2 updated, 0 unchanged, 0 stale")
		got := query(t, ns.DB(), "SELECT n FROM stock ORDER BY sku, store")
		firsts := query(t, ns.DB(), "SELECT first FROM stock ORDER BY sku, store")
		notes := query(t, ns.DB(), "SELECT note FROM stock ORDER BY sku, store")
		all := fmt.Sprint(got, firsts, notes)
		if want := "[12 11 2] [x x z] [hello new NULL]"; all != want {
			t.Fatalf("the table has %s; want %s", all, want)
		}
	})
}

func TestEngines_MaxIsNumeric(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		ns := e.Namespace(t)
		args := func(text string) []string {
			return []string{"-dsn", ns.DSN(), "-create", "-key", "id", "-rule", "hi=max", "-rule", "seen=or", dbtest.WriteFile(t, "m.csv", "id,hi,seen\n"+text)}
		}
		runProgram(t, args("1,9,false\n2,10,true\n")...).ok(t, "2 inserted")
		runProgram(t, args("1,10,true\n2,9,false\n")...).ok(t, "0 inserted, 1 updated, 1 unchanged")
		if got := query(t, ns.DB(), "SELECT hi FROM m ORDER BY id"); strings.Join(got, " ") != "10 10" {
			t.Fatalf("the table has %q; want 10 and 10", got)
		}
	})
}

func TestEngines_QualifiedTable(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"postgres", "mariadb"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := dbtest.Get(name).Namespace(t)
			args := []string{
				"-dsn", ns.DSN(), "-create", "-key", "id", "-table", ns.Name() + ".items",
				dbtest.WriteFile(t, "x.ndjson", `{"id":1,"j":{"a":1}}`+"\n"+`{"id":2,"j":"x"}`),
			}
			runProgram(t, args...).ok(t, "2 inserted")
			runProgram(t, args...).ok(t, "2 unchanged")
		})
	}
}

func TestEngines_MariaDBTextKeys(t *testing.T) {
	t.Parallel()
	ns := dbtest.Get("mariadb").Namespace(t)
	twoCases := dbtest.WriteFile(t, "k.csv", "k,n\nAbc,1\nabc,2\n"+strings.Repeat("ä", 255)+",3\n")
	runProgram(t, "-dsn", ns.DSN(), "-create", "-key", "k", twoCases).ok(t, "3 inserted")
	wide := dbtest.WriteFile(t, "wide.csv", "k,n\nabc,2\n"+strings.Repeat("ä", 256)+",3\n")
	runProgram(t, "-dsn", ns.DSN(), "-create", "-key", "k", wide).failed(t, 1, `wide.csv:3:1: key column "k" has 256 characters here`)
}

func TestEngines_ValuesThatDoNotFitTheTable(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"postgres", "mariadb"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := dbtest.Get(name).Namespace(t)
			if _, err := ns.DB().ExecContext(t.Context(), "CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(3), n SMALLINT)"); err != nil {
				t.Fatal(err)
			}
			args := func(text string) []string {
				return []string{"-dsn", ns.DSN(), "-key", "id", dbtest.WriteFile(t, "t.csv", "id,s,n\n1,äöü,-32768\n"+text)}
			}
			runProgram(t, args("2,abcd,1\n")...).failed(t, 1, `t.csv:3:3: column "s": 4 characters, and the table's column has room for 3`)
			runProgram(t, args("2,abc,32768\n")...).failed(t, 1, `t.csv:3:7: column "n": 32768 is out of the range of the table's column, -32768 to 32767`)
			runProgram(t, args("2147483648,abc,1\n")...).failed(t, 1, `t.csv:3:1: column "id": 2147483648 is out of the range`)
			runProgram(t, args("2,abc,1\n")...).ok(t, "2 inserted")
		})
	}
}

// stoppingReader cancels a context once half of its text is read.
type stoppingReader struct {
	text  *strings.Reader
	half  int64
	until context.CancelFunc
}

func (s *stoppingReader) Read(p []byte) (int, error) {
	if int64(s.text.Len()) < s.half {
		s.until()
	}
	return s.text.Read(p[:min(len(p), 4096)])
}

func TestEngines_Interrupted(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		ns := e.Namespace(t)
		runProgram(t, "-dsn", ns.DSN(), "-create", "-key", "id", dbtest.WriteFile(t, "items.csv", "id,n\n0,a\n")).ok(t, "1 inserted")
		text := manyRows(50_000)
		ctx, cancel := context.WithCancel(t.Context())
		in := &stoppingReader{strings.NewReader(text), int64(len(text) / 2), cancel}
		var out, errs strings.Builder
		code := Run(ctx, []string{"-quiet", "-dsn", ns.DSN(), "-key", "id", "-table", "items", "-format", "csv", "-"}, in, &out, &errs)
		if code != 1 || errs.String() != "upsert import: interrupted: rolled back, nothing was written\n" || out.String() != "" {
			t.Fatalf("ended with %d, stdout %q, stderr %q; want 1 and that it was interrupted", code, out.String(), errs.String())
		}
		if got := query(t, ns.DB(), `SELECT id FROM items`); len(got) != 1 {
			t.Fatalf("%d rows are in the table; want the one from before", len(got))
		}
	})
}

func TestEngines_TableWithoutTheKeysIndex(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		ns := e.Namespace(t)
		if _, err := ns.DB().ExecContext(t.Context(), "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, n INT, PRIMARY KEY (a, b))"); err != nil {
			t.Fatal(err)
		}
		file := dbtest.WriteFile(t, "t.csv", "a,b,n\n1,1,1\n")
		runProgram(t, "-dsn", ns.DSN(), "-key", "a", file).failed(t, 1, "no unique index")
		runProgram(t, "-dsn", ns.DSN(), "-key", "b,a", file).ok(t, "1 inserted")
		runProgram(t, "-dsn", ns.DSN(), "-key", "b,a", file).ok(t, "1 unchanged")
	})
}
