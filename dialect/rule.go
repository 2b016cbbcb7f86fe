package dialect

import "fmt"

// Rule says which value a column takes if the row is already stored.
type Rule int

// Replace and the other rules, which package upsert explains.
const (
	Replace   Rule = iota // the new value
	Key                   // part of the conflict target; never assigned
	Keep                  // the stored value: written by an insert only
	Fill                  // the new value only if the stored value is NULL
	Coalesce              // the new value unless the new value is NULL
	Max                   // the greater value, as the column's type and collation order values
	Min                   // the lesser value
	Or                    // a flag that only turns on
	And                   // a flag that only turns off
	Merge                 // JSON Merge Patch (RFC 7396) of the new value onto the stored value
	Version               // the row's version: a row that is not newer changes nothing
	Touch                 // the new value, but only if another column changed
	Add                   // stored + new; not repeat-safe
	Generated             // never written, read back
)

// A rule is one row of the table rules. The parser of tags, the check of a field's type, the statements and upsert.Guarantee
// read the row. Key, Merge, Version, Touch and Generated have code of their own beside their rows, because what these rules do
// is not a function of the stored value and the new value alone.
type rule struct {
	word string
	fits GoKind // the values that a column of the rule can have
	// value returns the value that the column takes; nil if the rule never assigns the column.
	value func(g *grammar, stored, excluded string, k Kind) string
	// computes: value returns the result of an operator, whose type is the base type if the column's type is a domain.
	computes   bool
	ranks      bool // the rule asks which of two values is the greater
	repeatSafe bool
	orderFree  orderFree
	takesNow   bool // the database's clock can give the value, because a repetition does not change the row
	inEveryRow bool // the column cannot have omitzero
}

// orderFree says when the order in which rows arrive makes no difference to a column.
type orderFree int

const (
	never orderFree = iota
	withVersion
	withoutVersion
	always
)

var rules = [...]rule{
	Replace:   {word: "replace", fits: anyGoKind, value: newValue, repeatSafe: true, orderFree: withVersion},
	Key:       {word: "key", fits: anyGoKind &^ (GoJSON | GoList), repeatSafe: true, orderFree: always, inEveryRow: true},
	Keep:      {word: "keep", fits: anyGoKind, repeatSafe: true, takesNow: true},
	Fill:      {word: "fill", fits: anyGoKind, value: firstNotNull, repeatSafe: true, takesNow: true},
	Coalesce:  {word: "coalesce", fits: anyGoKind, value: newUnlessNull, repeatSafe: true},
	Max:       {word: "max", fits: orderedGoKinds, ranks: true, value: inOrder(" > "), repeatSafe: true, orderFree: withoutVersion},
	Min:       {word: "min", fits: orderedGoKinds, ranks: true, value: inOrder(" < "), repeatSafe: true, orderFree: withoutVersion},
	Or:        {word: "or", fits: GoBool, value: byOperator(" OR "), computes: true, repeatSafe: true, orderFree: withoutVersion},
	And:       {word: "and", fits: GoBool, value: byOperator(" AND "), computes: true, repeatSafe: true, orderFree: withoutVersion},
	Merge:     {word: "merge", fits: GoText | GoBytes | GoJSON, value: merged, repeatSafe: true},
	Version:   {word: "version", fits: orderedGoKinds, ranks: true, value: newValue, repeatSafe: true, orderFree: always, inEveryRow: true},
	Touch:     {word: "touch", fits: anyGoKind, value: newValue, repeatSafe: true, orderFree: always, takesNow: true},
	Add:       {word: "add", fits: GoNumber, value: byOperator(" + "), computes: true, orderFree: withoutVersion},
	Generated: {word: "generated", fits: anyGoKind, repeatSafe: true, orderFree: always, inEveryRow: true},
}

// orderedGoKinds are the kinds of values that have an order of their own on every database.
const orderedGoKinds = GoNumber | GoText | GoBytes | GoTime

func newValue(_ *grammar, _, excluded string, _ Kind) string { return excluded }

func firstNotNull(_ *grammar, stored, excluded string, _ Kind) string {
	return "COALESCE(" + stored + ", " + excluded + ")"
}

func newUnlessNull(_ *grammar, stored, excluded string, _ Kind) string {
	return "COALESCE(" + excluded + ", " + stored + ")"
}

// inOrder returns a rule's value: the new value if the operator op is true for the new and the stored value, or the other
// value.
func inOrder(op string) func(g *grammar, stored, excluded string, k Kind) string {
	return func(_ *grammar, stored, excluded string, k Kind) string {
		return "CASE WHEN " + stored + " IS NULL OR " + ordinal(excluded, k) + op + ordinal(stored, k) + " THEN " + excluded + " ELSE " + stored + " END"
	}
}

// byOperator returns a rule's value: the operator's result. COALESCE makes NULL lose: the result is NULL only if one of the
// values is NULL, or if neither decides.
func byOperator(op string) func(g *grammar, stored, excluded string, k Kind) string {
	return func(g *grammar, stored, excluded string, _ Kind) string {
		result := stored + op + excluded
		if g.operator != nil {
			result = g.operator(stored, op, excluded)
		}
		return "COALESCE(" + result + ", " + stored + ", " + excluded + ")"
	}
}

func merged(g *grammar, stored, excluded string, _ Kind) string {
	stored, excluded = g.document(stored), g.document(excluded)
	return "COALESCE(" + g.merge("COALESCE("+stored+", '{}')", excluded) + ", " + stored + ")"
}

// row returns the rule's row in the table. A number that is no rule acts like Replace.
func (r Rule) row() *rule {
	if !r.exists() {
		r = Replace
	}
	return &rules[r]
}

func (r Rule) exists() bool { return r >= 0 && int(r) < len(rules) }

// String returns the rule's word in a struct tag.
func (r Rule) String() string {
	if !r.exists() {
		return fmt.Sprintf("Rule(%d)", int(r))
	}
	return rules[r].word
}

// Fits reports whether a column of the rule can have values of kind k. A value of unknown kind fits every rule, because only
// the driver knows what the value is.
func (r Rule) Fits(k GoKind) bool { return k == GoOpaque || r.row().fits&k == k }

// RepeatSafe reports whether applying a row again leaves the column as applying the row once.
func (r Rule) RepeatSafe() bool { return r.row().repeatSafe }

// OrderFree reports whether any order in which rows arrive leaves the column the same. versioned says whether the table has a
// column of rule Version.
func (r Rule) OrderFree(versioned bool) bool {
	switch r.row().orderFree {
	case always:
		return true
	case withVersion:
		return versioned
	case withoutVersion:
		return !versioned
	}
	return false
}

// Ranks reports whether the rule asks which of two values is the greater. A column's type can have an order of its own (hazard
// H27).
func (r Rule) Ranks() bool { return r.row().ranks }

// TakesNow reports whether the database's clock can give the value of a column of the rule.
func (r Rule) TakesNow() bool { return r.row().takesNow }

// InEveryRow reports whether no row can leave out a column of the rule.
func (r Rule) InEveryRow() bool { return r.row().inEveryRow }

// Rules returns the words of all rules, in the order of their constants: Rules()[r] is r.String(). For builders of dialects.
func Rules() []string {
	words := make([]string, 0, len(rules))
	for _, r := range rules {
		words = append(words, r.word)
	}
	return words
}
