package tabledef

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/BurntSushi/toml"
	"github.com/goupsert/upsert/cmd/upsert/internal/cli"
)

// file is a TOML file.
type file struct {
	DSN     string            `toml:"dsn"`
	Table   string            `toml:"table"`
	Key     []string          `toml:"key"`
	Where   string            `toml:"where"`
	Rules   map[string]string `toml:"rules"`
	Columns map[string]string `toml:"columns"`
}

var fileKeys = []string{"dsn", "table", "key", "where", "rules", "columns"}

// readFile adds what a file says and the flags do not.
func (d *Definition) readFile(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("-config: %w", err)
	}
	var f file
	about, err := toml.Decode(string(text), &f)
	var wrong toml.ParseError
	switch {
	case errors.As(err, &wrong):
		return cli.Usagef("-config %s:%d:%d: %s", name, wrong.Position.Line, wrong.Position.Col, wrong.Message)
	case err != nil:
		return cli.Usagef("-config %s: %v", name, err)
	}
	if unknown := about.Undecoded(); len(unknown) > 0 {
		return cli.Usagef("-config %s: there is no key %q in such a file: %s", name, unknown[0].String(), cli.Suggest(unknown[0][0], fileKeys))
	}
	if d.DSN == "" {
		d.DSN = f.DSN
	}
	if d.Table == "" {
		d.Table = f.Table
	}
	if len(d.Keys) == 0 {
		d.Keys = f.Key
	}
	if d.Where == "" {
		d.Where = f.Where
	}
	d.addTables(about, &f)
	return nil
}

// addTables keeps the order in which the file names the columns.
func (d *Definition) addTables(about toml.MetaData, f *file) {
	var columns Columns
	for _, key := range about.Keys() {
		if len(key) != 2 {
			continue
		}
		switch name := key[1]; key[0] {
		case "rules":
			if d.Rules.Word(name) == "" {
				d.Rules = append(d.Rules, cli.Assignment{Column: name, Word: f.Rules[name]})
			}
		case "columns":
			columns = append(columns, Column{name, f.Columns[name]})
		}
	}
	for _, c := range d.Columns {
		if at := slices.IndexFunc(columns, func(one Column) bool { return one.Name == c.Name }); at >= 0 {
			columns[at] = c
		} else {
			columns = append(columns, c)
		}
	}
	d.Columns = columns
}
