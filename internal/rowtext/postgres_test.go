package rowtext_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/rowtext"
)

// stored is a type of column, and values of it, each with how it is written.
type stored struct {
	typ    string
	values []storedValue
}

type storedValue struct {
	value any // as a driver is given it
	write func(*rowtext.Writer)
}

func storedTexts(typ string, texts ...string) stored {
	s := stored{typ: typ, values: []storedValue{{nil, (*rowtext.Writer).Null}}}
	for _, v := range texts {
		s.values = append(s.values, storedValue{v, text(v)}, storedValue{v, func(w *rowtext.Writer) { w.RawText([]byte(v)) }})
	}
	return s
}

func storedBytes(typ string, hex bool) stored {
	s := stored{typ: typ}
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	add := func(v []byte) {
		s.values = append(s.values, storedValue{v, func(w *rowtext.Writer) { w.Hex, w.HexText = hex, hex; w.Bytes(v); w.Hex, w.HexText = false, false }})
	}
	add([]byte{})
	add(all)
	for _, v := range []string{"", "a", `\x41`, `\101`, `\\`, "'", "é"} { // lib/pq takes a string for its bytes as well
		s.values = append(s.values, storedValue{v, func(w *rowtext.Writer) { w.Hex, w.HexText = hex, hex; w.Text(v); w.Hex, w.HexText = false, false }})
	}
	for i := range all {
		add(all[i : i+1])
		add([]byte{'a', all[i], all[255-i]})
	}
	return s
}

func storedFloats(typ string, special ...float64) stored {
	s := stored{typ: typ}
	for _, v := range append(special, 0, math.Copysign(0, -1), 1, 0.1, -0.1, 1.0/3, math.Pi, 1e15, 1e16, 123456789012345678, 1e21, 1e-5, 1e-7, 1e22, 1e23, 9007199254740993,
		2.2250738585072014e-308, 1.7976931348623155e+308, math.MaxFloat64, -math.MaxFloat64) {
		s.values = append(s.values, storedValue{v, float(v)})
	}
	return s
}

func storedTimes(typ string, least, greatest int) stored {
	s := stored{typ: typ}
	for _, c := range timedCases() {
		if year := c.at.UTC().Year(); year < least || year > greatest || libpqErrs(c.at) {
			continue
		}
		s.values = append(s.values, storedValue{c.at.Truncate(time.Microsecond), func(w *rowtext.Writer) { w.Time(c.at) }})
	}
	return s
}

// libpqErrs tells the times that lib/pq takes for others: a leap day before the year 1, and a zone less than a minute behind
// UTC.
func libpqErrs(at time.Time) bool {
	_, offset := at.Zone()
	return at.Year() <= 0 && at.Month() == time.February && at.Day() == 29 || offset < 0 && offset > -60
}

// hardTexts has every byte that text can have, by itself, between others, and all together.
func hardTexts() []string {
	texts := []string{
		"", " ", "  a  ", "NULL", "null", `\N`, `\.`, `\\.`, "{}", "{", "}", `"`, `""`, "'", `\`, `\\`, `a\`, `\"`, ",", "a,b", `{"a":"\t\""}`, "\t", "\n", "\r", "\r\n", "a\tb\nc\\d",
		"é", "表", "😀", "\u00a0", "\u2028", "\ufeff", "\ufffd", "e\u0301", `\x41`, `\101`, `\u0041`, "--", "/*", "$1", "?", "%s", ";",
	}
	var all strings.Builder
	for r := rune(1); r < 0x800; r += 1 + r/128 { // each ASCII byte, and each byte that leads two
		texts = append(texts, string(r), "a"+string(r)+"é"+string(r))
		all.WriteRune(r)
	}
	for r := rune(0x800); r < 0x11000; r += 61 { // and each that follows
		if r < 0xd800 || r > 0xdfff {
			all.WriteRune(r)
		}
	}
	return append(texts, all.String(), strings.Repeat("\\\"\t\n", 10000))
}

func integers(typ string, values ...int64) stored {
	s := stored{typ: typ}
	for _, v := range values {
		s.values = append(s.values, storedValue{v, number(v)})
	}
	return s
}

func booleans(typ string) stored {
	s := stored{typ: typ}
	for _, v := range []bool{true, false} {
		s.values = append(s.values, storedValue{v, func(w *rowtext.Writer) { w.Bool(v) }})
	}
	return s
}

func postgresStored() []stored {
	return []stored{
		storedTexts("text", hardTexts()...), storedTexts("varchar", hardTexts()...), storedTexts("json", `{"a": "\t\"\\"}`, `null`, "[1,\n2]"), storedTexts("jsonb", `{"a": "\t\"\\"}`),
		storedBytes("bytea", true), storedFloats("double precision", math.Inf(1), math.Inf(-1), math.NaN(), math.SmallestNonzeroFloat64),
		storedFloats("text", math.Inf(1), math.Inf(-1), math.NaN()), storedFloats("numeric", math.NaN(), math.SmallestNonzeroFloat64), integers("bigint", 0, -1, math.MaxInt64, math.MinInt64), integers("numeric", math.MinInt64),
		{"numeric", []storedValue{{"18446744073709551615", func(w *rowtext.Writer) { w.Uint(math.MaxUint64) }}}},
		booleans("boolean"), booleans("text"), storedTimes("timestamptz", -4712, 294276), storedTimes("timestamp", -4712, 294276), storedTimes("date", -4712, 294276),
	}
}

// TestPostgresReads: what a server makes of an array and of a COPY is what it makes of the same value from lib/pq.
func TestPostgresReads(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"postgres", "postgres18"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := engine.Get(name).Open(t)
			for i, s := range postgresStored() {
				table := fmt.Sprintf("t%d", i)
				db.MustExec("CREATE TABLE " + table + " (at INT, how TEXT, v " + s.typ + ")")
				for at, v := range s.values {
					if _, err := db.Exec("INSERT INTO "+table+" VALUES ($1, 'lib/pq', $2)", at, v.value); err != nil {
						t.Fatalf("%s %#v: %v", s.typ, v.value, err)
					}
				}
				s.sendArray(t, db.DB, table)
				s.sendCopy(t, db.DB, table)
				s.compare(t, db.DB, table, "array", "copy")
			}
		})
	}
}

func (s stored) sendArray(t *testing.T, db *sql.DB, table string) {
	t.Helper()
	w := rowtext.New(rowtext.Array)
	for i, v := range s.values {
		w.Buf = append(w.Buf, "{,"[min(i, 1)])
		v.write(w)
	}
	w.Buf = append(w.Buf, '}')
	if _, err := db.Exec("INSERT INTO "+table+" SELECT at - 1, 'array', v FROM unnest($1::"+s.typ+"[]) WITH ORDINALITY AS e (v, at)", string(w.Buf)); err != nil || w.Err != nil {
		t.Fatalf("%s: %v, %v", s.typ, err, w.Err)
	}
}

func (s stored) sendCopy(t *testing.T, db *sql.DB, table string) {
	t.Helper()
	w := rowtext.New(rowtext.Copy)
	for i, v := range s.values {
		w.Int(int64(i))
		w.Buf = append(w.Buf, "\tcopy\t"...)
		v.write(w)
		w.Buf = append(w.Buf, '\n')
	}
	copyIn(t, db, "COPY "+table+" FROM STDIN", w)
}

// copyIn sends lines as package upsert does.
func copyIn(t *testing.T, db *sql.DB, query string, w *rowtext.Writer) {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	tx, err := conn.BeginTx(t.Context(), nil) // lib/pq copies in a transaction only
	if err != nil {
		t.Fatal(err)
	}
	err = conn.Raw(func(driverConn any) error {
		stmt, err := driverConn.(driver.ConnPrepareContext).PrepareContext(t.Context(), query)
		if err != nil {
			return err
		}
		to := stmt.(interface {
			CopyData(ctx context.Context, line string) (driver.Result, error)
		})
		if _, err := to.CopyData(t.Context(), strings.TrimSuffix(string(w.Buf), "\n")); err != nil {
			return err
		}
		return stmt.Close()
	})
	if err := errors.Join(err, w.Err, tx.Commit()); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// compare compares, bit by bit, what the ways have stored.
func (s stored) compare(t *testing.T, db *sql.DB, table string, ways ...string) {
	t.Helper()
	v := func(alias string) string {
		switch s.typ {
		case "double precision":
			return "float8send(" + alias + ".v)"
		case "numeric": // its digits after the point, too
			return "numeric_send(" + alias + ".v)"
		}
		return alias + `.v::text COLLATE "C"`
	}
	for _, way := range ways {
		var n, differ int
		var first sql.NullInt64
		err := db.QueryRow("SELECT COUNT(*), COUNT(*) FILTER (WHERE d), MIN(at) FILTER (WHERE d) FROM (SELECT o.at, "+v("o")+" IS DISTINCT FROM "+v("p")+
			" AS d FROM "+table+" o JOIN "+table+" p ON p.at = o.at AND p.how = 'lib/pq' WHERE o.how = $1) AS x", way).Scan(&n, &differ, &first)
		if err != nil || n != len(s.values) {
			t.Fatalf("%s by %s: %d rows, %v, want %d", s.typ, way, n, err, len(s.values))
		}
		if differ == 0 {
			continue
		}
		var have, want sql.NullString
		_ = db.QueryRow("SELECT MIN(v::text) FILTER (WHERE how = $1), MIN(v::text) FILTER (WHERE how = 'lib/pq') FROM "+table+" WHERE at = $2", way, first.Int64).Scan(&have, &want)
		t.Errorf("%s by %s: %d of %d values are not what lib/pq has stored: of %#v there is %q, not %q", s.typ, way, differ, n, s.values[first.Int64].value, have.String, want.String)
	}
}

// TestPostgresInstants: those times, and all others, are what Go has for them, to the microsecond.
func TestPostgresInstants(t *testing.T) {
	t.Parallel()
	db := engine.Newest("postgres").Open(t)
	erred := 0
	for _, c := range timedCases() {
		if c.at.Year() < -4712 {
			continue // no time of PostgreSQL's
		}
		if libpqErrs(c.at) {
			erred++
		}
		w := rowtext.New(rowtext.Copy)
		w.Time(c.at)
		var seconds, micros int64
		err := db.QueryRow("SELECT EXTRACT(EPOCH FROM date_trunc('second', $1::timestamptz))::bigint, EXTRACT(MICROSECONDS FROM $1::timestamptz)::bigint % 1000000", string(w.Buf)).Scan(&seconds, &micros)
		if err != nil || seconds != c.at.Unix() || micros != int64(c.at.Nanosecond()/1000) {
			t.Errorf("%s is at %d and %d µs, %v, want %d and %d", w.Buf, seconds, micros, err, c.at.Unix(), c.at.Nanosecond()/1000)
		}
	}
	if erred != 2 {
		t.Errorf("%d times are left out of TestPostgresReads, want 2", erred)
	}
}

// TestPostgresRefuses: what no text can hold is the server's to refuse, with its own words.
func TestPostgresRefuses(t *testing.T) {
	t.Parallel()
	db := engine.Newest("postgres").Open(t)
	for _, v := range []string{"a\x00b", "\xff", "\xe2\x82"} {
		w := rowtext.New(rowtext.Array)
		w.Text(v)
		var got []byte
		if err := db.QueryRow("SELECT ($1::text[])[1]", "{"+string(w.Buf)+"}").Scan(&got); err == nil || !strings.Contains(err.Error(), "invalid byte sequence") {
			t.Errorf("%q comes back as %q, %v, want the server's error", v, got, err)
		}
	}
}
