package main

import (
	crand "crypto/rand"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"github.com/goupsert/upsert/examples/internal/command"
	"github.com/goupsert/upsert/examples/internal/database"
)

const help = `payments is an HTTP service that charges once, however often it is asked, and a client whose network does its worst:
it loses requests, loses answers after the server has committed, sends twice at once, and the client itself is killed
half-way and started again. At the end what every customer was charged is compared with what they meant to pay.

  payments              the story, then many payments on the same network
  payments -crash       the server is a process of its own, and is killed at a random statement, again and again
  payments -naive       the same service without the keys: see the check find what is wrong
  payments -serve :8080 only the service, for a client of your own:
      curl -i localhost:8080/payments -H 'Idempotency-Key: one' -d '{"customer":"ann","amount":1250}'

It ends with 0 if all is equal, with 1 if it is not.

Flags:
`

// config is what the command line asks for.
type config struct {
	dsn       string
	serve     string
	payments  int
	customers int
	clients   int
	crash     bool
	crashes   int
	naive     bool
	seed      uint64
	verbose   bool
	quiet     bool
	mark      string // what tells this run's customers from another's on the same database
}

// parseFlags returns flag.ErrHelp after it has printed the help to out, and *command.UsageError for what cannot be run.
func parseFlags(args []string, out io.Writer) (*config, error) {
	cfg := &config{}
	fs := newFlagSet(cfg)
	if err := command.Parse(fs, args, help, out); err != nil {
		return nil, err
	}
	fs.Visit(func(f *flag.Flag) { cfg.crash = cfg.crash || f.Name == "crashes" })
	return cfg, cfg.check()
}

func newFlagSet(cfg *config) *flag.FlagSet {
	fs := flag.NewFlagSet("payments", flag.ContinueOnError)
	fs.StringVar(&cfg.dsn, "dsn", "", "the `database`, whose tables are made if they are missing: "+database.Usage+" (default a SQLite file that is removed at the end)")
	fs.StringVar(&cfg.serve, "serve", "", "only serve, on this `address`, until interrupted")
	fs.IntVar(&cfg.payments, "payments", 200, "how `many` payments follow the story")
	fs.IntVar(&cfg.customers, "customers", 6, "how `many` customers pay")
	fs.IntVar(&cfg.clients, "clients", 8, "how `many` payments are under way at once")
	fs.BoolVar(&cfg.crash, "crash", false, "kill the server process at a random statement and start it again, -crashes times")
	fs.IntVar(&cfg.crashes, "crashes", 100, "how `many` times the server process is killed; implies -crash")
	fs.BoolVar(&cfg.naive, "naive", false, "the service ignores the keys, as one without this library would")
	fs.Uint64Var(&cfg.seed, "seed", 0, "draw amounts, faults and crashes from this `number` (default a random one, which is printed)")
	fs.BoolVar(&cfg.verbose, "v", false, "a line for every attempt")
	fs.BoolVar(&cfg.quiet, "quiet", false, "no progress; the report stays")
	return fs
}

func (cfg *config) check() error {
	for name, n := range map[string]int{"-customers": cfg.customers, "-clients": cfg.clients, "-crashes": cfg.crashes} {
		if n < 1 {
			return command.Usagef("%s %d: give at least 1", name, n)
		}
	}
	switch {
	case cfg.payments < 0:
		return command.Usagef("-payments %d: give how many, or 0 for the story alone", cfg.payments)
	case cfg.serve != "" && cfg.crash:
		return command.Usagef("-serve has no client that could watch -crash: give one of the two")
	case strings.Contains(cfg.dsn, ":memory:") || strings.Contains(cfg.dsn, "mode=memory"):
		return command.Usagef("-dsn: a database in memory is another one for each connection: give a file")
	}
	if cfg.dsn != "" && cfg.serve == "" {
		cfg.mark = "-" + strings.ToLower(crand.Text()[:6])
	}
	for cfg.seed == 0 {
		cfg.seed = rand.Uint64N(1_000_000)
	}
	return nil
}

// names are the customers, as many as were asked for. Each run on a database that was named has customers of its own, because the
// books are compared with this run's list.
func (cfg *config) names() []string {
	first := []string{"ann", "ben", "cleo", "dan", "eve", "finn", "gil", "hana", "ines", "jo"}
	out := make([]string, cfg.customers)
	for i := range out {
		out[i] = first[i%len(first)]
		if round := i / len(first); round > 0 {
			out[i] = fmt.Sprintf("%s-%d", out[i], round+1)
		}
		out[i] += cfg.mark
	}
	return out
}

// title is the first line of the report.
func (cfg *config) title(b *bank) string {
	keys := "with an Idempotency-Key"
	if cfg.naive {
		keys = "that ignores the Idempotency-Key"
	}
	return fmt.Sprintf("An HTTP service on %s, POST /payments %s; -seed %d.", b.kind, keys, cfg.seed)
}
