// Command upsert is package upsert for people who do not write Go. The command checks whether a table can take upserts, writes the
// CREATE TABLE and the statement of an upsert, imports files, and manages idempotency keys.
//
//	go install github.com/goupsert/upsert/cmd/upsert@latest
//	upsert -h
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/goupsert/upsert/cmd/upsert/internal/cli"
	"github.com/goupsert/upsert/cmd/upsert/internal/importer"
)

const help = `upsert writes rows in a way that is safe to repeat, and checks whether a table can take such writes.

  upsert verify    check whether a table has what an upsert relies on
  upsert schema    write the CREATE TABLE that would do
  upsert sql       print the statement that is sent
  upsert import    upsert a CSV, TSV or NDJSON file
  upsert keys      manage the table of idempotency keys
  upsert version   print the version

  upsert verify -dsn postgres://me@localhost/shop -table items -key sku
  upsert import -dsn shop.db -create -key sku items.csv

upsert COMMAND -h explains a command. The flags -table, -key, -rule and -column describe a table, or a TOML file that all commands
read with -config:

  dsn = "postgres://me@localhost/shop"
  table = "items"
  key = ["sku", "store"]

  [columns]
  sku = "varchar(40)"
  store = "integer"
  qty = "bigint"

  [rules]
  qty = "max"
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The second Ctrl-C ends a program that takes too long to clean up.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// The exit statuses of all commands but import, which has more.
const (
	statusDone   = iota
	statusFaults // verify has found faults
	statusFailed // the command line is wrong, or the database cannot be asked
)

// command is one subcommand. Its run returns the exit status, or an error for statusFailed.
type command struct {
	name string
	run  func(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error)
}

// commands has import without a run, because import reads standard input and has exit statuses of its own.
var commands = []command{{"verify", runVerify}, {"schema", runSchema}, {"sql", runSQL}, {name: "import"}, {"keys", runKeys}, {"version", runVersion}}

// suggest returns the rest of an error about a name that no command has.
func suggest(name string, commands []command) string {
	var known []string
	for _, c := range commands {
		known = append(known, c.name)
	}
	return cli.Suggest(name, known)
}

// run is the program.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 1 && args[0] == "help" {
		args = []string{args[1], "-h"}
	}
	name := ""
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	switch name {
	case "":
		fmt.Fprint(stderr, help)
		return statusFailed
	case "-h", "-help", "--help", "help":
		fmt.Fprint(stdout, help)
		return statusDone
	case "import":
		return importer.Run(ctx, args, stdin, stdout, stderr)
	}
	for _, c := range commands {
		if c.name == name {
			return c.finish(ctx, "upsert "+name, args, stdout, stderr)
		}
	}
	fmt.Fprintf(stderr, "upsert: there is no command %q: %s\nupsert -h explains the commands.\n", name, suggest(name, commands))
	return statusFailed
}

// finish runs a command and says what is wrong.
func (c command) finish(ctx context.Context, title string, args []string, stdout, stderr io.Writer) int {
	status, err := c.run(ctx, args, stdout, stderr)
	var usage *cli.UsageError
	switch {
	case err == nil:
		return status
	case errors.Is(err, flag.ErrHelp):
		return statusDone
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "%s: %v\n%s -h explains the flags.\n", title, err, title)
	case ctx.Err() != nil:
		fmt.Fprintf(stderr, "%s: interrupted\n", title)
	default:
		fmt.Fprintf(stderr, "%s: %v\n", title, err)
	}
	return statusFailed
}

// noArguments refuses words after the flags.
func noArguments(fs *flag.FlagSet) error {
	if fs.NArg() > 0 {
		return cli.Usagef("there is %q after the flags: give the flags only", fs.Arg(0))
	}
	return nil
}

const versionHelp = "upsert version prints the version of the command.\n"

// version is set by make dist. Otherwise the module's version is known to the program.
var version string

func runVersion(_ context.Context, args []string, stdout, _ io.Writer) (int, error) {
	fs := flag.NewFlagSet("upsert version", flag.ContinueOnError)
	if err := errors.Join(cli.Parse(fs, args, versionHelp, stdout), noArguments(fs)); err != nil {
		return 0, err
	}
	text := version
	if info, ok := debug.ReadBuildInfo(); ok && text == "" {
		text = info.Main.Version
	}
	fmt.Fprintf(stdout, "upsert %s\n", text)
	return statusDone, nil
}
