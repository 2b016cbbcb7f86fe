package sqlname_test

import (
	"strings"
	"testing"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/sqlname"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]dialect.Table{
		"t":             {Name: "t"},
		"s.t":           {Schema: "s", Name: "t"},
		`"s.x".t`:       {Schema: "s.x", Name: "t"},
		`s."t.u"`:       {Schema: "s", Name: "t.u"},
		`"a""b"."c"`:    {Schema: `a"b`, Name: "c"},
		`"""".""""`:     {Schema: `"`, Name: `"`},
		`a b.c"d`:       {Schema: "a b", Name: `c"d`},
		"größe.schlüss": {Schema: "größe", Name: "schlüss"},
	} {
		if got, err := sqlname.Parse(dialect.Postgres, name); err != nil || got != want {
			t.Errorf("%s is %+v, %v, want %+v", name, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, why := range map[string]string{
		"":                                 "empty",
		".t":                               "empty",
		"s.":                               "empty",
		`"s".`:                             "empty",
		`""`:                               "empty",
		"a.b.c":                            "double quotes",
		`"a`:                               "not closed",
		`"a""`:                             "not closed",
		`"a"b`:                             "something else than a dot",
		"a\x00b":                           "NUL",
		"s." + strings.Repeat("x", 64):     "63",
		strings.Repeat("x", 64) + ".table": "63",
	} {
		got, err := sqlname.Parse(dialect.Postgres, name)
		if err == nil || !strings.Contains(err.Error(), why) || strings.HasPrefix(err.Error(), "upsert: ") {
			t.Errorf("%q is %+v, %v, want an error that says %q", name, got, err, why)
		}
	}
}
