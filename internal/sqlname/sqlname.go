// Package sqlname reads a table's name as the options of this module take it.
package sqlname

import (
	"errors"
	"strings"

	"github.com/goupsert/upsert/dialect"
)

// Parse splits schema.table and checks each part against the database. A part in double quotes is taken as it is, a doubled
// quote in it being one. Its errors name the part and what to do, and neither the whole name nor a package.
func Parse(d dialect.Dialect, name string) (dialect.Table, error) {
	parts, err := split(name)
	if err != nil {
		return dialect.Table{}, err
	}
	for _, part := range parts {
		if err := d.CheckIdent(part); err != nil {
			return dialect.Table{}, errors.New(strings.TrimPrefix(err.Error(), "upsert: "))
		}
	}
	t := dialect.Table{Name: parts[len(parts)-1]}
	if len(parts) == 2 {
		t.Schema = parts[0]
	}
	return t, nil
}

func split(name string) ([]string, error) {
	var parts []string
	for more := true; more; {
		var part string
		var err error
		if part, name, more, err = cut(name); err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	if len(parts) > 2 {
		return nil, errors.New("more than a schema and a table: put a part with a dot in it in double quotes")
	}
	return parts, nil
}

// cut takes the first part off, and says whether a dot, and so another part, follows it.
func cut(name string) (part, rest string, more bool, err error) {
	quoted, ok := strings.CutPrefix(name, `"`)
	if !ok {
		part, rest, more = strings.Cut(name, ".")
		return part, rest, more, nil
	}
	end := 0
	for end < len(quoted) && (quoted[end] != '"' || strings.HasPrefix(quoted[end+1:], `"`)) {
		if quoted[end] == '"' {
			end++
		}
		end++
	}
	if end >= len(quoted) {
		return "", "", false, errors.New("a quote is not closed")
	}
	part, rest = strings.ReplaceAll(quoted[:end], `""`, `"`), quoted[end+1:]
	if rest != "" && rest[0] != '.' {
		return "", "", false, errors.New("a quoted part is followed by something else than a dot")
	}
	return part, strings.TrimPrefix(rest, "."), rest != "", nil
}
