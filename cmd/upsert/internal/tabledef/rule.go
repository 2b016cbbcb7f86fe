package tabledef

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/cmd/upsert/internal/cli"
	"github.com/goupsert/upsert/dialect"
)

// RuleNames returns the words of -rule. A key is for -key to name.
func RuleNames() []string {
	return slices.DeleteFunc(dialect.Rules(), func(word string) bool { return word == upsert.Key.String() })
}

// parseRule reads a rule, with its modifiers after a plus: touch+now.
func parseRule(s string) (rule upsert.Rule, modifiers []upsert.Modifier, err error) {
	words := strings.Split(s, "+")
	rule = upsert.Rule(slices.Index(dialect.Rules(), words[0]))
	switch {
	case rule == upsert.Key:
		return 0, nil, errors.New("say it with -key")
	case rule < 0:
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
