package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goupsert/upsert/bench/internal/memory"
	"github.com/goupsert/upsert/internal/engine"
)

func TestMain(m *testing.M) {
	if is, err := memory.Child(context.Background()); is { // as the program is
		os.Exit(code(err))
	}
	os.Exit(engine.Run(m, engine.Also(mysql57)))
}

func TestQuickRun(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	o, err := parse([]string{"-quick", "-engines", "sqlite", "-rows", "200", "-seq", "500", "-most", "10", "-out", out}, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(o)
	if err := b.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for file, words := range map[string][]string{
		"RESULTS.md": {
			"## Must be reached", "### SQLite, fresh", "### SQLite, half", "### SQLite, replay", "### SQLite, single", "30 columns", "text key", "## Outcomes",
			"## Numbers of rows", "| SQLite | go-sqlite3 | 500 |", "- **sqlite**: SQLite 3.", "## How each is used",
		},
		"plots/throughput.svg": {">SQLite<", ">replay<"},
		"plots/curve.svg":      {">SQLite, GORM (go-sqlite3)<"},
	} {
		text, err := os.ReadFile(filepath.Join(out, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range words {
			if !strings.Contains(string(text), word) {
				t.Errorf("%s does not have %q", file, word)
			}
		}
	}
	for _, s := range b.results.Batches {
		if len(s.Runs) != 1 || s.Seconds() <= 0 {
			t.Errorf("%s, %s has %d runs, want one", s.Case, s.Way, len(s.Runs))
		}
	}
}

// TestRunOnMySQL57 is one that can be skipped, and then the report must say so.
func TestRunOnMySQL57(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	args := []string{"-engines", mysql57, "-cases", "replay,single,outcomes,curve", "-rows", "40", "-rounds", "4", "-most", "10", "-out", out}
	o, err := parse(args, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	b, steps := newBench(o), 0
	b.stepped = func() { steps++ }
	if err := b.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(out, "RESULTS.md"))
	if err != nil {
		t.Fatal(err)
	}
	words := []string{
		"Only 3 rounds.", "### MySQL 5.7, replay", "| **upsert, LOAD DATA (go-sql-driver)** |", "### MySQL 5.7, single",
		"| MySQL 5.7 | **upsert, Outcomes (go-sql-driver)** |", "| MySQL 5.7 | GORM (go-sql-driver) |",
	}
	if why := b.results.Engines[0].Missing; why != "" {
		words = []string{"- **mysql57**: not run: " + why}
	} else if want := b.runs(); steps != want {
		t.Errorf("%d runs, want the %d that the bar was told of", steps, want)
	}
	for _, word := range words {
		if !strings.Contains(string(text), word) {
			t.Errorf("the report does not have %q:\n%s", word, text)
		}
	}
}

func TestRunsAreCounted(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"-quick", "-engines", "sqlite", "-rows", "20", "-seq", "10", "-out", t.TempDir()}, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	b, steps := newBench(o), 0
	b.stepped = func() { steps++ }
	if err := b.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := b.runs(); steps != want {
		t.Errorf("%d runs, want the %d that the bar was told of", steps, want)
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"-quick", "-engines", "mysql", "-cases", "outcomes", "-rows", "8", "-out", t.TempDir()}, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(o)
	if err := b.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	why := b.results.Engines[0].Missing
	if why == "" {
		t.Skip("mysql is not missing")
	}
	text, err := os.ReadFile(filepath.Join(o.out, "RESULTS.md"))
	if err != nil || !strings.Contains(string(text), "- **mysql**: not run: "+why) || !strings.Contains(why, "mysql") {
		t.Errorf("the report does not say that mysql was not run (%v):\n%s", err, text)
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args, want string
	}{
		{"", "[sqlite postgres mariadb mysql57 mysql] 40000 5 1000000 [10000 1000000] true"},
		{"-quick", "[sqlite postgres mariadb mysql57 mysql] 2000 1 1000 [2000] true"},
		{"-quick -rows 50 -rounds 3 -most 7 -seq 8,9", "[sqlite postgres mariadb mysql57 mysql] 50 3 7 [8 9] true"},
		{"-engines sqlite,postgres18 -cases half,curve", "[sqlite postgres18] 40000 5 1000000 [10000 1000000] false"},
	} {
		o, err := parse(strings.Fields(c.args), os.Stderr)
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
			continue
		}
		if got := fmt.Sprint(o.engines, o.rows, o.rounds, o.most, o.seq, o.has(single)); got != c.want {
			t.Errorf("%s: %s, want %s", c.args, got, c.want)
		}
	}
	for args, want := range map[string]string{
		"-engines oracle": `there is no "oracle", only sqlite`, "-cases all": `there is no "all", only fresh`, "-rows 1": "-rows 1",
		"-rounds 0": "-rounds 0", "-seq x": `"x" is no number of rows`, "more": `"more" is no flag`,
	} {
		var errs bytes.Buffer
		if _, err := parse(strings.Fields(args), &errs); err == nil || !strings.Contains(errs.String(), want) {
			t.Errorf("%s: error %v, told %q, want %q", args, err, errs.String(), want)
		}
	}
}
