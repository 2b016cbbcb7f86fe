package tabledef

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/cmd/upsert/internal/cli"
)

var rules = []struct {
	word string
	rule upsert.Rule
}{
	{"replace", upsert.Replace}, {"keep", upsert.Keep}, {"fill", upsert.Fill}, {"coalesce", upsert.Coalesce}, {"max", upsert.Max},
	{"min", upsert.Min}, {"or", upsert.Or}, {"and", upsert.And}, {"merge", upsert.Merge}, {"version", upsert.Version},
	{"touch", upsert.Touch}, {"add", upsert.Add}, {"generated", upsert.Generated},
}

// RuleNames returns the words of -rule.
func RuleNames() []string {
	var names []string
	for _, r := range rules {
		names = append(names, r.word)
	}
	return names
}

// parseRule reads a rule, with its modifiers after a plus: touch+now.
func parseRule(s string) (rule upsert.Rule, modifiers []upsert.Modifier, err error) {
	words := strings.Split(s, "+")
	found := false
	for _, r := range rules {
		if r.word == words[0] {
			rule, found = r.rule, true
		}
	}
	switch {
	case words[0] == "key":
		return 0, nil, errors.New("say it with -key")
	case !found:
		return 0, nil, fmt.Errorf("there is no such rule: %s", cli.Suggest(words[0], RuleNames()))
	}
	for _, word := range words[1:] {
		switch word {
		case "now":
			modifiers = append(modifiers, upsert.Now())
		case "omitzero":
			modifiers = append(modifiers, upsert.OmitZero())
		default:
			return 0, nil, fmt.Errorf("after the plus there is %q: give now or omitzero", word)
		}
	}
	return rule, modifiers, nil
}
