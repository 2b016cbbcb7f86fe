package importer

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unicode/utf8"
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
if all its values are RFC 3339, such as 2024-05-06T07:08:09.5+02:00: the instant is kept, and the offset is not.
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
	types          map[string]kind
	create         bool
	format, null   string
	columns        []string
	comma, comment rune
	chunk          int
	inOrder, quiet bool
	reject         string
	file           string
}

// assignment is one col=word of a flag.
type assignment struct{ column, word string }

// errUsage is a command line that cannot be run; the program ends with 2.
type errUsage struct{ msg string }

func (e *errUsage) Error() string { return e.msg }

func usagef(format string, args ...any) error { return &errUsage{fmt.Sprintf(format, args...)} }

// list is a flag that may be given several times, and with several words between commas.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(s string) error {
	for word := range strings.SplitSeq(s, ",") {
		if word = strings.TrimSpace(word); word == "" {
			return errors.New("an empty name")
		} else {
			*l = append(*l, word)
		}
	}
	return nil
}

// assignments is a flag of the form col=word, several with commas between or given several times.
type assignments []assignment

func (a *assignments) String() string { return "" }

func (a *assignments) Set(s string) error {
	for one := range strings.SplitSeq(s, ",") {
		if err := a.add(strings.TrimSpace(one)); err != nil {
			return err
		}
	}
	return nil
}

func (a *assignments) add(s string) error {
	at := strings.LastIndexByte(s, '=')
	if at < 1 || at == len(s)-1 {
		return fmt.Errorf("%s: give it as column=word, or several with commas between", quote(s))
	}
	for _, had := range *a {
		if had.column == s[:at] {
			return fmt.Errorf("column %q is given twice", s[:at])
		}
	}
	*a = append(*a, assignment{s[:at], s[at+1:]})
	return nil
}

// raw is what the flags hold before they are checked.
type raw struct {
	keys, columns  list
	rules, types   assignments
	comma, comment string
}

// parseFlags returns flag.ErrHelp after it has printed the help to out, and *errUsage for what cannot be run.
func parseFlags(args []string, out io.Writer) (*config, error) {
	cfg, r := &config{types: map[string]kind{}}, &raw{}
	fs := newFlagSet(cfg, r)
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(out, help)
		fs.SetOutput(out)
		fs.PrintDefaults()
		return nil, err
	case err != nil:
		return nil, usagef("%v", err)
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
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	fs.StringVar(&cfg.dsn, "dsn", "upsert.db", "the `database`: a SQLite file, sqlite:FILE, postgres://…, mysql://…, mariadb://… or user:pw@tcp(host:port)/db")
	fs.StringVar(&cfg.table, "table", "", "the `table`, or schema.table (default: the file's name without its endings)")
	fs.Var(&r.keys, "key", "the `column`s that make two rows the same row: a,b or given several times (required)")
	fs.Var(&r.rules, "rule", "`column=rule`: what the column takes when the row is there: "+strings.Join(ruleNames(), " ")+" (default replace); a=keep,b=max or given several times")
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

// finish checks the flags against one another and fills in what follows from the file's name.
func (cfg *config) finish(r *raw) error {
	cfg.keys, cfg.columns, cfg.rules = r.keys, r.columns, r.rules
	for _, t := range r.types {
		k, err := parseKind(t.word)
		if err != nil {
			return usagef("-type %s=%s: %v", t.column, t.word, err)
		}
		cfg.types[t.column] = k
	}
	if len(cfg.keys) == 0 {
		return usagef("-key is missing: name the columns that make two rows the same row")
	}
	if cfg.chunk < 0 {
		return usagef("-chunk %d: give a number of rows, or 0 for all or none", cfg.chunk)
	}
	if err := checkRules(cfg.rules, cfg.keys); err != nil {
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
