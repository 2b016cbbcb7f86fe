package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
)

// programVariable makes the test binary the program: its arguments.
const programVariable = "SHOP_ARGS"

// TestMain is a server process too: the program starts the file that it is.
func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		os.Exit(runChild(text, os.Stdin, os.Stdout, os.Stderr))
	}
	if args := os.Getenv(programVariable); args != "" {
		os.Args = append([]string{"shop", "-open=false"}, strings.Fields(args)...)
		main()
	}
	flag.Parse()
	code := engine.Run(m)
	if browser.stop != nil {
		browser.stop()
	}
	os.Exit(code)
}

// hook is a stdout that a test hears of.
type hook func(text string)

func (h hook) Write(p []byte) (int, error) {
	h(string(p))
	return len(p), nil
}

var pageURL = regexp.MustCompile(`http://\S+`)

// openShopAt runs the program until the test ends, and returns the address of its page.
func openShopAt(t *testing.T, args ...string) (url string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	said, ended := make(chan string, 1), make(chan int, 1)
	var errs bytes.Buffer
	go func() {
		ended <- run(ctx, append([]string{"-open=false"}, args...), hook(func(text string) { said <- text }), &errs)
	}()
	t.Cleanup(func() {
		cancel()
		if code := <-ended; code != 0 || errs.Len() > 0 {
			t.Errorf("the program ended with %d, stderr %q; want 0 and nothing", code, &errs)
		}
	})
	select {
	case text := <-said:
		return pageURL.FindString(text)
	case code := <-ended:
		ended <- code
		t.Fatalf("the program did not start: %s", &errs)
		return ""
	}
}
