// Package command is what the examples have in common as programs: their command line, their exit status, and themselves as
// child processes.
package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// Main is the main of a program that starts itself as a child process. If the environment has the variable, Main calls child with
// the variable's value; else it calls run with a context that ends with an interrupt. Main exits with what they return.
func Main(variable string, child func(orders string, stdin io.Reader, stdout, stderr io.Writer) int, run func(ctx context.Context, args []string, stdout, stderr io.Writer) int) {
	if orders := os.Getenv(variable); orders != "" {
		os.Exit(child(orders, os.Stdin, os.Stdout, os.Stderr))
	}
	// A reader that has seen enough is no reason to leave a temporary folder behind.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The second Ctrl-C ends a program that does not come to its end.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// UsageError is a command line that cannot be run; the program ends with 2.
type UsageError struct{ text string }

func (e *UsageError) Error() string { return e.text }

// Usagef returns a *UsageError.
func Usagef(format string, args ...any) error { return &UsageError{fmt.Sprintf(format, args...)} }

// Parse parses a command line that has flags only. It returns flag.ErrHelp after it has printed the help and the flags to out,
// and a *UsageError for what cannot be run.
func Parse(fs *flag.FlagSet, args []string, help string, out io.Writer) error {
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(out, help)
		fs.SetOutput(out)
		fs.PrintDefaults()
		return err
	case err != nil:
		return Usagef("%v", err)
	case fs.NArg() > 0:
		return Usagef("there are only flags, and %q is none", fs.Arg(0))
	}
	return nil
}

// Status returns the exit status for the error that ends a program of the given name, after it has printed the error: 0 if there
// is none, or the help was asked for; 2 for a *UsageError; else 1.
func Status(name string, err error, stderr io.Writer) int {
	var usage *UsageError
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "%s: %v\n%s -h explains the flags.\n", name, err, name)
		return 2
	}
	fmt.Fprintf(stderr, "%s: %v\n", name, err)
	return 1
}

// Child is this program as a child process.
type Child struct {
	Cmd    *exec.Cmd
	Stdin  io.WriteCloser
	Stdout io.Reader
	Stderr bytes.Buffer // not to be read before the process has ended
}

// Start starts this program again, with orders as JSON in the variable of [Main]. The process is killed when the context ends.
func Start(ctx context.Context, variable string, orders any) (*Child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(orders)
	if err != nil {
		return nil, err
	}
	c := &Child{Cmd: exec.CommandContext(ctx, self)}
	c.Cmd.Env = append(os.Environ(), variable+"="+string(text))
	c.Cmd.Stderr = &c.Stderr
	if c.Stdin, err = c.Cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if c.Stdout, err = c.Cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	return c, c.Cmd.Start()
}
