package syntaxtest

import "strings"

// clauses begin a line in a golden file, where they stand outside of parentheses.
var clauses = []string{"VALUES ", "AS `_new", "ON CONFLICT ", "ON DUPLICATE KEY ", "DO ", "WHERE ", "RETURNING ", "FROM ", "OR "}

// Layout breaks a statement into lines, so that a change of one column is one line of a diff. Only spaces outside of
// parentheses and quotes are replaced: Unlay gives the statement back.
func Layout(query string) string {
	var b strings.Builder
	depth, quote := 0, byte(0)
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
			depth++
		case c == ')':
			depth--
		case c != ' ' || depth > 0:
		case query[i-1] == ',':
			b.WriteString("\n    ")
			continue
		case beginsClause(query[i+1:]) && !strings.HasSuffix(query[:i], "IS DISTINCT"):
			b.WriteString("\n  ")
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

func beginsClause(rest string) bool {
	for _, c := range clauses {
		if strings.HasPrefix(rest, c) {
			return true
		}
	}
	return false
}

// Unlay undoes Layout.
func Unlay(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimLeft(lines[i], " ")
	}
	return strings.Join(lines, " ")
}
