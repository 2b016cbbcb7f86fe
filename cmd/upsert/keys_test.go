package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/cmd/upsert/internal/dbtest"
	"github.com/goupsert/upsert/keys"
)

// store has a request that is done, one that is past its time, a waiting message and two dead ones.
func store(t *testing.T, ns *dbtest.Namespace) *keys.Store {
	t.Helper()
	s, err := keys.Open(t.Context(), ns.DB(), keys.MaxAttempts(2))
	if err == nil {
		err = s.Migrate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	for id, opts := range map[string][]keys.ClaimOption{"order-1": nil, "order-2": {keys.Retain(time.Millisecond)}} {
		k := keys.Key{Scope: "shop-7", Op: "charge", ID: id}
		if _, _, err := keys.Run(t.Context(), s, k, keys.Fingerprint{}, func(context.Context, *keys.Tx) (string, error) { return "paid", nil }, opts...); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"late", "evt-1", "evt-1", "evt-2", "evt-2"} {
		_, err := s.Fail(t.Context(), "mailer", id, errors.New("no such mailbox"), keys.Payload([]byte("hello")))
		if dead := (*keys.DeadError)(nil); err != nil && !errors.As(err, &dead) {
			t.Fatal(err)
		}
	}
	return s
}

func TestKeys_Engines(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		ns := e.Namespace(t)
		upsertWith(t, "keys", "dead", "-dsn", ns.DSN(), "-consumer", "mailer").refused(t, "Store.Migrate; -table names another")
		store(t, ns)
		on := func(args ...string) outcome {
			t.Helper()
			return upsertWith(t, append(append([]string{"keys", args[0], "-dsn", ns.DSN()}, args[1:]...), []string{}...)...)
		}
		on("inspect", "-scope", "shop-7", "-op", "charge", "-id", "order-1").ended(t, 0, "state      done\n", "result     \"paid\"\n", "expires    2")
		on("inspect", "-consumer", "mailer", "-id", "late").ended(t, 0, "consumer   mailer\n", "state      waiting for its next delivery", "no such mailbox")
		on("inspect", "-consumer", "mailer", "-id", "evt-1").ended(t, 0, "state      dead: ", "attempts   2\n")
		unknown := on("inspect", "-consumer", "mailer", "-id", "none")
		if unknown.ended(t, 1); !strings.Contains(unknown.stderr, "the key is not stored") {
			t.Fatalf("stderr %q; want that nothing is known", unknown.stderr)
		}

		listed := on("dead", "-consumer", "mailer")
		listed.ended(t, 0, "evt-1\t2 attempts\tsince 2", "\tno such mailbox\n", "evt-2\t")
		if strings.Contains(listed.stdout, "late") || !strings.Contains(listed.stderr, "2 dead messages") {
			t.Fatalf("listed %q, %q; want the two dead messages", listed.stdout, listed.stderr)
		}
		on("revive", "-consumer", "mailer", "evt-1", "none").ended(t, 0, "1 message revived\n")
		on("revive", "-consumer", "mailer", "-all").ended(t, 0, "1 message revived\n")
		on("revive", "-consumer", "mailer", "-all").ended(t, 0, "0 messages revived\n")
		on("dead", "-consumer", "mailer", "-json").ended(t, 0, "[]\n")

		on("gc", "-share", "1").ended(t, 0, "1 key removed\n")
		on("gc", "-share", "1").ended(t, 0, "0 keys removed\n")
	})
}

func TestKeys_JSON(t *testing.T) {
	t.Parallel()
	ns := dbtest.Get("sqlite").Namespace(t)
	store(t, ns)
	run := upsertWith(t, "keys", "inspect", "-dsn", ns.DSN(), "-scope", "shop-7", "-op", "charge", "-id", "order-1", "-json")
	run.ended(t, 0)
	var one info
	if err := json.Unmarshal([]byte(run.stdout), &one); err != nil || one.State != "done" || one.Scope != "shop-7" || one.Result == nil || *one.Result != `"paid"` || one.FinishedAt == nil {
		t.Fatalf("error %v, %q; want the key that is done", err, run.stdout)
	}
	run = upsertWith(t, "keys", "dead", "-dsn", ns.DSN(), "-consumer", "mailer", "-json", "-limit", "1")
	run.ended(t, 0)
	var list []dead
	if err := json.Unmarshal([]byte(run.stdout), &list); err != nil || len(list) != 1 || list[0].ID != "evt-1" || string(list[0].Payload) != "hello" || list[0].Attempts != 2 {
		t.Fatalf("error %v, %q; want the oldest dead message", err, run.stdout)
	}
}
