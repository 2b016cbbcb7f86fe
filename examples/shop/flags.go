package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/goupsert/upsert/examples/internal/database"
)

const help = `shop is a page on which one sees what it means that a write is safe to repeat. A payment is pressed twice, a record is
sent twice, a message is delivered twice; the page shows what the server saw, what the database stored, and what it cost, with
the library and without.

  shop                      serve the page on a free port, print its address, and open the browser if there is one
  shop -open=false          only print the address
  shop -listen :8080        serve it to others as well; each browser has a bank of its own

Ctrl-C ends it, and nothing is left behind: the tables, whose names begin with shop_, are made at the start and dropped at the
end.

Flags:
`

// config is what the command line asks for.
type config struct {
	dsn    string
	listen string
	open   bool
}

// errUsage is a command line that cannot be run; the program ends with 2.
type errUsage struct{ msg string }

func (e *errUsage) Error() string { return e.msg }

func usagef(format string, args ...any) error { return &errUsage{fmt.Sprintf(format, args...)} }

// parseFlags returns flag.ErrHelp after it has printed the help to out, and *errUsage for what cannot be run.
func parseFlags(args []string, out io.Writer) (*config, error) {
	cfg := &config{}
	fs := flag.NewFlagSet("shop", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	fs.StringVar(&cfg.dsn, "dsn", "", "the `database`: "+database.Usage+" (default a SQLite file that is removed at the end)")
	fs.StringVar(&cfg.listen, "listen", "127.0.0.1:0", "the `address` to serve the page on")
	fs.BoolVar(&cfg.open, "open", true, "open the browser, if there is one")
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(out, help)
		fs.SetOutput(out)
		fs.PrintDefaults()
		return nil, err
	case err != nil:
		return nil, usagef("%v", err)
	case fs.NArg() > 0:
		return nil, usagef("there are only flags, and %q is none", fs.Arg(0))
	case strings.Contains(cfg.dsn, ":memory:") || strings.Contains(cfg.dsn, "mode=memory"):
		return nil, usagef("-dsn: a database in memory is another one for each connection: give a file")
	}
	return cfg, nil
}
