// Bench measures the library against other libraries, against SQL by hand and against what the server itself can do, on
// every engine that is here, and writes what it found to RESULTS.md and to pictures in the folder plots:
//
//	cd bench && GOWORK=off go run .
//
// It starts the servers itself, as the tests do: package internal/engine of the library's module says how, and which
// variables name a server to use instead. MySQL 8 is measured if UPSERT_REQUIRE names mysql.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/goupsert/upsert/bench/internal/memory"
	"github.com/goupsert/upsert/internal/engine"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if is, err := memory.Child(ctx); is {
		return code(err)
	}
	opts, err := parse(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2 // the flag package has said why
	}
	return engine.Serve(os.Stderr, func() int { return code(newBench(opts).run(ctx)) }, engine.Also(mysql57))
}

func code(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	return 0
}
