package dialect

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// checkIdent refuses a name that no database keeps unchanged. length is 0 if there is no limit.
func checkIdent(dialect, name string, length int, measure func(string) int) error {
	switch {
	case name == "":
		return fmt.Errorf("upsert: an identifier is empty")
	case strings.IndexByte(name, 0) >= 0:
		return fmt.Errorf("upsert: identifier %q has a NUL byte", name)
	case !utf8.ValidString(name):
		return fmt.Errorf("upsert: identifier %q is not valid UTF-8", name)
	case length > 0 && measure(name) > length:
		return fmt.Errorf("upsert: identifier %q is longer than the %d that %s keeps", name, length, dialect)
	}
	return nil
}

func byteLen(s string) int { return len(s) }

// quoteWith puts quotes around the name and doubles the quotes inside.
func quoteWith(q, name string) string {
	return q + strings.ReplaceAll(name, q, q+q) + q
}

func quoteTable(d Dialect, t Table) string {
	if t.Schema == "" {
		return d.Quote(t.Name)
	}
	return d.Quote(t.Schema) + "." + d.Quote(t.Name)
}

// distinctAlias returns an alias that differs from the table's name, however the database folds case.
func distinctAlias(alias, table string) string {
	if strings.EqualFold(alias, table) {
		return alias + "_row"
	}
	return alias
}

func quoteList(d Dialect, names []string) string {
	var b strings.Builder
	for i, n := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(d.Quote(n))
	}
	return b.String()
}
