// Package importer is upsert import: it upserts a CSV, TSV or NDJSON file into a table of SQLite, PostgreSQL, MySQL or MariaDB.
package importer

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/goupsert/upsert/cmd/upsert/internal/cli"
	"github.com/goupsert/upsert/cmd/upsert/internal/database"
	"github.com/goupsert/upsert/dialect"
)

// The exit statuses: the file is in the table, or is not, or the command line cannot be run, or rows were rejected.
const (
	statusDone = iota
	statusFailed
	statusUsage
	statusRejects
)

// Run is the program. It returns the exit status.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &program{std: streams{stdin, stdout, stderr}, now: time.Now}
	err := p.parse(args, stderr)
	if err == nil {
		err = p.load(ctx)
		p.progress.stop()
	}
	var usage *cli.UsageError
	switch {
	case err == nil && p.rejects.count() > 0:
		return statusRejects
	case err == nil || errors.Is(err, flag.ErrHelp):
		return statusDone
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "upsert import: %v\nupsert import -h explains the flags.\n", err)
		return statusUsage
	}
	if !errors.Is(err, context.Canceled) {
		fmt.Fprintf(stderr, "upsert import: %v\n", err)
	}
	if p.undone != "" {
		fmt.Fprintf(stderr, "upsert import: %s\n", p.undone)
	}
	fmt.Fprintf(stderr, "upsert import: %s\n", aftermath(err, p.writing))
	return statusFailed
}

// streams are the standard streams of a run.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// program is one run.
type program struct {
	cfg      *config
	std      streams
	now      func() time.Time
	progress *passes

	db     *sql.DB
	family family
	// inferred is true once the file was read for the types of its columns.
	inferred bool
	// writing is true from the moment the library is given the rows.
	writing bool
	made    made
	// undone says what became of that after an error.
	undone string
	// rejects is nil without -reject.
	rejects *rejects
}

func (p *program) parse(args []string, stderr io.Writer) (err error) {
	if p.cfg, err = parseFlags(args, p.std.out); err != nil {
		return err
	}
	p.progress = newPasses(stderr, p.now, p.cfg.quiet)
	return nil
}

// load is the flow: open, ask the database what it is, find or make the table, write, report.
func (p *program) load(ctx context.Context) (err error) {
	in, err := openInput(ctx, p.cfg, p.std.in)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	rd, err := in.reader(p.cfg)
	if err != nil {
		return err
	}
	cols, err := p.columns(in.name, rd.fields())
	if err != nil {
		return err
	}
	defer func() { p.close(ctx, err) }()
	if p.cfg.reject != "" {
		if p.rejects, err = openRejects(p.cfg.reject); err != nil {
			return err
		}
	}
	d, err := p.connect(ctx, cols)
	if err != nil {
		return err
	}
	if err := p.table(ctx, in.name, cols); err != nil {
		return err
	}
	return p.write(ctx, d, in, &source{file: in.name, rd: rd, cols: cols})
}

// connect opens the database and asks what it is.
func (p *program) connect(ctx context.Context, cols []column) (d dialect.Dialect, err error) {
	if p.db, p.family, err = openDatabase(p.cfg.dsn, p.cfg.create); err != nil {
		return nil, err
	}
	if p.family == familySQLite && p.cfg.create && database.IsNewFile(p.cfg.dsn) {
		// The first question to SQLite makes the file: one that is wrong must be found before.
		if err := p.infer(ctx, cols); err != nil {
			return nil, err
		}
		if err := p.claimFile(); err != nil {
			return nil, err
		}
	}
	return dialect.Detect(ctx, p.db)
}

// close ends a run. What it leaves depends on its error.
func (p *program) close(ctx context.Context, err error) {
	if p.db != nil {
		if err != nil {
			p.undone = p.undo(ctx, err)
		}
		p.db.Close()
	}
	if p.rejects != nil {
		p.rejects.close(err, p.writing)
	}
}

// write writes the rows and reports.
func (p *program) write(ctx context.Context, d dialect.Dialect, in *input, src *source) error {
	began := p.now()
	p.progress.start("writing", in)
	p.writing = true
	result, err := upsertRows(ctx, p.db, d, p.cfg, src, p.rejects, p.progress.rows)
	if err != nil {
		return advise(err, p.cfg)
	}
	p.progress.stop()
	report(p.std.out, in.name, result, p.rejects.count(), p.now().Sub(began))
	if note := src.repeats.String(); note != "" {
		fmt.Fprintf(p.std.err, "upsert import: %s\n", note)
	}
	return nil
}

// columns are the file's, with what the flags say of them; a flag about a column the file lacks is an error.
func (p *program) columns(file string, fields []field) ([]column, error) {
	cols := make([]column, len(fields))
	var names []string
	for i, f := range fields {
		cols[i] = column{name: f.name, line: f.line, col: f.col, kind: p.cfg.cols.types[f.name], key: slices.Contains(p.cfg.cols.keys, f.name)}
		names = append(names, f.name)
	}
	missing := func(flag, name string) error {
		if slices.Contains(names, name) {
			return nil
		}
		return wrongf(file, max(fields[0].line, 1), 1, "there is no column %q, which %s names; there are %s", name, flag, strings.Join(names, ", "))
	}
	var errs []error
	for _, key := range p.cfg.cols.keys {
		errs = append(errs, missing("-key", key))
	}
	for _, r := range p.cfg.cols.rules {
		errs = append(errs, missing("-rule", r.Column))
	}
	for _, c := range p.cfg.cols.clocked {
		if at := slices.Index(names, c.Column); at >= 0 {
			return nil, wrongf(file, max(fields[at].line, 1), max(fields[at].col, 1), "column %q takes the time of the database, as -rule says: leave it out of the file, or +now out of the rule", c.Column)
		}
	}
	for name := range p.cfg.cols.types {
		errs = append(errs, missing("-type", name))
	}
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return cols, nil
}

// table finds the table, or makes it, and takes the types of its columns for those that -type does not name.
func (p *program) table(ctx context.Context, file string, cols []column) error {
	have, err := p.family.tableColumns(ctx, p.db, p.cfg.table)
	if err != nil && (!p.cfg.create || ctx.Err() != nil) {
		return fmt.Errorf("table %s: %w (-create makes a table that is missing)", p.cfg.table, err)
	}
	if err != nil {
		if err := p.create(ctx, cols); err != nil {
			return err
		}
		if have, err = p.family.tableColumns(ctx, p.db, p.cfg.table); err != nil {
			return fmt.Errorf("table %s: %w", p.cfg.table, err)
		}
	}
	for i := range cols {
		at := slices.IndexFunc(have, func(t tableColumn) bool { return t.name == cols[i].name })
		if at < 0 {
			var names []string
			for _, t := range have {
				names = append(names, t.name)
			}
			return wrongf(file, max(cols[i].line, 1), max(cols[i].col, 1), "table %s has no column %q; it has %s",
				p.cfg.table, cols[i].name, strings.Join(names, ", "))
		}
		if _, given := p.cfg.cols.types[cols[i].name]; !given {
			cols[i].kind = have[at].kind
		}
		cols[i].stored = have[at]
	}
	if err := checkKinds(p.cfg.cols.rules, cols); err != nil {
		return err
	}
	return p.family.checkKey(ctx, p.db, p.cfg.table, p.cfg.cols.keys)
}

// create makes the table, after the whole file was found readable.
func (p *program) create(ctx context.Context, cols []column) error {
	if !p.inferred {
		if err := p.infer(ctx, cols); err != nil {
			return err
		}
	}
	for _, c := range p.cfg.cols.clocked {
		cols = append(cols[:len(cols):len(cols)], column{name: c.Column, kind: kindTimestamp})
	}
	statement := p.family.createTable(p.cfg.table, cols, p.cfg.cols.declared)
	if _, err := p.db.ExecContext(ctx, statement); err != nil {
		if _, there := p.family.tableColumns(ctx, p.db, p.cfg.table); there == nil {
			return nil // somebody was faster, and the table is theirs
		}
		return fmt.Errorf("create table %s: %w", p.cfg.table, err)
	}
	p.made.table = true
	if !p.cfg.quiet {
		fmt.Fprintf(p.std.err, "upsert import: -create has made the table:\n%s;\n", statement)
	}
	return nil
}
