package main

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/goupsert/upsert/bench/internal/place"
	"github.com/goupsert/upsert/internal/engine"
)

// options are what the command line says.
type options struct {
	engines []string
	cases   []string
	rows    int
	rounds  int
	most    int   // of the curve
	seq     []int // numbers of rows whose memory is measured
	quick   bool
	out     string
}

// These are measured beside the cases of a batch.
const (
	single  = "single"
	breadth = "breadth"
	told    = "outcomes"
	curve   = "curve"
	inSeq   = "memory"
)

func allCases() []string {
	var all []string
	for _, c := range place.Cases() {
		all = append(all, string(c))
	}
	return append(all, single, breadth, told, curve, inSeq)
}

func allEngines() []string {
	var all []string
	for _, e := range engine.All() {
		all = append(all, e.Name())
	}
	return all
}

// parse reads the command line and writes what is wrong with it to errs.
func parse(args []string, errs io.Writer) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(errs)
	engines := f.String("engines", "sqlite,postgres,mariadb,mysql57,mysql",
		"engines, with commas between: "+strings.Join(allEngines(), ", ")+"; where there is no postgres, postgres18 takes its place; "+
			"mysql is started if UPSERT_REQUIRE names it")
	cases := f.String("cases", strings.Join(allCases(), ","),
		"what is measured: batches (fresh, half, replay), single rows, rows of other shapes (breadth), Outcomes (outcomes), numbers of rows (curve), PutSeq (memory)")
	seq := f.String("seq", "10000,1000000", "numbers of rows whose memory is measured; 10000000 takes some minutes more")
	f.IntVar(&o.rows, "rows", 40_000, "rows of a batch")
	f.IntVar(&o.rounds, "rounds", 5, "rounds, after one that is not counted")
	f.IntVar(&o.most, "most", 1_000_000, "the greatest number of rows of the curve")
	f.StringVar(&o.out, "out", ".", "folder for RESULTS.md and plots/")
	f.BoolVar(&o.quick, "quick", false, "2,000 rows, one round, nothing large: shows that it runs, and measures little")
	f.Usage = func() {
		fmt.Fprintln(errs, "bench measures the library against others and writes RESULTS.md and plots/.")
		f.PrintDefaults()
	}
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	given := map[string]bool{}
	f.Visit(func(g *flag.Flag) { given[g.Name] = true })
	if o.quick {
		o.hurry(given, seq)
	}
	err := func() (err error) {
		if o.engines, err = list("engines", *engines, allEngines()); err != nil {
			return err
		}
		if o.cases, err = list("cases", *cases, allCases()); err != nil {
			return err
		}
		if o.seq, err = numbers(*seq); err != nil {
			return err
		}
		return o.check(f.Args())
	}()
	if err != nil {
		fmt.Fprintln(errs, "bench:", err)
	}
	return o, err
}

// hurry makes small what was not given.
func (o *options) hurry(given map[string]bool, seq *string) {
	for _, small := range []struct {
		name string
		to   func()
	}{
		{"rows", func() { o.rows = 2000 }}, {"rounds", func() { o.rounds = 1 }}, {"most", func() { o.most = 1000 }},
		{"seq", func() { *seq = "2000" }},
	} {
		if !given[small.name] {
			small.to()
		}
	}
}

func (o *options) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("%q is no flag", rest[0])
	case o.rows < 2:
		return fmt.Errorf("-rows %d: a batch has two rows or more", o.rows)
	case o.rounds < 1 || o.most < 1:
		return fmt.Errorf("-rounds %d -most %d: both are 1 or more", o.rounds, o.most)
	}
	return nil
}

func (o *options) has(benchCase string) bool { return slices.Contains(o.cases, benchCase) }

// batchCases are the cases of a batch that are asked for.
func (o *options) batchCases() []place.Case {
	var some []place.Case
	for _, c := range place.Cases() {
		if o.has(string(c)) {
			some = append(some, c)
		}
	}
	return some
}

func list(name, text string, known []string) ([]string, error) {
	var all []string
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); !slices.Contains(known, word) {
			return nil, fmt.Errorf("-%s: there is no %q, only %s", name, word, strings.Join(known, ", "))
		}
		all = append(all, word)
	}
	return all, nil
}

func numbers(text string) ([]int, error) {
	var all []int
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-seq: %q is no number of rows", word)
		}
		all = append(all, n)
	}
	return all, nil
}
