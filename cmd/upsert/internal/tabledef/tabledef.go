// Package tabledef describes a table to the library without struct tags: by flags, by a TOML file, and by the stored table.
package tabledef

import (
	"flag"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/cmd/upsert/internal/cli"
	"github.com/goupsert/upsert/dialect"
)

// DSNUsage explains -dsn.
const DSNUsage = "the `database`: a SQLite file, sqlite:FILE, postgres://…, mysql://…, mariadb://… or user:pw@tcp(host:port)/db"

// Definition is how the flags and the file describe a table.
type Definition struct {
	DSN, Table string
	Keys       cli.List
	Rules      cli.Assignments
	Columns    Columns
	Where      string // the predicate of a partial unique index, or ""
	file       string
}

// Column is a column that was named, and the SQL of its type or "".
type Column struct{ Name, Type string }

// Columns is a flag of the form name or name=type, given once for each column because a type can have a comma.
type Columns []Column

func (c *Columns) String() string { return "" }

// Set adds a column.
func (c *Columns) Set(s string) error {
	name, sql, _ := strings.Cut(s, "=")
	if name = strings.TrimSpace(name); name == "" {
		return fmt.Errorf("%q: give it as name or name=type", s)
	}
	if c.has(name) {
		return fmt.Errorf("column %q is given twice", name)
	}
	*c = append(*c, Column{name, strings.TrimSpace(sql)})
	return nil
}

func (c *Columns) has(name string) bool {
	return slices.ContainsFunc(*c, func(one Column) bool { return one.Name == name })
}

// Register adds the flags that every subcommand about a table has.
func (d *Definition) Register(fs *flag.FlagSet) {
	fs.StringVar(&d.file, "config", "", "a TOML `file` with dsn, table, key, [rules] and [columns]; flags win over the file")
	fs.StringVar(&d.DSN, "dsn", "", DSNUsage)
	fs.StringVar(&d.Table, "table", "", "the `table`, or schema.table")
	fs.Var(&d.Keys, "key", "the `column`s that make two rows the same row: a,b or given several times (required)")
	fs.Var(&d.Rules, "rule", "`column=rule`: what the column takes when the row is there: "+strings.Join(RuleNames(), " ")+
		" (default replace); a=keep,b=max or given several times")
	fs.Var(&d.Columns, "column", "a column as `name` or name=type, with the type in SQL; given once for each column")
}

// RegisterWhere adds the flag of those subcommands that know a partial unique index.
func (d *Definition) RegisterWhere(fs *flag.FlagSet) {
	fs.StringVar(&d.Where, "where", "", "the `predicate` of the partial unique index that makes two rows the same row, as in 'deleted_at IS NULL'")
}

// File returns the name of the file of -config, or "".
func (d *Definition) File() string { return d.file }

// Load reads the file of -config, if there is one, and checks what must be there.
func (d *Definition) Load() error {
	if d.file != "" {
		if err := d.readFile(d.file); err != nil {
			return err
		}
	}
	if len(d.Keys) == 0 {
		return cli.Usagef("-key is missing: name the columns that make two rows the same row")
	}
	for i, key := range d.Keys {
		if slices.Contains(d.Keys[:i], key) {
			return cli.Usagef("-key: column %q is there twice", key)
		}
		if word := d.Rules.Word(key); word != "" && word != "key" {
			return cli.Usagef("-rule %s=%s: the column is a -key: what makes two rows the same row takes no rule", key, word)
		}
	}
	return nil
}

// Names returns the columns that are named, in order: those of Columns, the key before them and ruled columns after them if
// they are not among them.
func (d *Definition) Names() []string {
	var names []string
	for _, c := range d.Columns {
		names = append(names, c.Name)
	}
	keys := slices.DeleteFunc(slices.Clone([]string(d.Keys)), func(key string) bool { return slices.Contains(names, key) })
	names = append(keys, names...)
	for _, r := range d.Rules {
		if !slices.Contains(names, r.Column) {
			names = append(names, r.Column)
		}
	}
	return names
}

// New makes the table of columns. generated names the columns that the database computes; a rule of the definition wins over it.
func (d *Definition) New(to dialect.Dialect, columns, generated []string) (*upsert.Table[map[string]any], error) {
	if d.Table == "" {
		return nil, cli.Usagef("-table is missing: name the table")
	}
	var opts []upsert.Option
	for _, name := range columns {
		opt, err := d.column(name, generated)
		if err != nil {
			return nil, err
		}
		opts = append(opts, opt)
	}
	for _, c := range d.Columns {
		if c.Type != "" {
			opts = append(opts, upsert.ColumnType(c.Name, c.Type))
		}
	}
	if d.Where != "" {
		opts = append(opts, indexWhere(d.Where))
	}
	return upsert.New[map[string]any](to, d.Table, opts...)
}

// indexWhere is upsert.IndexWhere for a predicate of the command line. The library's type keeps a program from making the predicate of its
// data; here the predicate is the user's own SQL, and the only one of the process.
func indexWhere(predicate string) upsert.Option {
	f := reflect.ValueOf(upsert.IndexWhere)
	return f.Call([]reflect.Value{reflect.ValueOf(predicate).Convert(f.Type().In(0))})[0].Interface().(upsert.Option)
}

func (d *Definition) column(name string, generated []string) (upsert.Option, error) {
	word := d.Rules.Word(name)
	switch {
	case slices.Contains(d.Keys, name):
		return upsert.Column(name, upsert.Key), nil
	case word == "" && slices.Contains(generated, name):
		return upsert.Column(name, upsert.Generated), nil
	case word == "":
		return upsert.Column(name, upsert.Replace), nil
	}
	rule, modifiers, err := parseRule(word)
	if err != nil {
		return nil, cli.Usagef("-rule %s=%s: %v", name, word, err)
	}
	return upsert.Column(name, rule, modifiers...), nil
}
