package mapping_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/mapping"
)

// FuzzParseTag: no tag panics, and what is accepted means the same in any order.
func FuzzParseTag(f *testing.F) {
	for _, seed := range []string{
		"", "key", "key=a", "key=a,key=b", "key,key=a,key=b,key=c", "touch,now", "keep,omitzero,key=x", "kep", ",", "key=", "keep,,fill",
		"key==", "key=\x00", "key=é,now", "\xff", strings.Repeat("omitzero,", 20), "omitzero,key=b,coalesce,key=a",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, tag string) {
		o, err := mapping.ParseTag(tag)
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Errorf("ParseTag(%q): an error without a word", tag)
			}
			return
		}
		words := strings.Split(tag, ",")
		slices.Reverse(words)
		reordered(t, o, words)
		slices.Sort(words)
		reordered(t, o, words)
	})
}

func reordered(t *testing.T, want mapping.Options, words []string) {
	t.Helper()
	tag := strings.Join(words, ",")
	if got, err := mapping.ParseTag(tag); err != nil || got != want {
		t.Errorf("ParseTag(%q) = %+v, %v, want what it is in another order, %+v", tag, got, err, want)
	}
}

// FuzzNearest: a word that is there is its own nearest, and what is returned is one of the words.
func FuzzNearest(f *testing.F) {
	f.Add("email", "id,name,email")
	f.Add("", "a")
	f.Add("É", "é,e")
	f.Fuzz(func(t *testing.T, word, list string) {
		words := strings.Split(list, ",")
		got := mapping.Nearest(word, words)
		if got != "" && !slices.Contains(words, got) {
			t.Errorf("Nearest(%q, %q) = %q, which is none of them", word, words, got)
		}
		plain := strings.ToLower(strings.TrimSpace(word))
		if plain == word && slices.Contains(words, word) && got != word {
			t.Errorf("Nearest(%q, %q) = %q, want the word itself", word, words, got)
		}
	})
}
