package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestList_SurvivesItsClient(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "list")
	l, err := openList(path)
	if err != nil {
		t.Fatal(err)
	}
	var meant []intent
	for n := range int64(3) {
		i, err := l.mean(order{"ann", n + 1})
		if err != nil {
			t.Fatal(err)
		}
		meant = append(meant, i)
	}
	if err := l.settle(meant[1], 201); err != nil {
		t.Fatal(err)
	}
	meant[1].Outcome = 201
	for range 2 {
		if l, err = l.reopen(); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(l.all(), meant) || !slices.Equal(l.open(), []intent{meant[0], meant[2]}) {
			t.Errorf("the list has %+v, open %+v; want %+v with two open", l.all(), l.open(), meant)
		}
	}
	l.close()
	if meant[0].Key == meant[2].Key {
		t.Error("two intents have one key")
	}
}

func TestList_RefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(path, []byte("{\"key\":\"a\"}\nnonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openList(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v; want one that names the file", err)
	}
}
