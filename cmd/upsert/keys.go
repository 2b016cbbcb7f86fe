package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/goupsert/upsert/cmd/upsert/internal/cli"
	"github.com/goupsert/upsert/cmd/upsert/internal/database"
	"github.com/goupsert/upsert/cmd/upsert/internal/progress"
	"github.com/goupsert/upsert/cmd/upsert/internal/tabledef"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/words"
	"github.com/goupsert/upsert/keys"
)

const keysHelp = `upsert keys manages the table in which package keys remembers requests and messages.

  upsert keys inspect   print what is known about a request or a message
  upsert keys list      list the keys and messages in a state
  upsert keys stuck     list the keys that a person has to look at
  upsert keys dead      list the messages whose handling has failed too often
  upsert keys revive    make dead messages fresh again
  upsert keys resolve   say what became of a parked request: it happened, and this is its answer
  upsert keys release   say that a parked request has not happened
  upsert keys forget    remove what is remembered of a request, or of a scope
  upsert keys gc        remove what is past its retention

  upsert keys inspect -dsn shop.db -scope shop-7 -op charge -id order-42
  upsert keys list -dsn shop.db -state parked
  upsert keys dead -dsn shop.db -consumer mailer
  upsert keys revive -dsn shop.db -consumer mailer evt-1 evt-2
  upsert keys release -dsn shop.db -scope shop-7 -op charge -id order-42
  upsert keys gc -dsn postgres://me@localhost/shop

upsert keys COMMAND -h explains a command.
`

var keysCommands = []command{
	{"inspect", runInspect}, {"list", runList}, {"stuck", runStuck}, {"dead", runDead}, {"revive", runRevive},
	{"resolve", runResolve}, {"release", runRelease}, {"forget", runForget}, {"gc", runGC},
}

func runKeys(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	if len(args) == 0 {
		return 0, cli.Usagef("say what to do: inspect, list, stuck, dead, revive, resolve, release, forget or gc")
	}
	switch args[0] {
	case "-h", "-help", "--help", "help":
		fmt.Fprint(stdout, keysHelp)
		return statusDone, nil
	}
	for _, c := range keysCommands {
		if c.name == args[0] {
			return c.finish(ctx, "upsert keys "+c.name, args[1:], stdout, stderr), nil
		}
	}
	return 0, cli.Usagef("there is no command %q: %s", args[0], suggest(args[0], keysCommands))
}

// keysFlags are what every command about keys has.
type keysFlags struct {
	set        *flag.FlagSet
	dsn, table string
	asJSON     bool
	quiet      bool
}

func newKeysFlags(name string) *keysFlags {
	k := &keysFlags{set: flag.NewFlagSet("upsert keys "+name, flag.ContinueOnError)}
	k.set.StringVar(&k.dsn, "dsn", "", tabledef.DSNUsage)
	k.set.StringVar(&k.table, "table", "idempotency_keys", "the `table` of the keys, or schema.table")
	return k
}

// parse is cli.Parse for a command that takes flags only.
func (k *keysFlags) parse(args []string, help string, stdout io.Writer) error {
	if err := cli.Parse(k.set, args, help, stdout); err != nil {
		return err
	}
	return noArguments(k.set)
}

// withStore calls f with the store.
func (k *keysFlags) withStore(ctx context.Context, f func(*keys.Store) error) error {
	return k.withPool(ctx, func(s *keys.Store, _ *sql.DB) error { return f(s) })
}

// withDatabase calls f with the store and the time of the database's clock.
func (k *keysFlags) withDatabase(ctx context.Context, f func(*keys.Store, time.Time) error) error {
	return k.withPool(ctx, func(s *keys.Store, db *sql.DB) error {
		now, err := databaseTime(ctx, db)
		if err != nil {
			return err
		}
		return f(s, now)
	})
}

// databaseTime asks the database for its time, which the times of keys are compared with.
func databaseTime(ctx context.Context, db *sql.DB) (time.Time, error) {
	d, err := dialect.Detect(ctx, db)
	if err != nil {
		return time.Time{}, err
	}
	query := "SELECT CAST(UTC_TIMESTAMP(6) AS CHAR)"
	switch d.Name() {
	case "sqlite":
		query = "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')"
	case "postgres":
		query = "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
	}
	var text string
	if err := db.QueryRowContext(ctx, query).Scan(&text); err != nil {
		return time.Time{}, err
	}
	return time.ParseInLocation("2006-01-02 15:04:05.999999", text, time.UTC)
}

func (k *keysFlags) withPool(ctx context.Context, f func(*keys.Store, *sql.DB) error) error {
	if k.dsn == "" {
		return cli.Usagef("-dsn is missing: give %s", database.Usage)
	}
	db, err := database.Open(k.dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	store, err := keys.Open(ctx, db, keys.Table(k.table))
	if err != nil {
		return err
	}
	err = f(store, db)
	if err != nil && strings.Contains(err.Error(), noTable) {
		return errors.New(strings.Replace(err.Error(), noTable, "the program that uses package keys makes it with Store.Migrate; -table names another", 1))
	}
	return err
}

// noTable is advice of the library in words of Go.
const noTable = "run Store.Migrate, or name the table with the option Table"

const inspectHelp = `upsert keys inspect prints what is known about a request's key or a message.

  upsert keys inspect -dsn DSN -scope SCOPE -op OP -id ID
  upsert keys inspect -dsn DSN -consumer CONSUMER -id ID

  upsert keys inspect -dsn shop.db -scope shop-7 -op charge -id order-42
  upsert keys inspect -dsn shop.db -consumer mailer -id evt-1 -json

Exit status: 0 if something is known, 1 if nothing is, 2 if the command line is wrong or the database cannot be asked.

Flags:
`

func runInspect(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	k := newKeysFlags("inspect")
	key := k.keyFlags()
	var consumer string
	k.set.StringVar(&consumer, "consumer", "", "the message's `consumer`, in place of -scope and -op")
	k.set.BoolVar(&k.asJSON, "json", false, "print JSON")
	if err := k.parse(args, inspectHelp, stdout); err != nil {
		return 0, err
	}
	switch {
	case consumer != "" && (key.Scope != "" || key.Op != ""):
		return 0, cli.Usagef("-consumer is about a message, -scope and -op are about a request: give the one or the others")
	case consumer == "" && (key.Scope == "" || key.Op == ""), key.ID == "":
		return 0, cli.Usagef("name a request by -scope, -op and -id, or a message by -consumer and -id")
	}
	var info *keys.Info
	err := k.withStore(ctx, func(s *keys.Store) (err error) {
		if consumer != "" {
			info, err = s.InspectMessage(ctx, consumer, key.ID)
		} else {
			info, err = s.Inspect(ctx, *key)
		}
		return err
	})
	if errors.Is(err, keys.ErrNotFound) {
		fmt.Fprintf(stderr, "upsert keys inspect: %v\n", err)
		return statusFaults, nil
	}
	if err != nil {
		return 0, err
	}
	return statusDone, printInfo(stdout, info, k.asJSON)
}

const gcHelp = `upsert keys gc removes the keys and messages that are past their retention, in small transactions with pauses, so that claims
that run at the same time are hardly slower. Dead messages stay.

  upsert keys gc -dsn DSN [flags]

  upsert keys gc -dsn postgres://me@localhost/shop -limit 100000

Exit status: 0, or 2 if the command line is wrong or the database has failed.

Flags:
`

func runGC(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	k := newKeysFlags("gc")
	limit := k.set.Int64("limit", 0, "remove `n` at most (default: all that are due)")
	share := k.set.Float64("share", 0.1, "the `part` of the time in which keys are removed, from 0.001 to 1")
	k.set.BoolVar(&k.quiet, "quiet", false, "no progress; the report at the end stays")
	if err := k.parse(args, gcHelp, stdout); err != nil {
		return 0, err
	}
	if *limit < 0 {
		return 0, cli.Usagef("-limit %d: give at least 1", *limit)
	}
	bar := progress.New(stderr, "upsert keys gc", time.Now, k.quiet)
	bar.Start(-1)
	defer bar.Stop()
	opts := []keys.GCOption{keys.GCShare(*share), keys.GCProgress(func(removed int64) {
		if bar.Due() {
			bar.Show(removed, words.Count(int(removed), "key")+" removed")
		}
	})}
	if *limit != 0 {
		opts = append(opts, keys.GCLimit(*limit))
	}
	return statusDone, k.withStore(ctx, func(s *keys.Store) error {
		removed, err := s.GC(ctx, opts...)
		bar.Stop()
		if err != nil && removed > 0 {
			fmt.Fprintf(stderr, "upsert keys gc: %s removed before; run it again to go on\n", words.Count(int(removed), "key"))
		}
		if err == nil {
			fmt.Fprintf(stdout, "%s removed\n", words.Count(int(removed), "key"))
		}
		return err
	})
}
