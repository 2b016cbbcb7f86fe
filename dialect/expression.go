package dialect

import (
	"slices"
	"strings"
)

// grammar holds the differences between databases inside an expression about one conflicting row.
type grammar struct {
	stored   func(column string) string       // a column of the stored row
	excluded func(column string) string       // a column of the row that was to be inserted
	distinct func(a, b string, k Kind) string // a and b differ; two NULLs do not
	merge    func(target, patch string) string
	document func(x string) string        // x as the type that merge works on
	fail     func(text string) string     // an expression that fails with the text in its error
	patch    func(column string) string   // a merge patch as sent, if excluded lacks the members that the patch deletes; or nil
	operator func(a, op, b string) string // a op b, if the database needs another spelling for an operator; or nil
	now      string
	utcNow   string // the same for a column that keeps no zone, or ""
}

// clock returns the database's clock for a column. If the column keeps no zone, the clock is in UTC, whatever the session's
// zone is.
func (g *grammar) clock(c Column) string {
	if g.utcNow != "" && slices.Contains([]string{"timestamp", "date", "time"}, c.Base) {
		return g.utcNow
	}
	return g.now
}

// value returns the value that a column takes on a conflict.
func (g *grammar) value(c Column) string {
	excluded := g.excluded(c.Name)
	if c.Rule == Merge && g.patch != nil {
		excluded = g.patch(c.Name)
	}
	return c.Rule.row().value(g, g.stored(c.Name), excluded, c.Kind)
}

// insertedValue returns the value that an insert stores for a parameter. A merged column is stored as a patch of an empty
// document: otherwise the insert would store a null member, and a repetition would remove this member.
func (g *grammar) insertedValue(c Column, param string) string {
	if c.Rule == Merge {
		return g.merge("'{}'", param)
	}
	return param
}

// changes returns a condition that is true if the rules would change a column other than the touched columns and the version.
func (g *grammar) changes(cols []Column) string {
	var parts []string
	for _, c := range cols {
		if c.Rule == Touch || c.Rule == Version {
			continue
		}
		s := g.stored(c.Name)
		if c.Rule == Merge {
			parts = append(parts, g.distinct(s, g.value(c), kindMerged))
			continue
		}
		parts = append(parts, g.distinct(s, g.value(c), c.Kind))
	}
	return anyOf(parts)
}

// mostTerms is how many terms one OR joins: SQLite refuses an expression that is more than 1,000 deep, and an OR is as deep as
// it has terms (hazard S16).
const mostTerms = 500

// anyOf returns a condition that is true if one of the parts is true.
func anyOf(parts []string) string {
	if len(parts) <= mostTerms {
		return strings.Join(parts, " OR ")
	}
	var groups []string
	for some := range slices.Chunk(parts, mostTerms) {
		groups = append(groups, "("+strings.Join(some, " OR ")+")")
	}
	return strings.Join(groups, " OR ")
}

// keyBytesDiffer returns a condition that is true if a key differs from the stored key byte by byte. If keys that are equal
// cannot differ so, keyBytesDiffer returns "".
func (g *grammar) keyBytesDiffer(cols []Column, target []string) string {
	if g.fail == nil {
		return ""
	}
	var parts []string
	for _, c := range cols {
		if slices.Contains(target, c.Name) && (c.Kind == KindText || c.Kind == KindAny || c.Kind == kindImage) {
			parts = append(parts, g.distinct(g.stored(c.Name), g.excluded(c.Name), c.Kind))
		}
	}
	return strings.Join(parts, " OR ")
}

// newer returns a condition that is true if the row to insert has the greater version. A stored NULL is older than any
// version.
func (g *grammar) newer(v Column) string {
	s, e := g.stored(v.Name), g.excluded(v.Name)
	return "(" + ordinal(e, v.Kind) + " > " + ordinal(s, v.Kind) + " OR " + s + " IS NULL AND " + e + " IS NOT NULL)"
}

// ordinal returns x in the form by which the database orders its values.
func ordinal(x string, k Kind) string {
	if k == KindOrdinal {
		return x + " + 0"
	}
	return x
}

// same returns a condition that is true if the row to insert has the stored version and would change nothing.
func (g *grammar) same(v Column, cols []Column) string {
	is := "NOT (" + g.distinct(g.stored(v.Name), g.excluded(v.Name), KindPlain) + ")"
	if ch := g.changes(cols); ch != "" {
		is += " AND NOT (" + ch + ")"
	}
	return is
}

// assignedColumns returns the columns that a conflict may assign, and the version column if there is one. The target's columns
// and columns whose rule never assigns, for example Key, are not among them (hazard P11).
func assignedColumns(cols []Column, target []string) (set []Column, version *Column) {
	for i, c := range cols {
		switch {
		case c.Rule.row().value == nil || slices.Contains(target, c.Name):
		case c.Rule == Version:
			version = &cols[i]
			set = append(set, c)
		default:
			set = append(set, c)
		}
	}
	return set, version
}

// Assigns reports whether a conflict with the target can change one of the columns. For builders of dialects.
func Assigns(columns []Column, target Target) bool {
	set, _ := assignedColumns(columns, target.Columns)
	return !onlyTouches(set)
}

// onlyTouches reports whether nothing can change, because a touched column changes only with another column.
func onlyTouches(set []Column) bool {
	for _, c := range set {
		if c.Rule != Touch {
			return false
		}
	}
	return true
}

func columnNames(cols []Column) []string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = c.Name
	}
	return out
}

// writeTuples writes the rows of VALUES. field writes a column's value, given the number of its parameter, from 1. lead writes
// the beginning of a row, before its columns.
func (g *grammar) writeTuples(b *strings.Builder, cols []Column, rows int, field func(n int, c Column) string, lead func(row int) string) {
	n := 0
	for r := range rows {
		if r > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		b.WriteString(lead(r))
		for i, c := range cols {
			if i > 0 {
				b.WriteString(", ")
			}
			if c.Now {
				b.WriteString(g.clock(c))
				continue
			}
			n++
			b.WriteString(field(n, c))
		}
		b.WriteByte(')')
	}
}

// paramNumber returns the number of a column's parameter in the first row, from 1.
func paramNumber(cols []Column, name string) int {
	n := 0
	for _, c := range cols {
		if !c.Now {
			n++
		}
		if c.Name == name {
			break
		}
	}
	return n
}

func noLeadingValue(int) string { return "" }
