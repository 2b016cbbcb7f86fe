package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/goupsert/upsert/cmd/upsert/internal/cli"
	"github.com/goupsert/upsert/internal/words"
	"github.com/goupsert/upsert/keys"
)

const listHelp = `upsert keys list lists the keys and messages in a state, in no meaningful order.

  upsert keys list -dsn DSN -state STATE [flags]

  upsert keys list -dsn shop.db -state parked
  upsert keys list -dsn shop.db -state waiting -limit 20 -json

The states:
  done         with a result
  final-error  with an error that is replayed
  waiting      messages with failed attempts, which wait for their next delivery
  dead         messages whose handling has failed too often
  leased       a call of Do has the key, or has left no answer
  parked       nobody knows whether the effect has happened: upsert keys resolve or release
  claimed      committed without a result, by a statement that commits: upsert keys forget

A request that is being handled in a transaction is not visible to others, and so is not listed. waiting, dead and parked are found
by an index; another state that few keys have takes the time of reading the whole table.

Exit status: 0, or 2 if the command line is wrong or the database cannot be asked.

Flags:
`

// listed are the states by their names on the command line.
var listed = []struct {
	name  string
	state keys.State
}{
	{"done", keys.StateDone}, {"final-error", keys.StateFinalError}, {"waiting", keys.StateWaiting}, {"dead", keys.StateDead},
	{"leased", keys.StateLeased}, {"parked", keys.StateParked}, {"claimed", keys.StateClaimed},
}

// stateCalled returns the state with a name, and an error that suggests a name if there is none.
func stateCalled(name string) (keys.State, error) {
	if name == "" {
		return 0, cli.Usagef("-state is missing: name the state of the keys that are to be listed")
	}
	var known []string
	for _, l := range listed {
		if l.name == name {
			return l.state, nil
		}
		known = append(known, l.name)
	}
	return 0, cli.Usagef("-state %q is none: %s", name, cli.Suggest(name, known))
}

// keysPage is what keys list prints as JSON.
type keysPage struct {
	Keys []info `json:"keys"`
	Next string `json:"next,omitempty"` // for -after; empty on the last page
}

func runList(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	k := newKeysFlags("list")
	name := k.set.String("state", "", "the `state` of the keys (required)")
	limit := k.set.Int("limit", 100, "list `n` at most")
	var after keys.Cursor
	k.set.TextVar(&after, "after", keys.Cursor{}, "go on after this `cursor`, which the page before has printed")
	k.set.BoolVar(&k.asJSON, "json", false, "print JSON")
	if err := k.parse(args, listHelp, stdout); err != nil {
		return 0, err
	}
	state, err := stateCalled(*name)
	if err != nil {
		return 0, err
	}
	if *limit < 1 {
		return 0, cli.Usagef("-limit %d: give at least 1", *limit)
	}
	var page []keys.Info
	var next keys.Cursor
	err = k.withStore(ctx, func(s *keys.Store) (err error) {
		page, next, err = s.List(ctx, state, after, *limit)
		return err
	})
	if err != nil {
		return 0, err
	}
	if len(page) < *limit {
		next = keys.Cursor{}
	}
	if k.asJSON {
		return statusDone, encodeJSON(stdout, keysPage{infosOf(page), next.String()})
	}
	printLines(stdout, page)
	fmt.Fprintf(stderr, "upsert keys list: %s\n", words.Count(len(page), "key"))
	if next != (keys.Cursor{}) {
		fmt.Fprintf(stderr, "there may be more: -after %s\n", next)
	}
	return statusDone, nil
}

func infosOf(page []keys.Info) []info {
	out := []info{}
	for i := range page {
		out = append(out, infoOf(&page[i]))
	}
	return out
}

// printLines prints a line for each key.
func printLines(to io.Writer, page []keys.Info) {
	for _, i := range page {
		name := strings.TrimSuffix(i.Key.String(), "/")
		if i.Key.Op == "" {
			name = strings.Replace(i.Key.String(), "//", "/", 1)
		}
		line := []string{name, i.State.String(), words.Count(i.Attempts, "attempt"), "claimed " + timeText(i.ClaimedAt)}
		switch i.State {
		case keys.StateLeased:
			line = append(line, "leased until "+timeText(i.LeaseUntil))
		case keys.StateParked:
			line = append(line, "parked since "+timeText(i.LeaseUntil))
		}
		if i.State != keys.StateDone && len(i.Result) > 0 {
			line = append(line, resultText(i.Result))
		}
		fmt.Fprintln(to, strings.Join(line, "\t"))
	}
}

const stuckHelp = `upsert keys stuck lists the keys that nothing but a person moves on, and those that wait for a call to meet them:

  parked keys          nobody knows whether the effect has happened: upsert keys resolve or release
  leased keys          whose lease has ended without an answer: the next call with the key follows its policy
  keys in state claimed  committed without a result: look what became of the effect, then upsert keys forget

  upsert keys stuck -dsn DSN [flags]

  upsert keys stuck -dsn postgres://me@localhost/shop
  upsert keys stuck -dsn shop.db -json

It reads the whole table, and changes nothing. upsert keys dead and upsert keys list -state waiting list messages.

Exit status: 0 if there are none, 1 if there are, 2 if the command line is wrong or the database cannot be asked.

Flags:
`

// stuckPage is how many keys are read at once.
const stuckPage = 500

func runStuck(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	k := newKeysFlags("stuck")
	limit := k.set.Int("limit", 100, "list `n` at most of each kind")
	k.set.BoolVar(&k.asJSON, "json", false, "print JSON")
	if err := k.parse(args, stuckHelp, stdout); err != nil {
		return 0, err
	}
	if *limit < 1 {
		return 0, cli.Usagef("-limit %d: give at least 1", *limit)
	}
	var found []keys.Info
	err := k.withDatabase(ctx, func(s *keys.Store, now time.Time) error {
		isStuck := func(i keys.Info) bool { return i.State != keys.StateLeased || !i.LeaseUntil.After(now) }
		for _, state := range []keys.State{keys.StateParked, keys.StateLeased, keys.StateClaimed} {
			some, err := listSome(ctx, s, state, *limit, isStuck)
			if err != nil {
				return err
			}
			found = append(found, some...)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	status := statusDone
	if len(found) > 0 {
		status = statusFaults
	}
	if k.asJSON {
		return status, encodeJSON(stdout, keysPage{Keys: infosOf(found)})
	}
	printLines(stdout, found)
	fmt.Fprintf(stderr, "upsert keys stuck: %s\n", words.Count(len(found), "stuck key"))
	return status, nil
}

// listSome lists up to limit keys in a state for which f is true.
func listSome(ctx context.Context, s *keys.Store, state keys.State, limit int, f func(keys.Info) bool) (found []keys.Info, err error) {
	var at keys.Cursor
	for {
		page, next, err := s.List(ctx, state, at, stuckPage)
		if err != nil {
			return nil, err
		}
		last := len(page) < stuckPage
		page = slices.DeleteFunc(page, func(i keys.Info) bool { return !f(i) })
		found = append(found, page[:min(len(page), limit-len(found))]...)
		if at = next; last || len(found) == limit {
			return found, nil
		}
	}
}
