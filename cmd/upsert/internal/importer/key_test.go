package importer

import (
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/cmd/upsert/internal/dbtest"
)

// spellings are the same key each, by the type of its column and for the databases that are named.
var spellings = []struct {
	column, engines string
	keys            []string
}{
	{"INT", "sqlite postgres mysql", []string{"7", "007", "+7"}},
	{"SMALLINT", "sqlite postgres mysql", []string{"-7", "-007"}},
	{"BIGINT UNSIGNED", "mysql", []string{"18446744073709551615", "018446744073709551615", "18446744073709551615.0"}},
	{"NUMERIC(9,2)", "sqlite postgres mysql", []string{"1.5", "1.50", "+01.500", "15e-1", "0.15E+1"}},
	{"NUMERIC(20,0)", "sqlite postgres mysql", []string{"7", "007", "7.0", "7.", "+7", "70e-1"}},
	{"NUMERIC", "sqlite postgres", []string{"0", "-0", "0.00", ".0", "0e5"}},
	{"NUMERIC", "sqlite", []string{"7", " 7", "007 "}},
	{"DATE", "sqlite", []string{"20240506", "020240506"}},
	{"DATE", "postgres mysql", []string{"2024-05-06", "2024-05-06 00:00:00", "2024-05-06T00:00:00Z", "2024-05-06T02:00:00+02:00"}},
	{"TIME", "postgres mysql", []string{"07:08:09", "7:08:09", "07:08:09.000"}},
	{"TIMESTAMP", "sqlite postgres mysql", []string{"2024-05-06T07:08:09Z", "2024-05-06 07:08:09", "2024-05-06T09:08:09.0+02:00"}},
	{"BOOLEAN", "sqlite postgres mysql", []string{"true", "1", "T", "TRUE"}},
	{"YEAR", "mysql", []string{"2024"}},
	{"REAL", "postgres", []string{"0.1", "1e-1", "0.10000000149011612"}},
	{"FLOAT", "mysql", []string{"0.1", "1e-1", "0.10000000149011612"}},
	{"DOUBLE PRECISION", "sqlite postgres mysql", []string{"0", "-0.0", "0e9"}},
	{"CHAR(9)", "postgres mysql", []string{"a", "a ", "a   "}},
	{"UUID", "postgres", []string{"0190163d-8694-739b-aea5-966c26f8ad91", "0190163D-8694-739B-AEA5-966C26F8AD91", "{0190163d8694739baea5966c26f8ad91}"}},
	{"UUID", "mariadb", []string{"0190163d-8694-739b-aea5-966c26f8ad91", "0190163D-8694-739B-AEA5-966C26F8AD91", "0190163d8694739baea5966c26f8ad91"}},
	{"TIME", "mysql", []string{"-100:08:09", "-100:08:09.0"}},
	{"TIME", "postgres", []string{"24:00:00", "24:00"}},
	{"INET6", "mariadb", []string{"2001:db8::1", "2001:DB8:0::1"}},
	{"INET6", "mariadb", []string{"::ffff:10.0.0.1", "10.0.0.1", "::FFFF:a00:1"}},
	{"INET4", "mariadb", []string{"10.0.0.1"}},
	{"INET", "postgres", []string{"2001:db8::1", "2001:DB8:0::1", "2001:db8::1/128"}},
	{"CIDR", "postgres", []string{"10.0.0.0/32", "10.0.0.0"}},
	{"MACADDR", "postgres", []string{"08:00:2b:01:02:03", "08-00-2B-01-02-03", "0800.2b01.0203"}},
}

// isOn reports whether an engine is among some, which go by their dialect or by their name; mysql is MariaDB too.
func isOn(e *dbtest.Engine, names string) bool {
	for name := range strings.FieldsSeq(names) {
		if name == e.Name() || name == e.Dialect() || name == "mysql" && e.Dialect() == "mariadb" {
			return true
		}
	}
	return false
}

// createOrSkip skips a type that an older MariaDB does not have.
func createOrSkip(t *testing.T, ns *dbtest.Namespace, text string) {
	t.Helper()
	if _, err := ns.DB().ExecContext(t.Context(), text); err != nil {
		if ns.Engine().Dialect() != "mariadb" || !strings.Contains(err.Error(), "Unknown data type") {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// TestEngines_SpellingsOfOneKey: the rows of one key are written in the file's order, counted as rows of one key, and unchanged
// when the file comes again.
func TestEngines_SpellingsOfOneKey(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		for _, c := range spellings {
			if !isOn(e, c.engines) {
				continue
			}
			t.Run(c.column+" "+c.keys[0], func(t *testing.T) {
				t.Parallel()
				ns := e.Namespace(t)
				createOrSkip(t, ns, "CREATE TABLE t (id "+c.column+" NOT NULL PRIMARY KEY, n INT)")
				same, differ := "id,n\n", "id,n\n"
				for i, key := range c.keys {
					same += key + ",0\n"
					differ += key + "," + string(rune('1'+i)) + "\n"
				}
				rest := string(rune('0' + len(c.keys) - 1))
				args := []string{"-dsn", ns.DSN(), "-key", "id"}
				runProgram(t, append(args, dbtest.WriteFile(t, "t.csv", same))...).ok(t, "1 inserted, 0 updated, "+rest+" unchanged")
				runProgram(t, append(args, dbtest.WriteFile(t, "t.csv", same))...).ok(t, "0 inserted, 0 updated, "+string(rune('0'+len(c.keys)))+" unchanged")
				for _, key := range c.keys {
					runProgram(t, append(args, dbtest.WriteFile(t, "t.csv", "id,n\n"+key+",0\n"))...).ok(t, "1 unchanged")
				}
				run := runProgram(t, append(args, dbtest.WriteFile(t, "t.csv", differ))...)
				run.ok(t, string(rune('0'+len(c.keys)))+" updated")
				if len(c.keys) > 1 && !strings.Contains(run.stderr, "the key of an earlier row (line 3 that of line 2)") {
					t.Fatalf("stderr %q; want that rows repeat a key", run.stderr)
				}
				if got := query(t, ns.DB(), "SELECT n FROM t"); strings.Join(got, " ") != string(rune('0'+len(c.keys))) {
					t.Fatalf("the table has %q; want only the last row of the file", got)
				}
			})
		}
	})
}

// TestEngines_SpellingsOfOneKeyAsText: -type says how a value is read, and not how the table stores a key.
func TestEngines_SpellingsOfOneKeyAsText(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		ns := e.Namespace(t)
		execute(t, ns, "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, n INT)")
		file := dbtest.WriteFile(t, "t.csv", "id,n\n7,1\n007,1\n")
		for _, kind := range []string{"text", "integer"} {
			execute(t, ns, "DELETE FROM t")
			args := []string{"-dsn", ns.DSN(), "-key", "id", "-type", "id=" + kind, file}
			runProgram(t, args...).ok(t, "1 inserted, 0 updated, 1 unchanged")
			runProgram(t, args...).ok(t, "0 inserted, 0 updated, 2 unchanged")
		}
		flag := dbtest.WriteFile(t, "t.csv", "id,n\n1,1\ntrue,1\nfalse,1\n")
		runProgram(t, "-dsn", ns.DSN(), "-key", "id", "-type", "id=boolean", flag).ok(t, "2 inserted, 0 updated, 1 unchanged")
		args := []string{"-dsn", ns.DSN(), "-key", "id", "-type", "id=text", dbtest.WriteFile(t, "t.csv", "id,n\n1,1\nx,1\n")}
		if e.Name() == "sqlite" { // whose columns take any type: that is what -type is for
			runProgram(t, args...).ok(t, "1 inserted, 0 updated, 1 unchanged")
			runProgram(t, args...).ok(t, "2 unchanged")
		} else {
			runProgram(t, args...).failed(t, 1, `t.csv:3:1: column "id": "x" is not of type integer`)
		}
	})
}

// TestEngines_KeysThatTheColumnWouldChange: they are refused, with their place.
func TestEngines_KeysThatTheColumnWouldChange(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		for _, c := range []struct{ column, engines, key, want string }{
			{"INT", "sqlite postgres mysql", "7.0", `"7.0" is not of type integer`},
			{"NUMERIC(9,2)", "postgres mysql", "1.234", `"1.234" has more than the 2 digits after the point`},
			{"NUMERIC(9,0)", "postgres mysql", "1.5", `"1.5" has a fraction`},
			{"NUMERIC(9,2)", "postgres mysql", "x", `"x" is no decimal number`},
			{"NUMERIC(9,2)", "postgres mysql", "1e9999999", `"1e9999999" is no decimal number`},
			{"NUMERIC", "sqlite", "12345678901234567890", "has more digits than the table's column keeps"},
			{"NUMERIC", "sqlite", "1e9999999", "has more digits than the table's column keeps"},
			{"BIGINT UNSIGNED", "mysql", "1.5", `"1.5" has a fraction`},
			{"DATE", "postgres mysql", "2024-05-06T07:08:09Z", "has a time of day (in UTC)"},
			{"DATE", "postgres mysql", "May 6", "is no date"},
			{"TIME(3)", "postgres mysql", "07:08:09.1234", "has more than the 3 digits"},
			{"TIME", "postgres mysql", "noon", "is no time"},
			{"TIMESTAMP(0)", "postgres mysql", "2024-05-06T07:08:09.1Z", "has a fraction, and the table's column keeps whole ones"},
			{"DATETIME", "mysql", "2024-05-06T07:08:09.1Z", "has a fraction, and the table's column keeps whole ones"},
			{"YEAR", "mysql", "24", "is no year of four digits"},
			{"REAL", "postgres", "1e39", "is out of the range of the table's column"},
			{"UUID", "postgres", "0190163d-8694", "is no UUID"},
			{"INET", "postgres", "10.0.0", "is no address or network"},
			{"INET6", "mariadb", "10.0.0", "is no IPv6 address"},
			{"INET4", "mariadb", "::1", "is no IPv4 address"},
			{"MACADDR", "postgres", "08:00", "is no MAC address"},
			{"JSONB", "postgres", "{}", "is of type jsonb: a key is text, a number or a time"},
		} {
			if !isOn(e, c.engines) {
				continue
			}
			t.Run(c.column+" "+c.key, func(t *testing.T) {
				t.Parallel()
				ns := e.Namespace(t)
				createOrSkip(t, ns, "CREATE TABLE t (n INT, id "+c.column+" NOT NULL PRIMARY KEY)")
				run := runProgram(t, "-dsn", ns.DSN(), "-key", "id", dbtest.WriteFile(t, "t.csv", "n,id\n1,"+c.key+"\n"))
				run.failed(t, 1, "t.csv:2:3: ")
				run.failed(t, 1, c.want)
			})
		}
	})
}

func TestEngines_TimesAreCutOffOnlyBelowAMicrosecond(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		column, want := "TIMESTAMP", "2 inserted, 0 updated, 0 unchanged" // SQLite keeps the nanoseconds
		if e.Name() != "sqlite" {
			column, want = "TIMESTAMP(6)", "1 inserted, 0 updated, 1 unchanged"
		}
		ns := e.Namespace(t)
		execute(t, ns, "CREATE TABLE t (id "+column+" NOT NULL PRIMARY KEY, n INT)")
		args := []string{"-dsn", ns.DSN(), "-key", "id", dbtest.WriteFile(t, "t.csv", "id,n\n2024-05-06T07:08:09.1234561Z,1\n2024-05-06T07:08:09.1234562Z,1\n")}
		runProgram(t, args...).ok(t, want)
		runProgram(t, args...).ok(t, "2 unchanged")
	})
}

func TestPlainDecimal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "+0.0": "0", "007": "7", "-07.50": "-7.5", ".5": "0.5", "5.": "5", "1e3": "1000", "1.25E+1": "12.5", "-12.5e-3": "-0.0125",
		"0e7": "0", "1e-2": "0.01", "100e-2": "1", "": "", "1e1001": "", "x": "", " 1": "", "1,5": "",
	} {
		if got, ok := plainDecimal(text); got != want || ok != (want != "") {
			t.Errorf("plainDecimal(%q) = %q, %t; want %q", text, got, ok, want)
		}
	}
}

func TestColumn_KeyOfASQLiteColumnWithoutAType(t *testing.T) {
	t.Parallel()
	c := column{name: "k", kind: kindInteger, key: true}
	if got, err := c.value(cell{token: tokenField, text: "07"}); got != int64(7) || err != nil {
		t.Fatalf("%#v, %v; want what -type says", got, err)
	}
	c.kind = kindTimestamp
	if got, err := c.value(cell{token: tokenField, text: "2024-05-06"}); got != time.Date(2024, 5, 6, 0, 0, 0, 0, time.UTC) || err != nil {
		t.Fatalf("%#v, %v; want what -type says", got, err)
	}
}

func TestRepeats_CountsTheRowsOfEarlierKeys(t *testing.T) {
	t.Parallel()
	var r repeats
	cols := []column{{name: "a", key: true}, {name: "n"}, {name: "b", key: true}}
	for i, key := range []string{"x|y", "xy|", "|xy", "x|y", "x|", "xy|"} {
		a, b, _ := strings.Cut(key, "|")
		r.note(cols, map[string]any{"a": a, "n": i, "b": b}, i+2)
	}
	const want = "2 rows have the key of an earlier row (line 5 that of line 2): such rows are written in the file's order, and where they differ each run writes them again"
	if r.String() != want {
		t.Fatalf("%q; want %q", r.String(), want)
	}
}
