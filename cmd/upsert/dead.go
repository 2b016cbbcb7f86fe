package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/goupsert/upsert/cmd/upsert/internal/cli"
	"github.com/goupsert/upsert/cmd/upsert/internal/progress"
	"github.com/goupsert/upsert/internal/words"
	"github.com/goupsert/upsert/keys"
)

const deadHelp = `upsert keys dead lists the dead messages of a consumer, the oldest first.

  upsert keys dead -dsn DSN -consumer CONSUMER [flags]

  upsert keys dead -dsn shop.db -consumer mailer -limit 20
  upsert keys dead -dsn shop.db -consumer mailer -json

Exit status: 0, or 2 if the command line is wrong or the database cannot be asked.

Flags:
`

// dead is what keys dead prints of a message as JSON.
type dead struct {
	ID          string    `json:"id"`
	Attempts    int       `json:"attempts"`
	Since       time.Time `json:"since"`
	Error       string    `json:"error"`
	Payload     []byte    `json:"payload,omitempty"` // in base64
	PayloadSize int       `json:"payload_size"`
}

func runDead(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	k := newKeysFlags("dead")
	consumer := k.set.String("consumer", "", "the `consumer` whose messages they are (required)")
	limit := k.set.Int("limit", 100, "list `n` at most")
	k.set.BoolVar(&k.asJSON, "json", false, "print JSON, with the payloads in base64")
	if err := k.parse(args, deadHelp, stdout); err != nil {
		return 0, err
	}
	switch {
	case *consumer == "":
		return 0, cli.Usagef("-consumer is missing: name the consumer whose dead messages are to be listed")
	case *limit < 1:
		return 0, cli.Usagef("-limit %d: give at least 1", *limit)
	}
	var found []keys.DeadMessage
	err := k.withStore(ctx, func(s *keys.Store) (err error) {
		found, err = s.Dead(ctx, *consumer, *limit)
		return err
	})
	if err != nil {
		return 0, err
	}
	if k.asJSON {
		return statusDone, printDeadJSON(stdout, found)
	}
	for _, m := range found {
		fmt.Fprintf(stdout, "%s\t%s\tsince %s\t%s\n", m.ID, words.Count(m.Attempts, "attempt"), timeText(m.Since), m.Error)
	}
	fmt.Fprintf(stderr, "upsert keys dead: %s\n", words.Count(len(found), "dead message"))
	return statusDone, nil
}

func printDeadJSON(to io.Writer, found []keys.DeadMessage) error {
	out := []dead{}
	for _, m := range found {
		out = append(out, dead{ID: m.ID, Attempts: m.Attempts, Since: m.Since, Error: m.Error, Payload: m.Payload, PayloadSize: m.PayloadSize})
	}
	return encodeJSON(to, out)
}

const reviveHelp = `upsert keys revive makes dead messages fresh: they are handled when they are delivered again. It does not deliver them.

  upsert keys revive -dsn DSN -consumer CONSUMER ID [ID …]
  upsert keys revive -dsn DSN -consumer CONSUMER -all

  upsert keys revive -dsn shop.db -consumer mailer evt-1 evt-2

Exit status: 0, or 2 if the command line is wrong or the database has failed.

Flags:
`

// reviveBatch is how many messages -all revives in one transaction.
const reviveBatch = 1000

func runRevive(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	k := newKeysFlags("revive")
	consumer := k.set.String("consumer", "", "the `consumer` whose messages they are (required)")
	all := k.set.Bool("all", false, "revive all dead messages of the consumer")
	k.set.BoolVar(&k.quiet, "quiet", false, "no progress; the report at the end stays")
	if err := cli.Parse(k.set, args, reviveHelp, stdout); err != nil {
		return 0, err
	}
	ids := k.set.Args()
	switch {
	case *consumer == "":
		return 0, cli.Usagef("-consumer is missing: name the consumer whose messages are to be revived")
	case *all && len(ids) > 0:
		return 0, cli.Usagef("-all revives all, and there is %q as well: give the one or the other", ids[0])
	case !*all && len(ids) == 0:
		return 0, cli.Usagef("name the messages to revive after the flags, or say -all; upsert keys dead lists them")
	}
	var revived int64
	err := k.withStore(ctx, func(s *keys.Store) (err error) {
		if !*all {
			revived, err = s.Revive(ctx, *consumer, ids...)
			return err
		}
		bar := progress.New(stderr, "upsert keys revive", time.Now, k.quiet)
		bar.Start(-1)
		defer bar.Stop()
		revived, err = reviveAll(ctx, s, *consumer, bar)
		return err
	})
	if err == nil {
		fmt.Fprintf(stdout, "%s revived\n", words.Count(int(revived), "message"))
	}
	return statusDone, err
}

// reviveAll revives until there is no dead message, or none that it can revive.
func reviveAll(ctx context.Context, s *keys.Store, consumer string, bar *progress.Progress) (revived int64, err error) {
	for {
		found, err := s.Dead(ctx, consumer, reviveBatch)
		if err != nil || len(found) == 0 {
			return revived, err
		}
		var ids []string
		for _, m := range found {
			ids = append(ids, m.ID)
		}
		n, err := s.Revive(ctx, consumer, ids...)
		if revived += n; err != nil || n == 0 {
			return revived, err
		}
		if bar.Due() {
			bar.Show(revived, words.Count(int(revived), "message")+" revived")
		}
	}
}
