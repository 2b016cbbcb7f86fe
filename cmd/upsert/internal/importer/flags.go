package importer

import (
	"cmp"
	"flag"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goupsert/upsert/cmd/upsert/internal/cli"
	"github.com/goupsert/upsert/cmd/upsert/internal/tabledef"
)

const help = `upsert import upserts a CSV, TSV or NDJSON file into a table: rows that are new are inserted, rows that are there take the
file's values, rows that are the same are not written. Running it again changes nothing.

  upsert import [flags] FILE

  upsert import -create -key tz -rule comments=coalesce testdata/zone1970.tsv
  upsert import -dsn postgres://me@localhost/shop -table stock.items -key sku,store -rule price_at=version items.ndjson
  curl https://shop.example/items.csv.gz | upsert import -dsn 'me:pw@tcp(localhost:3306)/shop' -table items -key sku -format csv -
  upsert import -key sku -reject bad.csv items.csv

All rows or none: a line that cannot be read or a value that does not fit names its place in the file, and nothing is
written. What -create has made is taken away again then. -chunk commits on the way instead.

-reject FILE skips the rows that cannot be written: those with a value of the wrong type or too few or too many fields, and
those that the database refuses (CHECK, NOT NULL, a foreign key, another unique key). All others are written. FILE is a CSV file
with the columns line, column, reason and record. The record is the row as it is in the file: to import the mended records, put
them into a file of their own, after the header line or with -columns. FILE is made only by a run that rejects a row, and an
existing FILE is never overwritten. A quote in the wrong place of a CSV file still stops the run, because nobody knows where
that row ends.

FILE may be compressed by gzip. FILE - is standard input. NDJSON is one JSON object a line, each with the names of the first.
A CSV field cannot say whether it is empty or missing: an empty one is NULL, unless -null says what is.
Values are converted to the types of the table's columns (or to -type) before they are sent. -create makes a column of times
if all its values are RFC 3339, such as 2024-05-06T07:08:09.5+02:00: the instant is kept, and the offset is not. -column n=varchar(40)
gives -create the type of a column. A column with -rule at=touch+now takes the time of the database, and the file lacks it. The default of -dsn is the SQLite file upsert.db. The rules add and generated are refused: the
same file twice would count twice, and a generated column is never written.
Keys that the table stores as one are one key: 007 and 7 in an integer column, 1.50 and 1.5 in a decimal one, a UUID in upper and
lower case. A key that the column would round is refused. The rows of one key are written in the file's order.

Exit status: 0 if all rows are in the table, 1 if the run has failed, 2 if the command line is wrong, 3 if all rows but the
rejected ones are in the table.

Flags:
`

// config is what the command line asks for.
type config struct {
	dsn, table     string
	keys           []string
	rules          []assignment
	clocked        []assignment // the columns with the rule keep+now, fill+now or touch+now, which the file lacks
	types          map[string]kind
	declared       cli.Assignments // the columns' types in the statement of -create, in SQL
	create         bool
	format, null   string
	columns        []string
	comma, comment rune
	chunk          int
	inOrder, quiet bool
	reject         string
	file           string
}

type assignment = cli.Assignment

// usagef returns the error of a command line that cannot be run; the program ends with 2.
func usagef(format string, args ...any) error { return cli.Usagef(format, args...) }

// raw is what the flags hold before they are checked.
type raw struct {
	table          tabledef.Definition
	columns        cli.List
	types          cli.Assignments
	comma, comment string
}

// parseFlags returns flag.ErrHelp after it has printed the help to out, and *cli.UsageError for what cannot be run.
func parseFlags(args []string, out io.Writer) (*config, error) {
	cfg, r := &config{types: map[string]kind{}}, &raw{}
	fs := newFlagSet(cfg, r)
	if err := cli.Parse(fs, args, help, out); err != nil {
		return nil, err
	}
	switch fs.NArg() {
	case 0:
		return nil, usagef("no file is given: upsert import [flags] FILE, or - for standard input")
	case 1:
		cfg.file = fs.Arg(0)
	default:
		return nil, usagef("one file at a time, and the flags before it: after %s there is %s", quote(fs.Arg(0)), quote(fs.Arg(1)))
	}
	return cfg, cfg.finish(r)
}

func newFlagSet(cfg *config, r *raw) *flag.FlagSet {
	fs := flag.NewFlagSet("upsert import", flag.ContinueOnError)
	r.table.Register(fs)
	fs.Var(&r.types, "type", "`column=type` instead of the table's or the inferred one: integer real text boolean json timestamp; a=text,b=real or given several times")
	fs.BoolVar(&cfg.create, "create", false, "create the table if it is missing, its types inferred from the whole file (from -type alone for standard input)")
	fs.StringVar(&cfg.null, "null", "", "the CSV field `text` that means NULL (default: the empty field)")
	fs.StringVar(&cfg.format, "format", "auto", "csv, tsv, ndjson or auto: by the file's ending (.csv .tsv .tab .ndjson .jsonl)")
	fs.Var(&r.columns, "columns", "the `names` of the columns, a,b,c, for a CSV file without a header line")
	fs.StringVar(&r.comma, "comma", "", "the `character` between CSV fields (default , and a tab for tsv)")
	fs.StringVar(&r.comment, "comment", "", "the `character` that begins a comment line in CSV (default: there are none)")
	fs.IntVar(&cfg.chunk, "chunk", 0, "commit every `n` rows instead of all or none")
	fs.BoolVar(&cfg.inOrder, "in-order", false, "write the rows in the file's order: for a child after its parent in the table, or a unique value that one row hands on to a later one")
	fs.StringVar(&cfg.reject, "reject", "", "skip the rows that cannot be written and write them to this `file`, which must not exist yet: a CSV of line,column,reason,record")
	fs.BoolVar(&cfg.quiet, "quiet", false, "no progress, and not the statement of -create; the report at the end stays")
	return fs
}

// setTable takes the part of the configuration that every subcommand has.
func (cfg *config) setTable(d *tabledef.Definition) {
	cfg.dsn, cfg.table, cfg.keys = cmp.Or(d.DSN, "upsert.db"), d.Table, d.Keys
	for _, r := range d.Rules {
		if rule, ok := strings.CutSuffix(r.Word, "+now"); ok {
			cfg.clocked = append(cfg.clocked, assignment{Column: r.Column, Word: rule})
		} else {
			cfg.rules = append(cfg.rules, r)
		}
	}
	for _, c := range d.Columns {
		if c.Type != "" {
			cfg.declared = append(cfg.declared, assignment{Column: c.Name, Word: c.Type})
		}
	}
}

// finish checks the flags against one another and fills in what follows from the file's name.
func (cfg *config) finish(r *raw) error {
	cfg.columns = r.columns
	if err := r.table.Load(); err != nil {
		return err
	}
	if r.table.Where != "" {
		return usagef("import knows no partial unique index: take where out of %s, because a row outside of the index would be inserted again by each run", r.table.File())
	}
	cfg.setTable(&r.table)
	for _, t := range r.types {
		k, err := parseKind(t.Word)
		if err != nil {
			return usagef("-type %s=%s: %v", t.Column, t.Word, err)
		}
		cfg.types[t.Column] = k
	}
	if cfg.chunk < 0 {
		return usagef("-chunk %d: give a number of rows, or 0 for all or none", cfg.chunk)
	}
	if err := checkRules(slices.Concat(cfg.rules, cfg.clocked), cfg.keys); err != nil {
		return err
	}
	if err := cfg.finishFormat(r); err != nil {
		return err
	}
	return cfg.finishTable()
}

func (cfg *config) finishFormat(r *raw) error {
	base := strings.TrimSuffix(strings.ToLower(cfg.file), ".gz")
	switch cfg.format {
	case "csv", "tsv", "ndjson":
	case "auto":
		format, ok := map[string]string{".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".ndjson": "ndjson", ".jsonl": "ndjson"}[filepath.Ext(base)]
		if !ok {
			return usagef("the ending of %s does not say its format: give -format csv, tsv or ndjson", quote(cfg.file))
		}
		cfg.format = format
	default:
		return usagef("-format %s: give csv, tsv, ndjson or auto", cfg.format)
	}
	if cfg.format == "ndjson" && (r.comma != "" || r.comment != "" || len(cfg.columns) > 0 || cfg.null != "") {
		return usagef("-comma, -comment, -columns and -null are about CSV, and this is NDJSON")
	}
	cfg.comma = ','
	if cfg.format == "tsv" {
		cfg.comma = '\t'
	}
	if r.comma == `\t` {
		r.comma = "\t"
	}
	var err error
	if cfg.comma, err = oneRune("-comma", r.comma, cfg.comma); err != nil {
		return err
	}
	if cfg.comment, err = oneRune("-comment", r.comment, 0); err != nil {
		return err
	}
	if cfg.comma == cfg.comment {
		return usagef("-comma and -comment are the same character")
	}
	return nil
}

func oneRune(name, s string, otherwise rune) (rune, error) {
	if s == "" {
		return otherwise, nil
	}
	r, size := utf8.DecodeRuneInString(s)
	if size != len(s) || r == utf8.RuneError || strings.ContainsRune("\"\r\n\x00", r) {
		return 0, usagef("%s %s: give one character that is no quote and no line end", name, quote(s))
	}
	return r, nil
}

func (cfg *config) finishTable() error {
	if cfg.table != "" {
		return nil
	}
	if cfg.file == "-" {
		return usagef("-table is missing: standard input has no name to call the table by")
	}
	cfg.table, _, _ = strings.Cut(filepath.Base(cfg.file), ".")
	if cfg.table == "" {
		return usagef("-table is missing: %s has no name to call the table by", quote(cfg.file))
	}
	return nil
}
