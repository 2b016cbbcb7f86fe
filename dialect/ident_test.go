package dialect_test

import (
	"strings"
	"testing"

	"github.com/goupsert/upsert/dialect"
)

// all are the dialects that New takes without asking a server.
func all() []dialect.Dialect {
	return []dialect.Dialect{dialect.SQLite, dialect.Postgres, dialect.MySQL, dialect.MariaDB}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, double, back string }{
		{"a", `"a"`, "`a`"}, {`a"b`, `"a""b"`, "`a\"b`"}, {"a`b", "\"a`b\"", "`a``b`"}, {"", `""`, "``"}, {"a.b", `"a.b"`, "`a.b`"}, {`\`, `"\"`, "`\\`"},
	} {
		for _, d := range all() {
			want := c.double
			if d.Name() == "mysql" || d.Name() == "mariadb" {
				want = c.back
			}
			if got := d.Quote(c.name); got != want {
				t.Errorf("%s quotes %q as %s, want %s", d.Name(), c.name, got, want)
			}
		}
	}
}

func TestQuoteTable(t *testing.T) {
	t.Parallel()
	if got := dialect.Postgres.QuoteTable(dialect.Table{Name: "t"}); got != `"t"` {
		t.Errorf("a table alone is %s", got)
	}
	if got := dialect.Postgres.QuoteTable(dialect.Table{Schema: "a.b", Name: `c"d`}); got != `"a.b"."c""d"` {
		t.Errorf("a table with its schema is %s", got)
	}
	if got := dialect.MariaDB.QuoteTable(dialect.Table{Schema: "a", Name: "b"}); got != "`a`.`b`" {
		t.Errorf("a table with its schema is %s", got)
	}
}

func TestCheckIdent(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 64)
	for _, c := range []struct {
		name string
		// bad lists the dialects that refuse the name; says is part of their error.
		bad, says string
	}{
		{"a", "", ""}, {"select", "", ""}, {`a"b`, "", ""}, {" a", "", ""},
		{"", "sqlite postgres mysql mariadb", "an identifier is empty"},
		{"a\x00b", "sqlite postgres mysql mariadb", "has a NUL byte"},
		{"a\xff", "sqlite postgres mysql mariadb", "is not valid UTF-8"},
		{long[:63], "", ""},
		{long, "postgres", "is longer than the 63 that postgres keeps"},
		{long + "x", "postgres mysql mariadb", "is longer than the 6"},
		{strings.Repeat("é", 31), "", ""},
		{strings.Repeat("é", 32), "postgres", "is longer than the 63 that postgres keeps"},
		{strings.Repeat("é", 65), "postgres mysql mariadb", "is longer than the 6"},
		{strings.Repeat("y", 100_000), "postgres mysql mariadb", "is longer than the 6"},
		// MySQL's manual, "Schema Object Names": no trailing space, and the BMP only.
		{"a ", "mysql mariadb", `"a "`},
		{"a\n", "mysql mariadb", `"a\n"`},
		{"😀", "mysql mariadb", `"😀"`},
	} {
		for _, d := range all() {
			err, bad := d.CheckIdent(c.name), strings.Contains(" "+c.bad+" ", " "+d.Name()+" ")
			switch {
			case bad != (err != nil):
				t.Errorf("%s on %.70q: %v, want it refused: %v", d.Name(), c.name, err, bad)
			case bad && (!strings.HasPrefix(err.Error(), "upsert: ") || !strings.Contains(err.Error(), c.says)):
				t.Errorf("%s on %.70q: %v, want it to have %q", d.Name(), c.name, err, c.says)
			}
		}
	}
}

// FuzzQuote: without its quotes an identifier is the name again, and only the last quote ends the identifier.
func FuzzQuote(f *testing.F) {
	for _, seed := range []string{"a", "", `"`, "`", `""`, "``", "a\"b`c", `\"`, "\x00", "\xff", "'", "ü", "--", "\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		for _, d := range all() {
			quoted := d.Quote(name)
			got, rest := unquote(quoted)
			if got != name || rest != "" {
				t.Errorf("%s quotes %q as %s, which reads as %q and then %q", d.Name(), name, quoted, got, rest)
			}
			whole := d.QuoteTable(dialect.Table{Schema: name, Name: "t"})
			if name == "" {
				continue
			}
			if schema, rest := unquote(whole); schema != name || len(rest) != 4 || rest[0] != '.' {
				t.Errorf("%s writes the table t of schema %q as %s", d.Name(), name, whole)
			}
		}
	})
}

// unquote reads one quoted identifier as a database does: up to the first quote that is not doubled.
func unquote(text string) (name, rest string) {
	if text == "" {
		return "", ""
	}
	var b strings.Builder
	q := text[0]
	for i := 1; i < len(text); i++ {
		if text[i] == q {
			if i+1 == len(text) || text[i+1] != q {
				return b.String(), text[i+1:]
			}
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String(), "the quote is not closed"
}
