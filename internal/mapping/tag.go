package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/words"
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
	i := slices.Index(dialect.Rules(), word)
	return dialect.Rule(max(i, 0)), i >= 0
}

func unknownOption(word string) error {
	known := append(dialect.Rules(), modifiers[:]...)
	if near := Nearest(word, known); near != "" {
		return fmt.Errorf("option %q is not known: is %q meant?", word, near)
	}
	return fmt.Errorf("option %q is not known: there are %s", word, strings.Join(known, ", "))
}

// check returns an error if the options do not fit a column that has values of kind k.
func (o Options) check(k dialect.GoKind) error {
	switch {
	case o.Rule < 0 || int(o.Rule) >= len(dialect.Rules()):
		return fmt.Errorf("%s is no rule", o.Rule)
	case !o.Rule.Fits(k), o.Targets != "" && !dialect.Key.Fits(k):
		if k == dialect.GoList {
			return fmt.Errorf("rule %q does not fit a %s: give the type a Value method", o.ruleWord(), k)
		}
		return fmt.Errorf("rule %q does not fit a %s", o.ruleWord(), k)
	case o.Now && k&clockKinds == 0:
		return fmt.Errorf("\"now\" does not fit a %s", k)
	case o.Rule == dialect.Generated && o.Targets != "":
		return errors.New("a generated column is not written, so it cannot be part of a conflict target")
	case o.Now && !o.Rule.TakesNow():
		return fmt.Errorf("\"now\" goes with %s; with %q every repetition would change the row", clockRules(), o.Rule)
	case o.Now && o.OmitZero:
		return errors.New(`"now" and "omitzero" exclude each other`)
	case o.Now && o.Targets != "":
		return errors.New(`"now" cannot be part of a conflict target`)
	case o.OmitZero && (o.Rule.InEveryRow() || o.Targets != ""):
		return fmt.Errorf("\"omitzero\" does not go with %q: the column must be in every row", o.ruleWord())
	}
	return nil
}

// clockKinds are the kinds of values that the database's clock can be read back into.
const clockKinds = dialect.GoTime | dialect.GoText | dialect.GoBytes | dialect.GoOpaque

// clockRules lists the rules that go with "now".
func clockRules() string {
	var words []string
	for i, word := range dialect.Rules() {
		if dialect.Rule(i).TakesNow() {
			words = append(words, word)
		}
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
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

// Nearest returns the known word of which word is most likely a misspelling, or "".
func Nearest(word string, known []string) string {
	word = strings.ToLower(strings.TrimSpace(word))
	best, dist := "", 1+len(word)/5
	for _, w := range known {
		if d := words.Distance(word, w); d <= dist && (best == "" || d < dist) {
			best, dist = w, d
		}
	}
	return best
}
