package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/cmd/upsert/internal/dbtest"
	"github.com/goupsert/upsert/keys"
)

var errUnknown = errors.New("the provider does not answer")

// leave makes a request of Do whose effect is unknown. The request is parked, or its lease has ended, or it lasts an hour.
func leave(t *testing.T, ns *dbtest.Namespace, s *keys.Store, id string, lease time.Duration, parked bool) {
	t.Helper()
	unknown := func(context.Context, *keys.Held) (string, error) { return "", errUnknown }
	do := func() error {
		_, _, err := keys.Do(t.Context(), s, keys.Key{Scope: "shop-7", Op: "charge", ID: id}, keys.Fingerprint{}, unknown, keys.Lease(lease))
		return err
	}
	if err := do(); !errors.Is(err, errUnknown) {
		t.Fatal(err)
	}
	if lease < time.Hour {
		execute(t, ns.DB(), "UPDATE idempotency_keys SET lease_until = '2001-01-01 00:00:00' WHERE id = '"+id+"'")
	}
	if p := (*keys.ParkedError)(nil); parked && !errors.As(do(), &p) {
		t.Fatal("the key is not parked")
	}
}

func TestKeys_Decide(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		ns := e.Namespace(t)
		s := store(t, ns)
		on := func(command string, args ...string) outcome {
			t.Helper()
			return upsertWith(t, append([]string{"keys", command, "-dsn", ns.DSN()}, args...)...)
		}
		key := func(id string, more ...string) []string {
			return append([]string{"-scope", "shop-7", "-op", "charge", "-id", id}, more...)
		}
		on("stuck").ended(t, 0)
		for _, id := range []string{"happened", "failed", "never", "kept"} {
			leave(t, ns, s, id, time.Minute, true)
		}
		leave(t, ns, s, "left", time.Minute, false)
		leave(t, ns, s, "held", time.Hour, false)
		execute(t, ns.DB(), "UPDATE idempotency_keys SET state = 1 WHERE id = 'order-2'")

		on("inspect", key("kept")...).ended(t, 0, "state      parked: ", "parked     since 2", `result     {"text":"the provider does not answer"}`)
		on("inspect", key("held", "-json")...).ended(t, 0, `"state": "leased"`, `"lease_until": "2`)
		stuck := on("stuck")
		stuck.ended(t, 1, "shop-7/charge/happened\tparked\t1 attempt\tclaimed 2", "\tparked since 2", "the provider does not answer", "shop-7/charge/left\tleased\t", "shop-7/charge/order-2\tclaimed\t")
		if n := len(strings.Split(strings.TrimSpace(stuck.stdout), "\n")); n != 6 {
			t.Fatalf("%d stuck keys in %q, want 6", n, stuck.stdout)
		}
		on("list", "-state", "leased").ended(t, 0, "shop-7/charge/held\tleased\t", "\tleased until 2")
		on("list", "-state", "waiting").ended(t, 0, "mailer/late\twaiting\t1 attempt\t", "no such mailbox")

		on("resolve", key("happened", "-result", `{"charge": "ch_17"}`)...).ended(t, 0, "shop-7/charge/happened is resolved\n")
		on("inspect", key("happened")...).ended(t, 0, "state      done\n", `result     {"charge":"ch_17"}`)
		on("resolve", key("failed", "-final", "declined")...).ended(t, 0, "shop-7/charge/failed is resolved\n")
		on("inspect", key("failed")...).ended(t, 0, "state      final error", "declined")
		on("release", key("never")...).ended(t, 0, "shop-7/charge/never is released\n")
		on("inspect", key("never")...).ended(t, 1)
		on("release", key("left")...).ended(t, 0)

		for command, answer := range map[string][]string{"resolve": {"-result", "1"}, "release": nil} {
			on(command, key("order-1", answer...)...).faulty(t, "order-1 is done: there is nothing to decide")
			on(command, key("none", answer...)...).faulty(t, "the key is not stored")
		}
		on("forget", key("kept")...).faulty(t, "nobody knows whether its effect has happened")
		on("forget", key("none")...).faulty(t, "the key is not stored")
		on("forget", key("order-2")...).ended(t, 0, "shop-7/charge/order-2 is forgotten\n")
		on("inspect", key("order-2")...).ended(t, 1)
		all := on("forget", "-scope", "shop-7", "-all", "-share", "1")
		all.faulty(t, "1 leased and 1 parked keys of scope shop-7")
		all.ended(t, 1, "5 keys forgotten\n") // order-1, happened, failed, never, left
		on("release", key("kept")...).ended(t, 0)
		execute(t, ns.DB(), "DELETE FROM idempotency_keys WHERE id = 'held'")
		on("forget", "-scope", "shop-7", "-all", "-share", "1").ended(t, 0, "1 key forgotten\n")
		on("stuck").ended(t, 0)
		on("list", "-state", "dead").ended(t, 0, "mailer/evt-1\tdead\t2 attempts\t", "mailer/evt-2\t")
	})
}

// faulty fails the test unless the run ended with 1 and has the text on stderr.
func (o outcome) faulty(t *testing.T, text string) {
	t.Helper()
	if o.code != statusFaults || !strings.Contains(o.stderr, text) {
		t.Fatalf("ended with %d, stdout %q, stderr %q; want %d and %q on stderr", o.code, o.stdout, o.stderr, statusFaults, text)
	}
}

func TestKeys_ListPages(t *testing.T) {
	t.Parallel()
	ns := dbtest.Get("sqlite").Namespace(t)
	s := store(t, ns)
	for i := range 3 {
		leave(t, ns, s, fmt.Sprint("p", i), time.Minute, true)
	}
	var page keysPage
	read := func(args ...string) int {
		t.Helper()
		run := upsertWith(t, append([]string{"keys", "list", "-dsn", ns.DSN(), "-state", "parked", "-limit", "2"}, args...)...)
		page = keysPage{}
		if err := json.Unmarshal([]byte(run.stdout), &page); err != nil || run.code != 0 {
			t.Fatalf("%v, %+v", err, run)
		}
		return len(page.Keys)
	}
	if n := read("-json"); n != 2 || page.Next == "" || page.Keys[0].State != "parked" || page.Keys[0].ParkedAt == nil || page.Keys[0].LeaseUntil != nil {
		t.Fatalf("%+v; want two parked keys and a cursor", page)
	}
	next := page.Next
	if n := read("-json", "-after", next); n != 1 || page.Next != "" {
		t.Fatalf("%+v; want the last parked key", page)
	}
	text := upsertWith(t, "keys", "list", "-dsn", ns.DSN(), "-state", "parked", "-limit", "2")
	if text.code != 0 || !strings.Contains(text.stderr, "2 keys\nthere may be more: -after "+next) {
		t.Fatalf("%+v", text)
	}
	run := upsertWith(t, "keys", "stuck", "-dsn", ns.DSN(), "-json", "-limit", "1")
	if err := json.Unmarshal([]byte(run.stdout), &page); err != nil || run.code != 1 || len(page.Keys) != 1 {
		t.Fatalf("%v, %+v; want one key and status 1", err, run)
	}
}
