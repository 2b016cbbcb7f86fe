package verify_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/lab"
)

// fits are Go types and columns that fit, by an engine or by "sqlite", "postgres" or "my".
var fits = map[string]map[string]func(*lab.Lab, string) verifier{
	"sqlite": {
		"INTEGER": of[valueOf[int16]](), "BIGINT": of[valueOf[int64]](), "SMALLINT": of[valueOf[int64]](), "INT": of[valueOf[uint64]](), "BOOLEAN": of[valueOf[bool]](),
		"VARCHAR(3)": of[valueOf[string]](), "DATE": of[valueOf[time.Time]](), "DATETIME": of[valueOf[string]](), "TIMESTAMP": of[valueOf[string]](), "DATE NULL": of[valueOf[string]](), "JSON": of[valueOf[json.RawMessage]](), "STRING": of[valueOf[int64]](), "NATIVE CHARACTER(9)": of[valueOf[string]](), "": of[valueOf[string]](), "BLOB": of[valueOf[[]byte]](),
		"TEXT": of[valueOf[json.RawMessage]](), "REAL": of[valueOf[float32]](), "NUMERIC": of[valueOf[float64]](), "DECIMAL(10,2)": of[valueOf[opaque]](),
	},
	"postgres": {
		"bigint": of[valueOf[int64]](), "integer": of[valueOf[int32]](), "smallint": of[valueOf[int16]](), "smallint NULL": of[valueOf[int8]](), "smallint CHECK (v >= 0)": of[valueOf[uint8]](),
		"numeric(20,0)": of[valueOf[uint64]](), "text": of[valueOf[string]](), "varchar": of[valueOf[string]](), "varchar(255)": of[valueOf[string]](), "citext_like": of[valueOf[string]](),
		"bytea": of[valueOf[[]byte]](), "boolean": of[valueOf[bool]](), "double precision": of[valueOf[float64]](), "real": of[valueOf[float32]](),
		"timestamptz": of[valueOf[time.Time]](), "timestamp": of[valueOf[sql.NullTime]](), "jsonb": of[valueOf[json.RawMessage]](), "json": of[valueOf[string]](),
		"uuid": of[valueOf[string]](), "date": of[valueOf[string]](), "numeric(12,2)": of[valueOf[string]](), "int[]": of[valueOf[opaque]](), "interval": of[valueOf[string]](), "inet": of[valueOf[[]byte]](), "numeric": of[valueOf[opaque]](),
	},
	"my": {
		"BIGINT": of[valueOf[int]](), "INT": of[valueOf[int32]](), "SMALLINT(5)": of[valueOf[*int16]](), "TINYINT": of[valueOf[int8]](), "TINYINT(1)": of[valueOf[bool]](), "BIT(1)": of[valueOf[bool]](),
		"BIGINT UNSIGNED": of[valueOf[uint64]](), "INT UNSIGNED": of[valueOf[uint32]](), "TINYINT UNSIGNED": of[valueOf[uint8]](), "FLOAT": of[valueOf[float32]](), "DOUBLE": of[valueOf[float64]](),
		"VARCHAR(255)": of[valueOf[string]](), "TEXT": of[valueOf[string]](), "VARBINARY(255)": of[valueOf[string]](), "BLOB": of[valueOf[[]byte]](), "JSON": of[valueOf[json.RawMessage]](),
		"DATETIME(6)": of[valueOf[time.Time]](), "TIMESTAMP(6) NULL": of[valueOf[*time.Time]](), "DATE": of[valueOf[string]](), "ENUM('a')": of[valueOf[string]](), "DECIMAL(10,2)": of[valueOf[string]](),
	},
}

// misfits are Go types and columns that do not fit, with the check.
var misfits = map[string][]misfit{
	"sqlite": {
		{"INTEGER", "type", of[valueOf[string]]()}, {"DECIMAL(10,2)", "type", of[valueOf[string]]()}, {"REAL", "type", of[valueOf[json.RawMessage]]()}, {"BIGINT", "range", of[valueOf[int16]]()},
		{"STRING", "type", of[valueOf[string]]()}, {"UUID", "type", of[valueOf[*string]]()}, {"JSON", "type", of[valueOf[string]]()}, {"BOOLEAN", "type", of[valueOf[string]]()}, {"ANY", "type", of[valueOf[string]]()},
	},
	"postgres": {
		{"smallint", "range", of[valueOf[int64]]()}, {"bigint", "range", of[valueOf[int16]]()}, {"integer", "range", of[valueOf[int]]()}, {"bigint", "range", of[valueOf[uint64]]()}, {"smallint", "range", of[valueOf[uint16]]()},
		{"numeric(5,0)", "range", of[valueOf[int64]]()}, {"numeric", "range", of[valueOf[int64]]()}, {"small_number", "range", of[valueOf[int64]]()},
		{"varchar(20)", "length", of[valueOf[string]]()}, {"char(300)", "length", of[valueOf[*string]]()}, {"varchar(20)", "length", of[valueOf[sql.NullString]]()},
		{"date", "precision", of[valueOf[time.Time]]()}, {"timestamptz(0)", "precision", of[valueOf[time.Time]]()}, {"timestamp(3)", "precision", of[valueOf[*time.Time]]()}, {"time", "precision", of[valueOf[time.Time]]()},
		{"real", "precision", of[valueOf[float64]]()}, {"double precision", "precision", of[valueOf[float32]]()}, {"numeric(12,2)", "precision", of[valueOf[float64]]()},
		{"integer", "type", of[valueOf[string]]()}, {"text", "type", of[valueOf[int64]]()}, {"integer", "type", of[valueOf[bool]]()}, {"bytea", "type", of[valueOf[string]]()}, {"text", "type", of[valueOf[[]byte]]()},
		{"bytea", "type", of[valueOf[json.RawMessage]]()}, {"double precision", "type", of[valueOf[int64]]()}, {"bigint", "type", of[valueOf[float64]]()}, {"integer", "type", of[valueOf[time.Time]]()},
		{"interval", "type", of[valueOf[time.Duration]]()}, {"uuid", "type", of[valueOf[int64]]()}, {"inet", "type", of[valueOf[bool]]()}, {"money", "type", of[valueOf[float64]]()},
	},
	"my": {
		{"SMALLINT", "range", of[valueOf[int64]]()}, {"BIGINT", "range", of[valueOf[int16]]()}, {"BIGINT UNSIGNED", "range", of[valueOf[int64]]()}, {"BIGINT", "range", of[valueOf[uint64]]()}, {"MEDIUMINT", "range", of[valueOf[int32]]()},
		{"VARCHAR(20)", "length", of[valueOf[string]]()}, {"CHAR(36)", "length", of[valueOf[string]]()}, {"TINYTEXT", "length", of[valueOf[string]]()}, {"VARBINARY(20)", "length", of[valueOf[[]byte]]()}, {"BINARY(16)", "length", of[valueOf[[]byte]]()},
		{"DATE", "precision", of[valueOf[time.Time]]()}, {"DATETIME", "precision", of[valueOf[time.Time]]()}, {"DATETIME(3)", "precision", of[valueOf[time.Time]]()}, {"FLOAT", "precision", of[valueOf[float64]]()}, {"DECIMAL(10,2)", "precision", of[valueOf[float64]]()},
		{"INT", "type", of[valueOf[string]]()}, {"VARCHAR(255)", "type", of[valueOf[int64]]()}, {"INT", "type", of[valueOf[bool]]()}, {"TEXT", "type", of[valueOf[[]byte]]()}, {"DOUBLE", "type", of[valueOf[int64]]()}, {"BIGINT", "type", of[valueOf[time.Time]]()},
		{"YEAR", "type", of[valueOf[int16]]()},
	},
}

type misfit struct {
	column, check string
	of            func(*lab.Lab, string) verifier
}

// TestVerifyTypes checks which Go types and columns fit each other.
func TestVerifyTypes(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab.Lab) {
		family := strings.Replace(l.Family(), "mysql", "my", 1)
		if family == "postgres" {
			l.Exec("CREATE DOMAIN small_number AS smallint", "CREATE DOMAIN citext_like AS text")
		}
		n := 0
		create := func(column string) (name string) {
			n++
			name = fmt.Sprintf("t%d", n)
			l.Exec("CREATE TABLE " + name + " (id BIGINT NOT NULL PRIMARY KEY, v " + column + ")")
			return name
		}
		for column, make := range fits[family] {
			if got := brief(findings(l, make(l, create(column)), l.DB)); got != "" {
				l.Errorf("%s: got %s, want nothing", column, got)
			}
		}
		for _, m := range misfits[family] {
			if got, want := brief(findings(l, m.of(l, create(m.column)), l.DB)), "fault "+m.check+` "v" ""`; got != want {
				l.Errorf("%s: got %s, want %s", m.column, got, want)
			}
		}
	})
}

// TestVerifyStrictTables checks the types of SQLite's STRICT tables, in which a value of another type is refused.
func TestVerifyStrictTables(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.SQLite, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (id INTEGER PRIMARY KEY, v BLOB) STRICT", "CREATE TABLE texts (id INT PRIMARY KEY, v TEXT) STRICT", "CREATE TABLE anys (id ANY PRIMARY KEY, v ANY) STRICT",
			"CREATE TABLE districts (id INTEGER PRIMARY KEY, code VARCHAR(10), district TEXT, v TEXT)")
		for name, c := range map[string]struct {
			verify verifier
			want   string
		}{
			"bytes": {of[valueOf[[]byte]]()(l, "things"), ""}, "string": {of[valueOf[string]]()(l, "things"), `fault type "v" ""`}, "time": {of[valueOf[time.Time]]()(l, "things"), `fault type "v" ""`},
			"string in a text": {of[valueOf[string]]()(l, "texts"), ""}, "bytes in a text": {of[valueOf[[]byte]]()(l, "texts"), `fault type "v" ""`},
			"string in a column of any": {of[keyOf[string]]()(l, "anys"), ""}, "bytes in a text of a table that is not strict": {of[valueOf[[]byte]]()(l, "districts"), ""},
		} {
			l.Want(name, brief(findings(l, c.verify, l.DB)), c.want)
		}
	})
}
