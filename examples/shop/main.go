// Shop is a page on which one sees what it means that a write is safe to repeat: a payment is pressed twice, a record is sent
// twice, a message is delivered twice, with the library and without.
//
//	go run ./examples/shop                 # serves the page, prints its address, and opens the browser
//	go run ./examples/shop -dsn postgres://me@localhost/test
//
// The server with the library is shop.go, and the server without is naive.go. A server is a process of its own (child.go,
// process.go). The program starts servers for each story (story.go, play.go), plays the customer (client.go), and kills the
// servers.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/keys"

	"github.com/goupsert/upsert/examples/internal/command"
)

func main() { command.Main(childVariable, runChild, run) }

// run is the program. It returns 0 after an interrupt, 1 for a failure, 2 for a command line that cannot be run.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cfg, err := parseFlags(args, stdout)
	if err == nil {
		err = serve(ctx, cfg, stdout, stderr)
	}
	return command.Status("shop", err, stderr)
}

// serve serves the page until the context ends, and leaves nothing behind.
func serve(ctx context.Context, cfg *config, stdout, stderr io.Writer) (err error) {
	h, err := openHost(ctx, cfg.dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	l, err := net.Listen("tcp", cfg.listen)
	if err != nil {
		return err
	}
	h.ctx, h.log = ctx, func(err error) { fmt.Fprintf(stderr, "shop: %v\n", err) }
	// A request's context ends with the program, so that no stream of events keeps it.
	server := &http.Server{
		Handler: h.routes(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	url := urlOf(l.Addr())
	fmt.Fprintf(stdout, "the shop is open: %s (%s; Ctrl-C closes it)\n", url, h.database)
	if cfg.open {
		openBrowser(url)
	}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err = server.Serve(l); errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

// urlOf is an address at which a browser on this machine finds the page.
func urlOf(at net.Addr) string {
	tcp, ok := at.(*net.TCPAddr)
	if ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("http://localhost:%d/", tcp.Port)
	}
	return "http://" + at.String() + "/"
}

// host is the program that serves the page.
type host struct {
	dsn      string
	folder   string // of the database, if no other was named
	database string // the dialect's name
	db       *sqlx.DB
	banks    *banks
	log      func(error)
	ctx      context.Context // the program's
}

func openHost(ctx context.Context, dsn string) (_ *host, err error) {
	h := &host{dsn: dsn, banks: newBanks(), log: func(error) {}}
	if dsn == "" {
		if h.folder, err = os.MkdirTemp("", "shop-"); err != nil {
			return nil, err
		}
		h.dsn = filepath.Join(h.folder, "shop.db")
	}
	if err := h.prepare(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(h.folder))
	}
	return h, nil
}

func (h *host) prepare(ctx context.Context) (err error) {
	if h.db, err = openDB(h.dsn, nil); err != nil {
		return err
	}
	if err = makeTables(ctx, h.db); err == nil {
		if err = h.prepareKeys(ctx); err == nil {
			return nil
		}
		err = errors.Join(err, dropTables(ctx, h.db, tableNames()))
	}
	return errors.Join(err, h.db.Close())
}

func (h *host) prepareKeys(ctx context.Context) error {
	store, err := keys.Open(ctx, h.db, keys.Table(keysTable))
	if err != nil {
		return err
	}
	d, err := dialect.Detect(ctx, h.db)
	if err != nil {
		return err
	}
	h.database = map[string]string{"sqlite": "SQLite", "postgres": "PostgreSQL", "mysql": "MySQL", "mariadb": "MariaDB"}[d.Name()]
	return store.Migrate(ctx)
}

// close waits for the plays under way, which end with the program's context, and drops the tables.
func (h *host) close() error {
	h.banks.plays.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := errors.Join(dropTables(ctx, h.db, tableNames()), h.db.Close())
	if h.folder != "" {
		err = errors.Join(err, os.RemoveAll(h.folder))
	}
	return err
}
