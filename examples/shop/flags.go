package main

import (
	"flag"
	"io"
	"strings"

	"github.com/goupsert/upsert/examples/internal/command"
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

// parseFlags returns flag.ErrHelp after it has printed the help to out, and *command.UsageError for what cannot be run.
func parseFlags(args []string, out io.Writer) (*config, error) {
	cfg := &config{}
	fs := flag.NewFlagSet("shop", flag.ContinueOnError)
	fs.StringVar(&cfg.dsn, "dsn", "", "the `database`: "+database.Usage+" (default a SQLite file that is removed at the end)")
	fs.StringVar(&cfg.listen, "listen", "127.0.0.1:0", "the `address` to serve the page on")
	fs.BoolVar(&cfg.open, "open", true, "open the browser, if there is one")
	if err := command.Parse(fs, args, help, out); err != nil {
		return nil, err
	}
	if strings.Contains(cfg.dsn, ":memory:") || strings.Contains(cfg.dsn, "mode=memory") {
		return nil, command.Usagef("-dsn: a database in memory is another one for each connection: give a file")
	}
	return cfg, nil
}
