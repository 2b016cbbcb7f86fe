package upsert_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/jmoiron/sqlx"
)

type onlyID struct {
	ID int64 `db:"id" upsert:"key"`
}

// quotedTable returns the table's name as it stands in the statement.
func quotedTable(d dialect.Dialect, name string) (string, error) {
	table, err := upsert.New[onlyID](d, name)
	if err != nil {
		return "", err
	}
	query, _, err := table.SQL()
	if err != nil {
		return "", err
	}
	query = strings.TrimPrefix(query, "INSERT INTO ")
	if d.Name() == "mysql" || d.Name() == "mariadb" {
		return query[:strings.Index(query, " (`id`)")], nil
	}
	return query[:strings.Index(query, ` AS "`)], nil
}

func TestTableName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"t": `"t"`, "app.t": `"app"."t"`, "T": `"T"`, "order": `"order"`, "a b": `"a b"`, `"t"`: `"t"`, `"app"."t"`: `"app"."t"`,
		`app."t"`: `"app"."t"`, `"app".t`: `"app"."t"`, `"a.b"`: `"a.b"`, `"a.b"."c.d"`: `"a.b"."c.d"`, `"say ""hi"""`: `"say ""hi"""`,
		`""""`: `""""`, `a"b`: `"a""b"`, "täble": `"täble"`, "x'; DROP TABLE y; --": `"x'; DROP TABLE y; --"`,
		strings.Repeat("é", 31): `"` + strings.Repeat("é", 31) + `"`,
	} {
		if got, err := quotedTable(dialect.Postgres, name); got != want || err != nil {
			t.Errorf("%s is written %s, %v, want %s", name, got, err, want)
		}
	}
	if got, err := quotedTable(dialect.MySQL, "a`b.c"); got != "`a``b`.`c`" || err != nil {
		t.Errorf("on MySQL a`b.c is written %s, %v", got, err)
	}
}

func TestTableNameIsRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 64)
	for _, c := range []struct {
		d          dialect.Dialect
		name, says string
	}{
		{dialect.SQLite, "", "an identifier is empty"},
		{dialect.SQLite, ".", "an identifier is empty"},
		{dialect.SQLite, ".t", "an identifier is empty"},
		{dialect.SQLite, "a.", "an identifier is empty"},
		{dialect.SQLite, `""`, "an identifier is empty"},
		{dialect.SQLite, `"".t`, "an identifier is empty"},
		{dialect.SQLite, `""."t"`, "an identifier is empty"},
		{dialect.SQLite, `a.""`, "an identifier is empty"},
		{dialect.SQLite, "a.b.c", "more than a schema and a table: put a part with a dot in it in double quotes"},
		{dialect.SQLite, `"a"."b"."c"`, "more than a schema and a table"},
		{dialect.SQLite, `"a`, "a quote is not closed"},
		{dialect.SQLite, `"`, "a quote is not closed"},
		{dialect.SQLite, `a."b`, "a quote is not closed"},
		{dialect.SQLite, `"a""`, "a quote is not closed"},
		{dialect.SQLite, `"a"b`, "followed by something else than a dot"},
		{dialect.SQLite, "a\x00b", "has a NUL byte"},
		{dialect.SQLite, "a\x00.b", "has a NUL byte"},
		{dialect.SQLite, "\xff", "not valid UTF-8"},
		{dialect.Postgres, long, "longer than the 63 that postgres keeps"},
		{dialect.Postgres, long + ".t", "longer than the 63 that postgres keeps"},
		{dialect.Postgres, strings.Repeat("é", 32), "longer than the 63"},
		{dialect.MySQL, long + "x", "longer than the 64 that mysql keeps"},
		{dialect.MariaDB, "a." + long + "x", "longer than the 64 that mariadb keeps"},
	} {
		newSays(t, fmt.Sprintf("%q on %s", c.name, c.d.Name()), newErr[onlyID](c.d, c.name), c.says)
	}
	for _, d := range []dialect.Dialect{dialect.MySQL, dialect.MariaDB, dialect.SQLite} {
		if err := newErr[onlyID](d, strings.Repeat("é", 64)); err != nil {
			t.Errorf("64 letters on %s: %v", d.Name(), err)
		}
	}
}

// FuzzTableName: no name panics, and what is accepted is quoted to what reads as the same name.
func FuzzTableName(f *testing.F) {
	for _, seed := range []string{"t", "a.b", "a.b.c", "", ".", `"`, `""`, `""""`, `"a""b".c`, `"a"b`, `""."t"`, "\x00", "\xff.x", "a`b", `a"."b`, `"."."."`, "é.ü"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		for _, d := range []dialect.Dialect{dialect.SQLite, dialect.Postgres} {
			quoted, err := quotedTable(d, name)
			if err != nil {
				continue
			}
			if again, err := quotedTable(d, quoted); err != nil || again != quoted {
				t.Errorf("%s: %q is written %s, which reads as %s, %v", d.Name(), name, quoted, again, err)
			}
			if strings.Contains(quoted, `""`) && !strings.Contains(name, `"`) || strings.IndexByte(quoted, 0) >= 0 {
				t.Errorf("%s: %q is written %s", d.Name(), name, quoted)
			}
		}
		_, _ = quotedTable(dialect.MySQL, name) // does not panic
	})
}

// FuzzIdentifierRoundTrip: a column of any name that a dialect accepts can be made, written and read back on the engine.
func FuzzIdentifierRoundTrip(f *testing.F) {
	for _, seed := range []string{
		"v", "V", "select", "a b", `say "hi"`, "back`tick", "it's", "semi;colon", "--", "/* x */", "dot.dot", "ü", "表", "\t", "\n", "1", "$1", "?", ":x", "@v",
		"%s", `\`, `\"`, "[v]", strings.Repeat("é", 31), strings.Repeat("x", 63), strings.Repeat("x", 64), strings.Repeat("x", 65), "a\x00", "\xff", "", " ", "trailing ",
		"ID", "id", "İ", "\u202e", "😀", "\ufffd", "\x7f", "\x01",
	} {
		f.Add(seed)
	}
	engines := roundTripEngines(f)
	f.Fuzz(func(t *testing.T, name string) {
		for _, e := range engines {
			e.roundTrip(t, name)
		}
	})
}

type roundTripEngine struct {
	name    string
	dialect dialect.Dialect
	conn    *sqlx.Conn
}

// roundTripEngines opens what there is: an engine that is missing is named in the log, and fails the test where it is
// required.
func roundTripEngines(f *testing.F) (open []roundTripEngine) {
	f.Helper()
	for _, e := range []string{"sqlite", "postgres", "mariadb"} {
		db, ok := openIfThere(f, e)
		if !ok {
			continue
		}
		d, err := dialect.Detect(f.Context(), db)
		if err != nil {
			f.Fatal(err)
		}
		conn, err := db.Connx(f.Context())
		if err != nil {
			f.Fatal(err)
		}
		f.Cleanup(func() { _ = conn.Close() })
		open = append(open, roundTripEngine{e, d, conn})
	}
	return open
}

// openIfThere takes the engine's word for a skip without ending this test.
func openIfThere(f *testing.F, name string) (db *sqlx.DB, ok bool) {
	f.Helper()
	probe := &skipper{F: f}
	done := make(chan struct{})
	go func() {
		defer close(done)
		db = engine.Get(name).Open(probe)
	}()
	<-done
	if probe.failed != "" {
		f.Fatal(probe.failed)
	}
	return db, db != nil
}

// skipper ends its goroutine where a test would be skipped or failed.
type skipper struct {
	*testing.F
	failed string
}

func (s *skipper) Skipf(format string, args ...any) {
	s.Logf("skipped: "+format, args...)
	runtime.Goexit()
}

func (s *skipper) Fatalf(format string, args ...any) {
	s.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (s *skipper) Fatal(args ...any) { s.Fatalf("%s", fmt.Sprint(args...)) }

func (e roundTripEngine) roundTrip(t *testing.T, name string) {
	t.Helper()
	if e.dialect.CheckIdent(name) != nil || unusable(e.dialect, name) {
		return
	}
	// The key's name is another in every folding.
	key := "k"
	if strings.EqualFold(name, key) {
		key = "other"
	}
	table, err := upsert.New[map[string]any](e.dialect, "r", upsert.Column(key, upsert.Key), upsert.Column(name, upsert.Replace))
	if err != nil {
		t.Fatalf("%s: column %q passes CheckIdent, New says %v", e.name, name, err)
	}
	ctx := context.WithoutCancel(t.Context())
	q := e.dialect.Quote
	if _, err := e.conn.ExecContext(ctx, "CREATE TEMPORARY TABLE "+q("r")+" ("+q(key)+" INT PRIMARY KEY, "+q(name)+" INT)"); err != nil {
		t.Fatalf("%s: column %q passes CheckIdent, the server says %v", e.name, name, err)
	}
	defer func() {
		if _, err := e.conn.ExecContext(ctx, "DROP TABLE "+q("r")); err != nil {
			t.Errorf("%s: %v", e.name, err)
		}
	}()
	for _, v := range []int64{5, 7} {
		if _, err := table.Put(ctx, e.conn, &map[string]any{key: 1, name: v}); err != nil {
			t.Fatalf("%s: column %q: %v", e.name, name, err)
		}
		var got int64
		if err := e.conn.QueryRowxContext(ctx, "SELECT "+q(name)+" FROM "+q("r")).Scan(&got); err != nil || got != v {
			t.Fatalf("%s: column %q has %d, %v, want %d", e.name, name, got, err, v)
		}
	}
}

// unusable names what a database has columns of already.
func unusable(d dialect.Dialect, name string) bool {
	if d.Name() != "postgres" {
		return false
	}
	for _, system := range []string{"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"} {
		if name == system {
			return true
		}
	}
	return false
}
