// Payments is an HTTP service that charges once, however often it is asked, and a client whose network does its worst.
//
//	go run ./examples/payments         # requests and answers get lost, and are sent twice
//	go run ./examples/payments -crash  # the server process is killed a hundred times besides
//	go run ./examples/payments -naive  # the same service without the keys
//
// At the end the client's list of what it meant to pay is compared with what its customers were charged. payments -h lists
// what it can do.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/goupsert/upsert/examples/internal/command"
	"github.com/goupsert/upsert/examples/internal/progress"
)

func main() { command.Main(childVariable, runChild, run) }

// errUnequal is the end of a run that has found its service wrong; the report has said how.
var errUnequal = errors.New("the charges are not what the customers meant to pay")

// run is the program: 0 when every customer was charged what they meant to pay, 1 when not, 2 for a command line that
// cannot be run.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cfg, err := parseFlags(args, stdout)
	if err == nil {
		p := &program{cfg: cfg, out: &lines{out: stdout}, errs: stderr, now: time.Now}
		p.progress = progress.New(stderr, "payments", time.Now, cfg.quiet || cfg.verbose)
		if err = p.run(ctx); err != nil && ctx.Err() != nil {
			err = errors.New("interrupted")
		}
	}
	return command.Status("payments", err, stderr)
}

// program is one run.
type program struct {
	cfg      *config
	out      *lines
	errs     io.Writer
	now      func() time.Time
	progress *progress.Progress
	wire     *http.Transport
	folder   string // for the client's list, and the database if no other is named
}

func (p *program) run(ctx context.Context) (err error) {
	if p.folder, err = os.MkdirTemp("", "payments-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(p.folder)) }()
	if p.cfg.dsn == "" {
		p.cfg.dsn = filepath.Join(p.folder, "payments.db")
	}
	bank, err := openBank(ctx, p.cfg.dsn, nil)
	if err != nil {
		return err
	}
	defer bank.db.Close()
	for _, name := range p.cfg.names() {
		if err := bank.open(ctx, name, openingBalance); err != nil {
			return fmt.Errorf("the account of %s: %w", name, err)
		}
	}
	if p.cfg.serve != "" {
		return p.serve(ctx, bank)
	}
	return p.play(ctx, bank)
}

// play lets the client pay and compares its list with the bank's books.
func (p *program) play(ctx context.Context, bank *bank) error {
	before, err := bank.books(ctx, p.cfg.names())
	if err != nil {
		return err
	}
	list, err := openList(filepath.Join(p.folder, "client.list"))
	if err != nil {
		return err
	}
	p.wire = newWire(p.cfg.clients)
	p.out.printf("%s\n\n", p.cfg.title(bank))
	began := p.now()
	if p.cfg.crash {
		list, err = p.crashes(ctx, list)
	} else {
		list, err = p.story(ctx, bank, list)
	}
	if err != nil {
		return err
	}
	defer list.close()
	after, err := bank.books(ctx, p.cfg.names())
	if err != nil {
		return err
	}
	return report(p.out, newAudit(list.all(), before, after), p.now().Sub(began))
}
