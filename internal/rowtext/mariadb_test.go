package rowtext_test

import (
	"database/sql"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/rowtext"
)

func mysqlStored() []stored {
	texts := append(hardTexts(), "a\x00b", "\x00", `\0`, "\x1a", `\Z`)
	return []stored{
		storedTexts("LONGTEXT", texts...), storedTexts("VARBINARY(60000)", texts[:400]...), storedTexts("JSON", `{"a": "\t\"\\"}`, "[1,\n2]"),
		storedBytes("BLOB", true), storedFloats("DOUBLE"), integers("BIGINT", 0, -1, math.MaxInt64, math.MinInt64), booleans("BOOLEAN"), integers("BOOLEAN", 0, 1),
		{"BIGINT UNSIGNED", []storedValue{{uint64(math.MaxUint64), func(w *rowtext.Writer) { w.Uint(math.MaxUint64) }}, {nil, (*rowtext.Writer).Null}}},
		storedTimes("DATETIME(6)", 1, 9999), storedTimes("DATE", 1, 9999), storedTimes("VARCHAR(40)", 1, 9999),
	}
}

// TestLoadReads: what a server makes of LOAD DATA, in the words of package dialect, is what it makes of the same value from
// go-sql-driver, and it has nothing against it.
func TestLoadReads(t *testing.T) {
	t.Parallel()
	for _, e := range engine.All() {
		if e.Dialect() != "mariadb" && e.Dialect() != "mysql" {
			continue
		}
		t.Run(e.Name(), func(t *testing.T) {
			t.Parallel()
			db := e.Open(t)
			d, err := dialect.Detect(t.Context(), db)
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range mysqlStored() {
				s.load(t, d, db.DB, fmt.Sprintf("t%d", i))
			}
		})
	}
}

func (s stored) load(t *testing.T, d dialect.Dialect, db *sql.DB, table string) {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := conn.ExecContext(t.Context(), query, args...); err != nil {
			t.Fatalf("%s: %v\n%.200s", s.typ, err, query)
		}
	}
	reader := t.Name() + table
	if d.Name() == "mysql" { // which refuses the zero date, as the driver writes a zero time, and rounds to the next day
		s.values = slices.DeleteFunc(slices.Clone(s.values), func(v storedValue) bool {
			at, ok := v.value.(time.Time)
			return ok && (at.IsZero() || s.typ == "DATE" && at.Year() == 9999)
		})
	}
	described := dialect.Stage{Table: dialect.Table{Name: table}, Columns: []dialect.Column{{Name: "id"}, {Name: "v"}}, Reader: reader}
	w := rowtext.New(rowtext.Load)
	if strings.HasPrefix(s.typ, "VARBINARY") || s.typ == "BLOB" {
		described.Hex = []string{"v"}
	}
	stage, err := d.Stage(described)
	if err != nil {
		t.Fatal(err)
	}
	exec("CREATE TABLE " + table + " (id INT PRIMARY KEY, v " + s.typ + ") CHARACTER SET utf8mb4")
	exec(stage.Create)
	for i, v := range s.values {
		exec("INSERT INTO "+table+" VALUES (?, ?)", i, v.value)
		w.Int(int64(i))
		w.Buf = append(w.Buf, '\t')
		w.Hex, w.HexText = described.Hex != nil, described.Hex != nil
		v.write(w)
		w.Hex, w.HexText = false, false
		w.Buf = append(w.Buf, '\n')
	}
	if w.Err != nil {
		t.Fatal(w.Err)
	}
	mysql.RegisterReaderHandler(reader, func() io.Reader { return strings.NewReader(string(w.Buf)) })
	defer mysql.DeregisterReaderHandler(reader)
	exec(stage.Load)
	s.noWarning(t, conn)
	s.compareStage(t, conn, strings.TrimPrefix(stage.Clear, "DELETE FROM "), table)
	exec(stage.Clear)
	exec(stage.Drop)
}

// noWarning: a note is none, it tells of digits that a DATE has no room for.
func (s stored) noWarning(t *testing.T, conn *sql.Conn) {
	t.Helper()
	rows, err := conn.QueryContext(t.Context(), "SHOW WARNINGS")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var level, message string
		var code int
		if err := rows.Scan(&level, &code, &message); err != nil {
			t.Fatal(err)
		}
		if level != "Note" || s.typ != "DATE" {
			t.Errorf("%s: %s %d: %s", s.typ, level, code, message)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

func (s stored) compareStage(t *testing.T, conn *sql.Conn, stage, table string) {
	t.Helper()
	// A zone that is not UTC's shows in no text here, since go-sql-driver writes UTC as well.
	joined := " FROM " + stage + " s JOIN " + table + " p ON p.id = s.id"
	var n int
	if err := conn.QueryRowContext(t.Context(), "SELECT COUNT(*)"+joined).Scan(&n); err != nil || n != len(s.values) {
		t.Fatalf("%s: %d rows, %v, want %d", s.typ, n, err, len(s.values))
	}
	rows, err := conn.QueryContext(t.Context(), "SELECT s.id, HEX(s.v), HEX(p.v), CAST(s.v AS CHAR), CAST(p.v AS CHAR)"+joined+
		" WHERE NOT (CAST(s.v AS BINARY) <=> CAST(p.v AS BINARY)) ORDER BY s.id LIMIT 1")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id int
		var have, want, haveText, wantText sql.NullString
		if err := rows.Scan(&id, &have, &want, &haveText, &wantText); err != nil {
			t.Fatal(err)
		}
		t.Errorf("%s: of %#v there is %s %q, and by go-sql-driver %s %q", s.typ, s.values[id].value, have.String, haveText.String, want.String, wantText.String)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}
