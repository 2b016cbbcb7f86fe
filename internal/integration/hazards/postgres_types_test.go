package hazards_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
)

// The tests of this file check the hazards P35 to P38 of PostgreSQL, in which the type of a column changes the meaning of a
// value.

// writeEachWay writes the rows first and second, which have the same key, with each verb and path. It wants the given
// outcome for second and the given stored text.
func writeEachWay[T any](l *lab.Lab, name string, first, second T, want upsert.Outcome, stored string) {
	l.Helper()
	table := lab.Table[T](l, name)
	ways := map[string]func(row T) (upsert.Outcome, error){
		"Put": func(row T) (upsert.Outcome, error) { return table.Put(l.Context(), l.DB, &row) },
	}
	for _, via := range []upsert.Path{upsert.Values, upsert.Arrays, upsert.Copy} {
		ways["PutAll via "+via.String()] = func(row T) (o upsert.Outcome, err error) {
			each := upsert.EachOutcome(func(_ int, got upsert.Outcome) { o = got })
			_, err = table.PutAll(l.Context(), l.DB, []T{row}, upsert.Via(via), each)
			return o, err
		}
	}
	for way, write := range ways {
		l.Exec("DELETE FROM " + name)
		_, err := write(first)
		if _, refused := lab.AsType[*dialect.UnsupportedError](err); refused { // an array cannot be an element of an array
			continue
		}
		if err != nil {
			l.Errorf("%s, %s of %+v: %v", name, way, first, err)
			continue
		}
		o, err := write(second)
		l.Want(fmt.Sprintf("%s, %s of %+v over %+v", name, way, second, first), fmt.Sprint(o, " ", err, " ", l.Text("SELECT v::text FROM "+name)), fmt.Sprint(want, " ", nil, " ", stored))
	}
}

// TestHazard_P35_SettingsDoNotDecideWhatIsEqual checks different values that have the same text under the settings of the
// session.
func TestHazard_P35_SettingsDoNotDecideWhatIsEqual(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V any
	}
	settings := []engine.Option{
		engine.Param("extra_float_digits", "0"), engine.Param("timezone", "America/New_York"), engine.Param("intervalstyle", "sql_standard"),
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Want("hazard: that two numbers differ, by their texts", l.Text("SELECT (0.1::float8 + 0.2)::text IS DISTINCT FROM 0.3::float8::text"), "false")
		fall := time.Date(2026, 11, 1, 5, 30, 0, 0, time.UTC) // 1:30 in New York, which is 1:30 again an hour later
		for typ, c := range map[string]struct {
			first, second any
			stored        string
		}{
			"float8":        {0.3, 0.30000000000000004, "0.3"},
			"float8[]":      {"{0.3}", "{0.30000000000000004}", "{0.3}"},
			"point":         {"(0.3,0)", "(0.30000000000000004,0)", "(0.3,0)"},
			"timestamptz":   {fall, fall.Add(time.Hour), "2026-11-01 01:30:00-05"},
			"timestamptz[]": {`{"2026-11-01 05:30Z"}`, `{"2026-11-01 06:30Z"}`, `{"2026-11-01 01:30:00-05"}`},
			"tstzrange":     {"[2026-11-01 05:30Z,)", "[2026-11-01 06:30Z,)", `["2026-11-01 01:30:00-05",)`},
		} {
			l.Exec("DROP TABLE IF EXISTS things", "CREATE TABLE things (k int PRIMARY KEY, v "+typ+")")
			writeEachWay(l, "things", thing{1, c.first}, thing{1, c.second}, upsert.Updated, c.stored)
			writeEachWay(l, "things", thing{1, c.second}, thing{1, c.second}, upsert.Unchanged, c.stored)
		}
	}, settings...)
}

// TestHazard_P36_ValuesThatATypeTakesForEqual checks that values of type []byte and any are distinguished as strings are.
func TestHazard_P36_ValuesThatATypeTakesForEqual(t *testing.T) {
	t.Parallel()
	type bytes struct {
		K int `upsert:"key"`
		V []byte
	}
	type anyone struct {
		K int `upsert:"key"`
		V any
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		folding(l)
		for _, c := range [][3]string{
			{"text COLLATE folding", "a", "A"}, {"folded", "a", "A"}, {"twice_folded", "a", "A"}, {"numeric", "1.0", "1.00"}, {"rounded", "1.0", "1.00"}, {"interval", "24:00:00", "1 day"}, {"interval[]", "{24:00:00}", `{"1 day"}`}, {"char(3)", "a", "A"},
		} {
			l.Exec("DROP TABLE IF EXISTS things", "CREATE TABLE things (k int PRIMARY KEY, v "+c[0]+")")
			writeEachWay(l, "things", bytes{1, []byte(c[1])}, bytes{1, []byte(c[2])}, upsert.Updated, c[2])
			writeEachWay(l, "things", anyone{1, c[1]}, anyone{1, c[2]}, upsert.Updated, c[2])
			writeEachWay(l, "things", anyone{1, []byte(c[1])}, anyone{1, []byte(c[2])}, upsert.Updated, c[2])
			writeEachWay(l, "things", bytes{1, []byte(c[2])}, bytes{1, []byte(c[2])}, upsert.Unchanged, c[2])
		}
	})
}

// folding creates types that treat 'a' and 'A' as equal: a collation, and domains over it.
func folding(l *lab.Lab) {
	l.Helper()
	l.Exec("CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false)", "CREATE DOMAIN folded AS text COLLATE folding",
		"CREATE DOMAIN twice_folded AS folded", "CREATE DOMAIN exactly AS numeric", "CREATE DOMAIN rounded AS exactly")
}

// TestHazard_P36_KeysThatATypeTakesForEqual checks that no verb writes to the row of another key that the type treats as
// equal, whatever the Go type of the key.
func TestHazard_P36_KeysThatATypeTakesForEqual(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		folding(l)
		for _, c := range [][3]string{{"text COLLATE folding", "a", "A"}, {"folded", "a", "A"}, {"twice_folded", "a", "A"}} {
			refuseOtherKey(l, c[0], c[1], c[2])
			refuseOtherKey(l, c[0], []byte(c[1]), []byte(c[2]))
			refuseOtherKey[any](l, c[0], c[1], c[2])
			refuseOtherKey[any](l, c[0], []byte(c[1]), []byte(c[2]))
		}
	})
}

func refuseOtherKey[K any](l *lab.Lab, typ string, first, second K) {
	l.Helper()
	type row struct {
		K K `upsert:"key"`
		V int
	}
	type kept struct {
		K K   `upsert:"key"`
		V int `upsert:"keep"`
	}
	l.Exec("DROP TABLE IF EXISTS things", "CREATE TABLE things (k "+typ+" PRIMARY KEY, v int)")
	table, what := lab.Table[row](l, "things"), fmt.Sprintf("%T in %s", first, typ)
	l.Want(what, lab.Put(l, table, l.DB, row{first, 1}), upsert.Inserted)
	l.Want(what, lab.Put(l, table, l.DB, row{first, 1}), upsert.Unchanged)
	_, err := table.Put(l.Context(), l.DB, &row{second, 2})
	l.WantErr(what+": Put", err, upsert.ErrOtherKey)
	_, err = lab.Table[kept](l, "things").Put(l.Context(), l.DB, &kept{second, 2})
	l.WantErr(what+": Put that would assign nothing", err, upsert.ErrOtherKey)
	_, err = table.GetOrCreate(l.Context(), l.DB, &row{second, 2})
	l.WantErr(what+": GetOrCreate", err, upsert.ErrOtherKey)
	for _, via := range []upsert.Path{upsert.Values, upsert.Arrays, upsert.Copy} {
		_, err = table.PutAll(l.Context(), l.DB, []row{{second, 2}}, upsert.Via(via))
		l.WantErr(what+": PutAll via "+via.String(), err, upsert.ErrOtherKey)
	}
	l.Want(what, l.Text("SELECT * FROM things"), "a|1")
}

// TestHazard_P37_JSONThatIsNoJSONB checks json documents that jsonb refuses. Comparing such a document as jsonb fails.
func TestHazard_P37_JSONThatIsNoJSONB(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V json.RawMessage
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE DOMAIN document AS json", "CREATE DOMAIN documents AS document")
		l.Fails(l.DB, "22P05", `SELECT '"\u0000"'::json::jsonb`)
		for _, typ := range []string{"json", "documents", "text"} {
			l.Exec("DROP TABLE IF EXISTS things", "CREATE TABLE things (k int PRIMARY KEY, v "+typ+")")
			for _, text := range []string{`"\u0000"`, `"\ud800"`, `1e400000`, `{"a":1,"a":2}`} {
				writeEachWay(l, "things", thing{1, json.RawMessage(text)}, thing{1, json.RawMessage(text)}, upsert.Unchanged, text)
				writeEachWay(l, "things", thing{1, json.RawMessage(text)}, thing{1, json.RawMessage(`{}`)}, upsert.Updated, `{}`)
				writeEachWay(l, "things", thing{1, json.RawMessage(`{}`)}, thing{1, json.RawMessage(text)}, upsert.Updated, text)
			}
		}
	})
}

// TestHazard_P38_NowIsUTCWithoutAZone checks columns without a time zone. PostgreSQL stores the session's wall clock as the
// current time in such a column. This time can differ by hours from a time that was bound.
func TestHazard_P38_NowIsUTCWithoutAZone(t *testing.T) {
	t.Parallel()
	type thing struct {
		K    int       `upsert:"key"`
		V    time.Time `upsert:"touch,now"`
		Date time.Time `upsert:"keep,now"`
		Sent time.Time
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE DOMAIN moment AS timestamp", "CREATE TABLE things (k int PRIMARY KEY, v timestamp, date date, sent timestamp)", "CREATE TABLE others (k int PRIMARY KEY, v moment, date date, sent timestamp)")
		l.Want("hazard: the hours that the session's clock is ahead", l.Text("SELECT extract(hour FROM age(CURRENT_TIMESTAMP::timestamp, CURRENT_TIMESTAMP AT TIME ZONE 'UTC'))"), "14")
		for _, name := range []string{"things", "others"} {
			table := lab.Table[thing](l, name)
			row := func(k, n int) thing { return thing{K: k, Sent: time.Now().UTC().Add(time.Duration(n) * time.Second)} }
			for n := range 2 { // an insert and an update
				l.Want("Put", lab.Put(l, table, l.DB, row(0, n)), []upsert.Outcome{upsert.Inserted, upsert.Updated}[n])
				for i, via := range []upsert.Path{upsert.Values, upsert.Arrays, upsert.Copy} {
					rows := []thing{row(10*i+1, n), row(10*i+2, n)}
					if _, err := table.PutAll(l.Context(), l.DB, rows, upsert.Via(via)); err != nil {
						l.Fatal(err)
					}
				}
				l.Want(name+": rows whose clocks are an hour apart", l.Text("SELECT count(*) FROM "+name+" WHERE abs(extract(epoch FROM v - sent)) > 3600 OR date NOT IN (v::date, v::date + 1)"), 0)
			}
		}
	}, engine.Param("timezone", "Pacific/Kiritimati"))
}

// TestCopyOfBytesInTheCallersTransaction checks the additional column of the staging table: its value must not be encoded
// like the value of the last bytea column.
func TestCopyOfBytesInTheCallersTransaction(t *testing.T) {
	t.Parallel()
	type thing struct {
		K   int `upsert:"key"`
		Rev int `upsert:"version"`
		V   []byte
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE DOMAIN raw AS bytea", "CREATE DOMAIN rawer AS raw")
		for _, typ := range []string{"bytea", "rawer", "text"} {
			l.Exec("DROP TABLE IF EXISTS things", "CREATE TABLE things (k int PRIMARY KEY, rev int, v "+typ+")")
			table, tx := lab.Table[thing](l, "things", upsert.Via(upsert.Copy)), l.Begin(nil)
			for _, want := range []upsert.Result{{Inserted: 2}, {Unchanged: 2}} {
				r, err := table.PutAll(l.Context(), tx, []thing{{1, 1, []byte("a\\")}, {2, 1, []byte("b")}}, upsert.Outcomes())
				l.Want(typ, fmt.Sprint(r, err), fmt.Sprint(want, nil))
			}
			l.Commit(tx)
			stored := map[bool]string{true: "convert_to(v, 'UTF8')", false: "v"}[typ == "text"]
			l.Want(typ, l.Text("SELECT encode("+stored+", 'hex') FROM things ORDER BY k"), "615c 62")
		}
	})
}
