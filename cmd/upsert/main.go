// Command upsert is the library for people who do not write Go.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/goupsert/upsert/cmd/upsert/internal/importer"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The second Ctrl-C ends a program that takes too long to clean up.
	context.AfterFunc(ctx, stop)
	os.Exit(importer.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
