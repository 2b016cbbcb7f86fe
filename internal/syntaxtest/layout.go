package syntaxtest

import (
	"slices"
	"strings"
)

// clauses begin a line in a golden file if they stand outside of parentheses, or in the parentheses of inner.
var clauses = []string{"VALUES ", "AS `_new", "ON CONFLICT ", "ON DUPLICATE KEY ", "DO ", "WHERE ", "RETURNING ", "FROM ", "OR ", `ORDER BY "_e`, "INTO TABLE ", "CHARACTER SET "}

// inner open a statement that is broken into lines though it stands in parentheses.
var inner = []string{"(INSERT ", "(SELECT FROM ", `(SELECT "_e`}

// Layout breaks a statement into lines, so that a change of one column is one line of a diff. Only spaces outside of
// parentheses and quotes are replaced: Unlay gives the statement back. One that has lines of its own is left as it is.
func Layout(query string) string {
	if strings.Contains(query, "\n") {
		return query
	}
	var b strings.Builder
	depth, quote := 0, byte(0)
	var opened []int // by parenthesis, what it adds to the depth
	for i := range len(query) {
		c := query[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0 // a doubled quote opens it again at once
			}
		case c == '"' || c == '`' || c == '\'':
			quote = c
		case c == '(':
			opened = append(opened, 1)
			if beginsWith(inner, query[i:]) {
				opened[len(opened)-1] = 0
			}
			depth += opened[len(opened)-1]
		case c == ')':
			depth -= opened[len(opened)-1]
			opened = opened[:len(opened)-1]
		case c != ' ' || depth > 0:
		case query[i-1] == ',':
			b.WriteString("\n    ")
			continue
		case beginsWith(clauses, query[i+1:]) && !strings.HasSuffix(query[:i], "IS DISTINCT"):
			b.WriteString("\n  ")
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

func beginsWith(words []string, text string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(text, w) })
}

// Unlay undoes Layout.
func Unlay(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimLeft(lines[i], " ")
	}
	return strings.Join(lines, " ")
}
