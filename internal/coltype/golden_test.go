package coltype_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/coltype"
	"github.com/goupsert/upsert/internal/mapping"
)

var update = flag.Bool("update", false, "rewrite the generated part of docs/migrations.md from what the code says now")

const (
	typesBegin = "<!-- types: written by make generate -->\n"
	typesEnd   = "<!-- end of types -->\n"
)

// row has a field of each Go type whose column type is known.
type row struct {
	Bool    bool            `db:"bool"`
	Int8    int8            `db:"int8"`
	Int16   int16           `db:"int16"`
	Int32   int32           `db:"int32"`
	Int64   int64           `db:"int and int64"`
	Uint8   uint8           `db:"uint8"`
	Uint16  uint16          `db:"uint16"`
	Uint32  uint32          `db:"uint32"`
	Uint64  uint64          `db:"uint and uint64"`
	Float32 float32         `db:"float32"`
	Float64 float64         `db:"float64"`
	String  string          `db:"string"`
	Key     string          `db:"string in a key" upsert:"key"`
	Bytes   []byte          `db:"[]byte"`
	Digest  []byte          `db:"[]byte in a key" upsert:"key"`
	JSON    json.RawMessage `db:"json.RawMessage"`
	Merged  string          `db:"any type with the rule merge" upsert:"merge"`
	Time    time.Time       `db:"time.Time"`
}

// TestGoldenTypes compares the table of types in the documentation with the types in the code.
func TestGoldenTypes(t *testing.T) {
	t.Parallel()
	const file = "../../docs/migrations.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), typesBegin)
	have, tail, ok2 := strings.Cut(rest, typesEnd)
	if !ok || !ok2 {
		t.Fatalf("%s lacks the lines %q and %q", file, typesBegin, typesEnd)
	}
	want := typeTable(t)
	if *update {
		if err := os.WriteFile(file, []byte(head+typesBegin+want+typesEnd+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have != want {
		t.Errorf("%s has\n%s\nbut should have\n%s\nmake generate rewrites it", file, have, want)
	}
}

func typeTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| Go type | SQLite | PostgreSQL | MySQL, MariaDB |\n|---|---|---|---|\n")
	for _, c := range columns(t) {
		use := coltype.Use{Key: c.Rule == dialect.Key, Merged: c.Rule == dialect.Merge}
		name := "`" + c.Name + "`"
		if sort, where, ok := strings.Cut(c.Name, " in "); ok {
			name = "`" + sort + "` in " + where
		}
		fmt.Fprintf(&b, "| %s", strings.ReplaceAll(strings.ReplaceAll(name, "`any type with the rule merge`", "any type with the rule `merge`"), " and ", "`, `"))
		for _, d := range []dialect.Dialect{dialect.SQLite, dialect.Postgres, dialect.MySQL} {
			typ, _, _ := strings.Cut(coltype.For(d, c.GoType(), use), " CHARACTER SET")
			fmt.Fprintf(&b, " | %s", typ)
		}
		b.WriteString(" |\n")
	}
	return b.String()
}

func columns(t *testing.T) []mapping.Column {
	t.Helper()
	m, err := mapping.OfStruct(reflect.TypeFor[row](), nil)
	if err != nil {
		t.Fatal(err)
	}
	return m.Columns
}

// TestForFits checks that each type fits the type that it was chosen for.
func TestForFits(t *testing.T) {
	t.Parallel()
	for _, banner := range []string{"PostgreSQL 15.1", "5.7.29", "8.0.36", "10.11.6-MariaDB"} {
		d, err := dialect.FromVersion(banner)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range columns(t) {
			typ, _, _ := strings.Cut(coltype.For(d, c.GoType(), coltype.Use{Key: c.Rule == dialect.Key, Merged: c.Rule == dialect.Merge}), " CHARACTER SET")
			typ = strings.Replace(typ, "BOOLEAN", "tinyint(1)", 1) // as the catalog names it
			if misfit := coltype.Fit(d, c.GoType(), typ, coltype.Place{}); typ == "" || misfit != nil {
				t.Errorf("%s on %s: %q: %v", c.Name, banner, typ, misfit)
			}
		}
	}
}

// TestIsWidening checks which changes of a type PostgreSQL makes in its catalog alone.
func TestIsWidening(t *testing.T) {
	t.Parallel()
	for from, is := range map[string]bool{
		"character varying(20)": true, "character(20)": false, "text": false, "integer": false, "timestamp(0) with time zone": false,
	} {
		if got := coltype.IsWidening(from, "text"); got != is {
			t.Errorf("%s to text: %t, want %t", from, got, is)
		}
	}
	for from, is := range map[string]bool{"timestamp(0) with time zone": true, "timestamp(0) without time zone": false, "timestamp with time zone": false, "date": false} {
		if got := coltype.IsWidening(from, "timestamp with time zone"); got != is {
			t.Errorf("%s to timestamptz: %t, want %t", from, got, is)
		}
	}
}
