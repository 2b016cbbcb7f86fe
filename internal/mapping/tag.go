package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goupsert/upsert/dialect"
)

// Options are the parsed form of a field's upsert tag. Two tags with the same meaning have equal Options.
type Options struct {
	Rule     dialect.Rule
	Targets  string // the named targets, each followed by a comma
	Now      bool
	OmitZero bool
}

// modifiers are the words of a tag that are not rules. "key=" takes a name.
var modifiers = [...]string{"omitzero", "now", "key="}

// ParseTag parses the text of an upsert tag: a rule and modifiers, separated by commas, each at most once.
func ParseTag(tag string) (Options, error) {
	var o Options
	if tag == "" {
		return o, nil
	}
	seen, rule := map[string]bool{}, ""
	for word := range strings.SplitSeq(tag, ",") {
		if seen[word] {
			return o, fmt.Errorf("option %q is there twice", word)
		}
		seen[word] = true
		if r, ok := ruleOf(word); ok {
			if rule != "" {
				return o, fmt.Errorf("options %q and %q are both rules: a column has one", rule, word)
			}
			o.Rule, rule = r, word
			continue
		}
		if err := o.modify(word); err != nil {
			return o, err
		}
	}
	return o, nil
}

func (o *Options) modify(word string) error {
	switch name, isKey := strings.CutPrefix(word, "key="); {
	case isKey && name == "":
		return errors.New(`option "key=" lacks the target's name`)
	case isKey:
		o.AddTarget(name)
	case word == "omitzero":
		o.OmitZero = true
	case word == "now":
		o.Now = true
	default:
		return unknownOption(word)
	}
	return nil
}

// AddTarget adds the column to a named target. The names are sorted, so that their order in a tag means nothing.
func (o *Options) AddTarget(name string) {
	names := append(o.targets(), name)
	slices.Sort(names)
	o.Targets = strings.Join(names, ",") + ","
}

func (o Options) targets() []string {
	if o.Targets == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(o.Targets, ","), ",")
}

func ruleOf(word string) (dialect.Rule, bool) {
	for i, name := range dialect.Rules() {
		if name == word {
			return dialect.Rule(i), true
		}
	}
	return 0, false
}

func unknownOption(word string) error {
	known := append(dialect.Rules(), modifiers[:]...)
	if near := Nearest(word, known); near != "" {
		return fmt.Errorf("option %q is not known: is %q meant?", word, near)
	}
	return fmt.Errorf("option %q is not known: there are %s", word, strings.Join(known, ", "))
}

// check returns an error if the options do not fit a column of that goKind.
func (o Options) check(s goKind) error {
	switch {
	case o.Rule < 0 || int(o.Rule) >= len(dialect.Rules()):
		return fmt.Errorf("%s is no rule", o.Rule)
	case !s.fits(o.Rule), o.Targets != "" && !s.fits(dialect.Key):
		if s == kindList {
			return fmt.Errorf("rule %q does not fit a %s: give the type a Value method", o.ruleWord(), s)
		}
		return fmt.Errorf("rule %q does not fit a %s", o.ruleWord(), s)
	case o.Now && s != kindTime && s != kindText && s != kindBytes && s != kindOpaque:
		return fmt.Errorf("\"now\" does not fit a %s", s)
	case o.Rule == dialect.Generated && o.Targets != "":
		return errors.New("a generated column is not written, so it cannot be part of a conflict target")
	case o.Now && o.Rule != dialect.Keep && o.Rule != dialect.Fill && o.Rule != dialect.Touch:
		return fmt.Errorf("\"now\" goes with keep, fill or touch; with %q every repetition would change the row", o.Rule)
	case o.Now && o.OmitZero:
		return errors.New(`"now" and "omitzero" exclude each other`)
	case o.Now && o.Targets != "":
		return errors.New(`"now" cannot be part of a conflict target`)
	case o.OmitZero && (o.Rule == dialect.Key || o.Targets != "" || o.Rule == dialect.Version || o.Rule == dialect.Generated):
		return fmt.Errorf("\"omitzero\" does not go with %q: the column must be in every row", o.ruleWord())
	}
	return nil
}

func (o Options) ruleWord() string {
	if o.Targets != "" {
		return "key=" + o.targets()[0]
	}
	return o.Rule.String()
}

func (o Options) column(name, field string) Column {
	c := Column{Name: name, Field: field, Rule: o.Rule, Now: o.Now, OmitZero: o.OmitZero}
	if o.Rule == dialect.Key {
		c.Targets = append(c.Targets, "")
	}
	c.Targets = append(c.Targets, o.targets()...)
	return c
}

// Nearest returns the word of which word is most likely a misspelling, or "".
func Nearest(word string, words []string) string {
	word = strings.ToLower(strings.TrimSpace(word))
	best, dist := "", 1+len(word)/5
	for _, w := range words {
		if d := editDistance(word, w); d <= dist && (best == "" || d < dist) {
			best, dist = w, d
		}
	}
	return best
}

// editDistance counts the insertions, deletions, replacements and swaps of neighbouring bytes from a to b (optimal string
// alignment).
func editDistance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := last[j]
			if a[i] != b[j] {
				cost++
			}
			row[j+1] = min(cost, row[j]+1, last[j+1]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
