package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/cmd/upsert/internal/cli"
	"github.com/goupsert/upsert/cmd/upsert/internal/database"
	"github.com/goupsert/upsert/cmd/upsert/internal/tabledef"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/schema"
	"github.com/goupsert/upsert/internal/words"
)

const verifyHelp = `upsert verify checks whether a table has what an upsert by its key relies on, and changes nothing.

  upsert verify [flags]

  upsert verify -dsn shop.db -table items -key sku
  upsert verify -dsn postgres://me@localhost/shop -table stock.items -key sku,store -rule qty=max -count
  upsert verify -dsn shop.db -table items -key sku -where 'deleted_at IS NULL'
  upsert verify -config items.toml -json

If a table has a fault, writes fail, are wrong or are lost; a note is harmless if you know about it. A finding has the statement that
mends the table without locking it, or advice, and the query for the rows that would stop the statement. Without -column, verify
assumes that all columns are written except those that the database computes.

Exit status: 0 if there are no faults, 1 if there are, 2 if the command line is wrong or the database cannot be asked.

Flags:
`

// verification is one run of upsert verify.
type verification struct {
	table  tabledef.Definition
	ignore cli.List
	count  bool
	asJSON bool
}

func runVerify(ctx context.Context, args []string, stdout, _ io.Writer) (int, error) {
	v := &verification{}
	fs := flag.NewFlagSet("upsert verify", flag.ContinueOnError)
	v.table.Register(fs)
	v.table.RegisterWhere(fs)
	fs.Var(&v.ignore, "ignore", "leave out the findings of these `check`s, named as they are printed, with dashes or blanks: a,b or given several times")
	fs.BoolVar(&v.count, "count", false, "count the rows that would stop the mending statement, which reads the whole table")
	fs.BoolVar(&v.asJSON, "json", false, "print JSON")
	if err := cli.Parse(fs, args, verifyHelp, stdout); err != nil {
		return 0, err
	}
	if err := errors.Join(noArguments(fs), v.table.Load()); err != nil {
		return 0, err
	}
	ignored, err := checksOf(v.ignore)
	if err != nil {
		return 0, err
	}
	f, err := v.look(ctx, ignored)
	if err != nil {
		return 0, err
	}
	if v.asJSON {
		err = encodeJSON(stdout, f)
	} else {
		f.print(stdout)
	}
	if err == nil && !f.Sound {
		return statusFaults, nil
	}
	return statusDone, err
}

// findings is what is known of a table, and its form in JSON.
type findings struct {
	Table    string    `json:"table"`
	Database string    `json:"database"`
	Version  string    `json:"version"`
	Sound    bool      `json:"sound"`
	Columns  []string  `json:"columns"`
	Problems []problem `json:"problems"`
	counted  bool
}

type problem struct {
	Check      string `json:"check"`
	Severity   string `json:"severity"`
	Column     string `json:"column,omitempty"`
	Index      string `json:"index,omitempty"`
	Why        string `json:"why"`
	Find       string `json:"find,omitempty"`
	Duplicates *int64 `json:"duplicates,omitempty"`
	Mend       string `json:"mend,omitempty"`
}

// look asks the database.
func (v *verification) look(ctx context.Context, ignored []upsert.Check) (*findings, error) {
	db, err := database.Open(v.table.DSN)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	d, err := dialect.Detect(ctx, db)
	if err != nil {
		return nil, err
	}
	table, columns, err := v.table.Stored(ctx, db, d)
	if err != nil {
		return nil, err
	}
	f := &findings{Table: v.table.Table, Database: d.Name(), Version: d.Version(), Columns: columns, Problems: []problem{}, counted: v.count}
	var notes []upsert.Problem
	opts := []upsert.VerifyOption{upsert.Ignore(ignored...), upsert.OnNote(func(p upsert.Problem) { notes = append(notes, p) })}
	if v.count {
		opts = append(opts, upsert.CountDuplicates())
	}
	var faults *upsert.SchemaError
	switch err := table.Verify(schema.InFlags(ctx), db, opts...); {
	case errors.As(err, &faults):
		f.add(faults.Problems)
	case err != nil:
		return nil, err
	default:
		f.Sound = true
	}
	f.add(notes)
	return f, nil
}

func (f *findings) add(found []upsert.Problem) {
	for _, p := range found {
		one := problem{
			Check: string(p.Check), Severity: p.Severity.String(), Column: p.Column, Index: p.Index, Why: p.Why, Find: p.Find, Mend: p.Mend,
		}
		if f.counted && p.Find != "" {
			one.Duplicates = &p.Duplicates
		}
		f.Problems = append(f.Problems, one)
	}
}

// print writes the findings for a person to read.
func (f *findings) print(to io.Writer) {
	var faults, notes int
	for _, p := range f.Problems {
		if p.Severity == upsert.Fault.String() {
			faults++
		} else {
			notes++
		}
	}
	verdict := "sound"
	if faults > 0 {
		verdict = words.Count(faults, "fault")
	}
	if notes > 0 {
		verdict += ", " + words.Count(notes, "note")
	}
	fmt.Fprintf(to, "%s on %s: %s\n", f.Table, strings.TrimSpace(databaseName(f.Database)+" "+f.Version), verdict)
	for _, p := range f.Problems {
		p.print(to)
	}
}

func (p *problem) print(to io.Writer) {
	var where []string
	if p.Column != "" {
		where = append(where, "column "+p.Column)
	}
	if p.Index != "" {
		where = append(where, "index "+p.Index)
	}
	fmt.Fprintf(to, "\n%s: %s", p.Severity, p.Check)
	if len(where) > 0 {
		fmt.Fprintf(to, " (%s)", strings.Join(where, ", "))
	}
	fmt.Fprintf(to, "\n  why:  %s\n", p.Why)
	if p.Find != "" {
		fmt.Fprintf(to, "  find: %s\n", p.Find)
	}
	if p.Duplicates != nil {
		fmt.Fprintf(to, "        %s in the way\n", words.Count(int(*p.Duplicates), "row"))
	}
	if p.Mend != "" {
		fmt.Fprintf(to, "  mend: %s\n", p.Mend)
	}
}

// databaseName returns how a person writes a database's name.
func databaseName(name string) string {
	if proper := map[string]string{"sqlite": "SQLite", "postgres": "PostgreSQL", "mysql": "MySQL", "mariadb": "MariaDB"}[name]; proper != "" {
		return proper
	}
	return name
}
