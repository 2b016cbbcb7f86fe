package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// hook is a stdout that a test hears of.
type hook func(text string)

func (h hook) Write(p []byte) (int, error) {
	h(string(p))
	return len(p), nil
}

func TestChild_SaysWhyItDidNotStart(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"oracle://me@localhost/x":                      "no driver for oracle://",
		"postgres://me@127.0.0.1:1/db?sslmode=disable": "connection refused",
	} {
		if _, err := startChild(t.Context(), orders{DSN: dsn}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "the server process ended by itself") {
			t.Errorf("%s: error %v; want %q in it", dsn, err, want)
		}
	}
}

func TestChild_EndsWithItsStarter(t *testing.T) {
	t.Parallel()
	c, err := startChild(t.Context(), orders{DSN: filepath.Join(t.TempDir(), "bank.db")})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.stop(); err != nil {
		t.Errorf("stop: %v; want that it ends when its standard input does", err)
	}
}

func TestRun_Interrupted(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"story": nil, "crash": {"-crashes", "1000"}} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var errs bytes.Buffer
		code := run(ctx, args, hook(func(string) { cancel() }), &errs)
		if code != 1 || errs.String() != "payments: interrupted\n" {
			t.Errorf("%s: ended with %d, stderr %q; want 1 and that it was interrupted", name, code, errs.String())
		}
	}
}

func TestRun_Serve(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	said, ended := make(chan string, 1), make(chan int)
	var errs bytes.Buffer
	go func() {
		ended <- run(ctx, []string{"-serve", "127.0.0.1:0"}, hook(func(text string) { said <- text }), &errs)
	}()
	first := <-said
	url, _, ok := strings.Cut(strings.TrimPrefix(first, "listening on "), "/payments")
	if !ok || !strings.Contains(first, "[ann ben cleo dan eve finn]") {
		t.Fatalf("it says %q; want where it listens, and the customers", first)
	}
	wire := newWire(1)
	c := newClient(func() string { return url }, nil, &network{inner: wire, next: scripted()})
	if a := c.send(t.Context(), order{"ann", 12_50}, "one"); a.String() != "201 paid, balance 999,987.50" {
		t.Errorf("the answer is %v", a)
	}
	wire.CloseIdleConnections()
	cancel()
	if code := <-ended; code != 0 || errs.String() != "" {
		t.Errorf("ended with %d, stderr %q; want 0", code, errs.String())
	}
}
