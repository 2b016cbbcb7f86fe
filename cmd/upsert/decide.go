package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/goupsert/upsert/cmd/upsert/internal/cli"
	"github.com/goupsert/upsert/internal/words"
	"github.com/goupsert/upsert/keys"
)

const resolveHelp = `upsert keys resolve decides about a key of Do whose caller has left no answer: the effect has happened. The answer is remembered,
and later calls get it.

  upsert keys resolve -dsn DSN -scope SCOPE -op OP -id ID -result JSON
  upsert keys resolve -dsn DSN -scope SCOPE -op OP -id ID -final TEXT

  upsert keys resolve -dsn shop.db -scope shop-7 -op charge -id order-42 -result '{"charge":"ch_17"}'
  upsert keys resolve -dsn shop.db -scope shop-7 -op charge -id order-42 -final 'the card was declined'

-result is stored as JSON, so the program must read JSON; it does unless it gives its calls another codec. With -final later calls get
the text as a final error. While a call holds the key, nothing is changed.

Exit status: 0 if it is decided, 1 if there is nothing to decide, 2 if the command line is wrong or the database has failed.

Flags:
`

// keyFlags adds the flags that name a request.
func (k *keysFlags) keyFlags() *keys.Key {
	var key keys.Key
	k.set.StringVar(&key.Scope, "scope", "", "the key's `scope`")
	k.set.StringVar(&key.Op, "op", "", "the key's `operation`")
	k.set.StringVar(&key.ID, "id", "", "the `identity` of the key, or of the message")
	return &key
}

// checkKey refuses a command line that does not name a request.
func checkKey(key *keys.Key) error {
	if key.Scope == "" || key.Op == "" || key.ID == "" {
		return cli.Usagef("name a request by -scope, -op and -id")
	}
	return nil
}

func runResolve(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	k := newKeysFlags("resolve")
	key := k.keyFlags()
	result := k.set.String("result", "", "the answer, as `JSON`")
	final := k.set.String("final", "", "the `text` of the error that is the answer")
	if err := k.parse(args, resolveHelp, stdout); err != nil {
		return 0, err
	}
	if err := checkKey(key); err != nil {
		return 0, err
	}
	switch {
	case (*result == "") == (*final == ""):
		return 0, cli.Usagef("give the answer: -result or -final, one of them")
	case *result != "" && !json.Valid([]byte(*result)):
		return 0, cli.Usagef("-result %s is no JSON; a text goes in double quotes", *result)
	}
	return k.decide(ctx, *key, stdout, stderr, "resolved", func(s *keys.Store) error {
		if *final != "" {
			return s.ResolveFinal(ctx, *key, errors.New(*final))
		}
		return keys.Resolve(ctx, s, *key, json.RawMessage(*result))
	})
}

const releaseHelp = `upsert keys release decides about a key of Do whose caller has left no answer: the effect has not happened and will not happen.
The next call with the key has it.

  upsert keys release -dsn DSN -scope SCOPE -op OP -id ID

  upsert keys release -dsn shop.db -scope shop-7 -op charge -id order-42

While a call holds the key, nothing is changed.

Exit status: 0 if it is decided, 1 if there is nothing to decide, 2 if the command line is wrong or the database has failed.

Flags:
`

func runRelease(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	k := newKeysFlags("release")
	key := k.keyFlags()
	if err := k.parse(args, releaseHelp, stdout); err != nil {
		return 0, err
	}
	if err := checkKey(key); err != nil {
		return 0, err
	}
	return k.decide(ctx, *key, stdout, stderr, "released", func(s *keys.Store) error { return s.Release(ctx, *key) })
}

// decide calls f for a key that is leased or parked, and reports what was done.
func (k *keysFlags) decide(ctx context.Context, key keys.Key, stdout, stderr io.Writer, done string, f func(*keys.Store) error) (int, error) {
	err := k.withStore(ctx, func(s *keys.Store) error {
		i, err := s.Inspect(ctx, key)
		if err != nil {
			return err
		}
		if i.State != keys.StateLeased && i.State != keys.StateParked {
			return &nothingToDo{fmt.Errorf("%s is %s: there is nothing to decide", key, i.State)}
		}
		return f(s)
	})
	return k.report(err, stdout, stderr, fmt.Sprintf("%s is %s", key, done))
}

// nothingToDo is an error for statusFaults.
type nothingToDo struct{ err error }

func (e *nothingToDo) Error() string { return e.err.Error() }

// report ends a command that changes a key.
func (k *keysFlags) report(err error, stdout, stderr io.Writer, done string) (int, error) {
	var nothing *nothingToDo
	var held *keys.InProgressError
	var parked *keys.ParkedError
	switch {
	case err == nil:
		fmt.Fprintln(stdout, done)
		return statusDone, nil
	case errors.Is(err, keys.ErrNotFound), errors.As(err, &nothing), errors.As(err, &held), errors.As(err, &parked):
		fmt.Fprintf(stderr, "%s: %v\n", k.set.Name(), err)
		return statusFaults, nil
	}
	return 0, err
}

const forgetHelp = `upsert keys forget removes what is remembered of a request, so that the next call with its key is the first again. The effect stays.
With -all it removes all keys of a scope, and reads the whole table for that, in small parts with pauses.

  upsert keys forget -dsn DSN -scope SCOPE -op OP -id ID
  upsert keys forget -dsn DSN -scope SCOPE -all

  upsert keys forget -dsn shop.db -scope shop-7 -op charge -id order-42
  upsert keys forget -dsn shop.db -scope shop-7 -all

A key of Do that is leased or parked stays: decide about it first (upsert keys resolve, release).

Exit status: 0 if all is forgotten, 1 if nothing is known or a key stays, 2 if the command line is wrong or the database has failed.

Flags:
`

func runForget(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	k := newKeysFlags("forget")
	key := k.keyFlags()
	all := k.set.Bool("all", false, "forget all keys of the scope")
	share := k.set.Float64("share", 0.1, "with -all, the `part` of the time in which it works, from 0.001 to 1")
	if err := k.parse(args, forgetHelp, stdout); err != nil {
		return 0, err
	}
	if *all {
		return k.forgetScope(ctx, *key, *share, stdout, stderr)
	}
	if err := checkKey(key); err != nil {
		return 0, err
	}
	err := k.withStore(ctx, func(s *keys.Store) error {
		_, unknown := s.Inspect(ctx, *key)
		if err := s.Forget(ctx, *key); err != nil {
			return err
		}
		return unknown
	})
	return k.report(err, stdout, stderr, fmt.Sprintf("%s is forgotten", key))
}

func (k *keysFlags) forgetScope(ctx context.Context, key keys.Key, share float64, stdout, stderr io.Writer) (int, error) {
	switch {
	case key.Scope == "":
		return 0, cli.Usagef("-scope is missing: name the scope that is to be forgotten")
	case key.Op != "" || key.ID != "":
		return 0, cli.Usagef("-all forgets the whole scope, and -op or -id names a part of it: leave one of them out")
	}
	status := statusDone
	err := k.withStore(ctx, func(s *keys.Store) error {
		removed, err := s.ForgetScope(ctx, key.Scope, keys.GCShare(share))
		var kept *keys.KeptError
		if errors.As(err, &kept) {
			fmt.Fprintf(stderr, "upsert keys forget: %v\n", err)
			status, err = statusFaults, nil
		}
		if err == nil || removed > 0 {
			fmt.Fprintf(stdout, "%s forgotten\n", words.Count(int(removed), "key"))
		}
		return err
	})
	return status, err
}
