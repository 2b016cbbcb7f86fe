package mapping_test

import (
	"strings"
	"testing"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/mapping"
)

func TestParseTagReadsEveryRule(t *testing.T) {
	t.Parallel()
	for i, word := range dialect.Rules() {
		o, err := mapping.ParseTag(word)
		if want := (mapping.Options{Rule: dialect.Rule(i)}); err != nil || o != want {
			t.Errorf("ParseTag(%q) = %+v, %v, want %+v", word, o, err, want)
		}
	}
}

func TestParseTag(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]mapping.Options{
		"":                        {},
		"omitzero":                {OmitZero: true},
		"touch,now":               {Rule: dialect.Touch, Now: true},
		"now,touch":               {Rule: dialect.Touch, Now: true},
		"key=order":               {Targets: "order,"},
		"keep,key=order":          {Rule: dialect.Keep, Targets: "order,"},
		"key,key=a,key=b":         {Rule: dialect.Key, Targets: "a,b,"},
		"coalesce,omitzero":       {Rule: dialect.Coalesce, OmitZero: true},
		"key=name with a = in it": {Targets: "name with a = in it,"},
	} {
		if o, err := mapping.ParseTag(tag); err != nil || o != want {
			t.Errorf("ParseTag(%q) = %+v, %v, want %+v", tag, o, err, want)
		}
	}
}

func TestParseTagTakesTheOrderOfOptionsForNothing(t *testing.T) {
	t.Parallel()
	a, errA := mapping.ParseTag("key=a,key=b,keep")
	b, errB := mapping.ParseTag("keep,key=b,key=a")
	if errA != nil || errB != nil || a != b {
		t.Errorf("key=a,key=b gives %+v, %v and key=b,key=a %+v, %v: they mean the same and should be equal", a, errA, b, errB)
	}
}

func TestParseTagRefuses(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]string{
		"keeep":           `option "keeep" is not known: is "keep" meant?`,
		"coalece":         `option "coalece" is not known: is "coalesce" meant?`,
		"versionn":        `option "versionn" is not known: is "version" meant?`,
		"Key":             `option "Key" is not known: is "key" meant?`,
		" key":            `option " key" is not known: is "key" meant?`,
		"maximum":         `option "maximum" is not known`,
		"omit_zero":       `option "omit_zero" is not known: is "omitzero" meant?`,
		"omitempty":       `option "omitempty" is not known`,
		"generate":        `option "generate" is not known: is "generated" meant?`,
		"primarykey":      `option "primarykey" is not known: there are replace, key, keep`,
		"key,":            `option "" is not known`,
		",":               `option "" is not known`,
		"keep,keep":       `option "keep" is there twice`,
		"now,touch,now":   `option "now" is there twice`,
		"key=a,key=a":     `option "key=a" is there twice`,
		"keep,fill":       `options "keep" and "fill" are both rules: a column has one`,
		"replace,version": `options "replace" and "version" are both rules: a column has one`,
		"key=":            `option "key=" lacks the target's name`,
		"keep,key=":       `option "key=" lacks the target's name`,
	} {
		_, err := mapping.ParseTag(tag)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseTag(%q): %v, want it to say %s", tag, err, want)
		}
	}
}

func TestParseTagNamesAllOptionsIfNoneIsNear(t *testing.T) {
	t.Parallel()
	_, err := mapping.ParseTag("xyzzyxyzzy")
	if err == nil {
		t.Fatal("no error")
	}
	for _, word := range append(dialect.Rules(), "omitzero", "now", "key=") {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%v: it does not name %q", err, word)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ word, want string }{
		{"emial", "email"}, {"e-mail", "email"}, {"EMAIL", "email"}, {"", ""}, {"zzzzzz", ""}, {"nam", "name"},
	} {
		if got := mapping.Nearest(c.word, []string{"id", "name", "email"}); got != c.want {
			t.Errorf("Nearest(%q) = %q, want %q", c.word, got, c.want)
		}
	}
}
