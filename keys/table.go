package keys

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/sqlname"
)

const (
	// defaultTable and defaultIndex are also the names in the files of migrations/.
	defaultTable = "idempotency_keys"
	indexSuffix  = "_expires_at"
	defaultIndex = defaultTable + indexSuffix
)

// table is the table of the keys.
type table struct {
	dialect dialect.Dialect
	ident   dialect.Table
}

// newTable parses a name in the form that [Table] takes, and checks this name and the index's name against the database.
func newTable(d dialect.Dialect, name string) (table, error) {
	if d == nil {
		return table{}, errors.New("keys: the dialect is nil: use one of package dialect, or dialect.Detect")
	}
	if _, err := catalogOf(d); err != nil {
		return table{}, err
	}
	// Tools that run migrations cut them at these characters, even within quotes.
	if strings.ContainsFunc(name, unicode.IsControl) || strings.Contains(name, ";") || strings.Contains(name, "--") {
		return table{}, fmt.Errorf("keys: table name %q has a semicolon, two hyphens or a control character, which break tools that run migrations: choose another name", name)
	}
	ident, err := sqlname.Parse(d, name)
	if err != nil {
		return table{}, fmt.Errorf("keys: table name %q: %w", name, err)
	}
	t := table{dialect: d, ident: ident}
	if err := d.CheckIdent(t.index().Name); err != nil {
		return table{}, fmt.Errorf("keys: table name %q: the name of its index contains it: %s: choose a shorter name", name, strings.TrimPrefix(err.Error(), "upsert: "))
	}
	return t, nil
}

// quoted returns the name for statements.
func (t table) quoted() string { return t.dialect.QuoteTable(t.ident) }

// String returns the name for people.
func (t table) String() string {
	if t.ident.Schema == "" {
		return t.ident.Name
	}
	return t.ident.Schema + "." + t.ident.Name
}

// index returns the name of the index on expires_at.
func (t table) index() dialect.Table {
	return dialect.Table{Schema: t.ident.Schema, Name: t.ident.Name + indexSuffix}
}

// renamed puts the table's name into a text that has the default name.
func (t table) renamed(text string) string {
	if t.ident == (dialect.Table{Name: defaultTable}) {
		return text
	}
	on, created := t.quoted(), t.dialect.Quote(t.index().Name)
	if t.dialect.Name() == "sqlite" { // on SQLite the schema goes before the index
		on, created = t.dialect.Quote(t.ident.Name), t.dialect.QuoteTable(t.index())
	}
	return strings.NewReplacer( // if two patterns begin alike, the first one counts
		defaultIndex+" ON "+defaultTable, created+" ON "+on,
		defaultIndex, t.dialect.QuoteTable(t.index()),
		defaultTable, t.quoted(),
	).Replace(text)
}
