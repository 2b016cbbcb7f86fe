package main

import (
	"bufio"
	"context"
	"database/sql/driver"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/keys"
)

// childVariable tells the program that it is a server of the shop. It is in the environment, not on the command line, where
// everybody on the machine could read the DSN.
const childVariable = "SHOP_CHILD"

const mostBody = 4 << 10 // bytes of a request

// orders are what a server process is told.
type orders struct {
	DSN  string
	With bool // with the library
}

// runChild is a server process. It serves until it is killed, or until its standard input ends, as it does when the process
// that started it is gone.
func runChild(text string, stdin io.Reader, stdout, stderr io.Writer) int {
	err := serveChild(text, newReporter(stdin, stdout))
	fmt.Fprintf(stderr, "%v\n", err)
	return 1
}

func serveChild(text string, say *reporter) error {
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	ctx := context.Background()
	db, err := openDB(o.DSN, say.statement)
	if err != nil {
		return err
	}
	routes := (&naive{db}).routes()
	if o.With {
		s, err := openShop(ctx, db, say)
		if err != nil {
			return err
		}
		routes = s.routes()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	say.say(withAttempt(ctx, 1), report{Kind: "listening", Text: l.Addr().String()})
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.Header.Get("Attempt"))
		routes.ServeHTTP(w, r.WithContext(withAttempt(r.Context(), n)))
	})}
	return server.Serve(l)
}

type attemptKey struct{}

// withAttempt marks what is done for the customer's or the queue's n-th attempt.
func withAttempt(ctx context.Context, n int) context.Context {
	return context.WithValue(ctx, attemptKey{}, n)
}

// report is a line by which a server tells what it is doing.
type report struct {
	Kind    string // listening, sql, committed, replay, wait, outcome
	Attempt int
	Text    string
	Args    []string
	Took    time.Duration
}

// reporter writes reports, and waits after each until the reader allows the server to go on. So reports of several servers have
// one order, and a server can be killed exactly between two steps.
type reporter struct {
	mu  sync.Mutex
	out *json.Encoder
	ack *bufio.Reader
}

func newReporter(stdin io.Reader, stdout io.Writer) *reporter {
	r, w := io.Pipe()
	go func() { // also while nothing is reported: the end of standard input is the end of the process
		_, _ = io.Copy(w, stdin)
		os.Exit(0)
	}()
	return &reporter{out: json.NewEncoder(stdout), ack: bufio.NewReader(r)}
}

// say reports what belongs to an attempt. Statements of the start, for example, are not reported.
func (p *reporter) say(ctx context.Context, r report) {
	attempt, ok := ctx.Value(attemptKey{}).(int)
	if !ok {
		return
	}
	r.Attempt = attempt
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.out.Encode(r); err == nil {
		_, _ = p.ack.ReadByte()
	}
}

func (p *reporter) statement(ctx context.Context, text string, args []driver.NamedValue, run func() error) error {
	p.say(ctx, report{Kind: "sql", Text: text, Args: readableArgs(args)})
	err := run()
	if text == "COMMIT" && err == nil {
		p.say(ctx, report{Kind: "committed"})
	}
	return err
}

// hooks report what the keys do.
func (p *reporter) hooks() keys.Hooks {
	as := func(kind string) func(context.Context, keys.Event) {
		return func(ctx context.Context, e keys.Event) { p.say(ctx, report{Kind: kind, Took: e.Duration}) }
	}
	return keys.Hooks{Replay: as("replay"), Wait: as("wait")}
}

// tableHooks report what became of the rows.
func (p *reporter) tableHooks() upsert.Hooks {
	return upsert.Hooks{Write: func(ctx context.Context, e upsert.Event) {
		p.say(ctx, report{Kind: "outcome", Text: e.Table, Args: []string{e.Result.String()}})
	}}
}

// mostArg is how many bytes of a parameter are shown.
const mostArg = 32

func readableArgs(args []driver.NamedValue) []string {
	out := make([]string, 0, len(args))
	for _, a := range args {
		var text string
		switch v := a.Value.(type) {
		case nil:
			text = "NULL"
		case string:
			text = "'" + shorten(strings.ToValidUTF8(v, "?")) + "'"
		case []byte:
			text = "x'" + shorten(hex.EncodeToString(v)) + "'"
		case time.Time:
			text = v.UTC().Format(time.RFC3339)
		default:
			text = shorten(fmt.Sprint(v))
		}
		out = append(out, text)
	}
	return out
}

func shorten(s string) string {
	if r := []rune(s); len(r) > mostArg {
		return string(r[:mostArg]) + "…"
	}
	return s
}
