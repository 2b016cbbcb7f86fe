package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/goupsert/upsert/examples/internal/command"
)

// childVariable makes the program the server of another one's -crash. The orders are not on the command line, where
// everybody on the machine could read the DSN.
const childVariable = "PAYMENTS_CHILD"

// orders are what the server process is told.
type orders struct {
	DSN   string
	Naive bool
	Kill  int64 // the statement at which it dies; 0: it does not
	After bool  // it dies after that statement, else before
}

// What the server process says, a line each.
const (
	saysListening = "listening "
	saysKilled    = "killed "
)

// runChild is the server process: it serves until it is killed, or until its standard input ends, as it does when the
// process that started it is gone.
func runChild(text string, stdin io.Reader, stdout, stderr io.Writer) int {
	fail := func(err error) int {
		fmt.Fprintf(stderr, "server: %v\n", err)
		return 1
	}
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return fail(err)
	}
	k := newKiller(o.After, func(point string) {
		fmt.Fprintln(stdout, saysKilled+point)
		killSelf()
	})
	b, err := openBank(context.Background(), o.DSN, k.wrap)
	if err != nil {
		return fail(err)
	}
	defer b.db.Close()
	s := &server{bank: b, naive: o.Naive, wait: waitForOther, log: func(err error) { fmt.Fprintf(stderr, "server: %v\n", err) }}
	at, stop, err := s.listen("127.0.0.1:0")
	if err != nil {
		return fail(err)
	}
	if o.Kill > 0 {
		k.arm(o.Kill)
	}
	fmt.Fprintln(stdout, saysListening+at.String())
	_, _ = io.Copy(io.Discard, stdin)
	if err := stop(); err != nil {
		return fail(err)
	}
	return 0
}

// killSelf is SIGKILL: nothing of the process runs any more, no deferred call, no rollback, no goodbye to the database.
func killSelf() {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill()
	}
	select {}
}

// child is a server process, seen from the one that started it.
type child struct {
	process *command.Child
	says    *bufio.Scanner
	addr    string
}

// startChild returns once the server listens. The process is killed when the context ends.
func startChild(ctx context.Context, o orders) (*child, error) {
	process, err := command.Start(ctx, childVariable, o)
	if err != nil {
		return nil, err
	}
	c := &child{process: process, says: bufio.NewScanner(process.Stdout)}
	if c.says.Scan() {
		if addr, ok := strings.CutPrefix(c.says.Text(), saysListening); ok {
			c.addr = addr
			return c, nil
		}
	}
	_ = process.Cmd.Process.Kill()
	return nil, c.failure(process.Cmd.Wait())
}

// killed waits for the process to kill itself, and returns where it did.
func (c *child) killed() (point string, err error) {
	for c.says.Scan() {
		if at, ok := strings.CutPrefix(c.says.Text(), saysKilled); ok {
			point = at
		}
	}
	err = c.process.Cmd.Wait()
	if point == "" {
		return "", c.failure(err)
	}
	return point, nil
}

// stop ends the process as one is ended that did nothing wrong.
func (c *child) stop() error {
	_ = c.process.Stdin.Close()
	for c.says.Scan() {
	}
	if err := c.process.Cmd.Wait(); err != nil {
		return c.failure(err)
	}
	return nil
}

func (c *child) failure(err error) error {
	return fmt.Errorf("the server process ended by itself: %w: %s", err, bytes.TrimSpace(c.process.Stderr.Bytes()))
}
