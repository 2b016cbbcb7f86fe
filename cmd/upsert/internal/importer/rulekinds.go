package importer

import "strings"

// checkKinds refuses a rule that its column's type makes no sense of. Some databases would say so in words about SQL, and
// the others would write what nobody meant.
func checkKinds(given []assignment, cols []column) error {
	for _, g := range given {
		for _, c := range cols {
			if c.name != g.Column {
				continue
			}
			if problem := kindProblem(g, c.kind); problem != "" {
				return usagef("-rule %s=%s: column %q is of type %s, and %s %s", g.Column, g.Word, c.name, c.typeName(), g.Word, problem)
			}
		}
	}
	return nil
}

// kindProblem is what a rule asks of its column's kind, or empty if the column has that kind.
func kindProblem(r assignment, k kind) string {
	switch r.Word {
	case "or", "and":
		if k != kindBoolean && k != kindFlag {
			return "needs boolean (say -type " + r.Column + "=boolean if that is what it holds)"
		}
	case "merge":
		if k != kindJSON && k != kindText {
			return "needs json or text (say -type " + r.Column + "=json if that is what it holds)"
		}
	case "max", "min", "version":
		if k == kindBoolean || k == kindJSON {
			return "needs what has an order: numbers, text or times"
		}
	}
	return ""
}

// typeName is the column's type for an error message.
func (c *column) typeName() string {
	if c.kind != kindAny {
		return c.kind.String()
	}
	if c.stored.declared == "" {
		return "any" // SQLite's columns need not have one
	}
	return strings.ToLower(c.stored.declared)
}
