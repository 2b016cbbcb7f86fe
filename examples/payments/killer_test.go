package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/keys"
)

func TestPoint(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"COMMIT": "COMMIT",
		"":       "",
		`INSERT INTO "accounts" AS "_t" ("customer") VALUES (?) ON CONFLICT DO UPDATE SET x = 1`:     "INSERT accounts",
		"INSERT INTO `payments` (`id`) VALUES (?) ON DUPLICATE KEY UPDATE `id` = 1":                  "INSERT payments",
		`INSERT INTO idempotency_keys(a) VALUES (1)`:                                                 "INSERT idempotency_keys",
		`SET STATEMENT max_statement_time=5 FOR INSERT INTO idempotency_keys (a) VALUES (1)`:         "INSERT idempotency_keys",
		`WITH "_e" ("customer") AS (VALUES (?)) SELECT 1 FROM "_e" JOIN "accounts" AS "_t" ON 1 = 1`: "SELECT accounts",
		`WITH "_e" AS (SELECT 1) INSERT INTO "accounts" SELECT * FROM "_e"`:                          "INSERT accounts",
		"UPDATE idempotency_keys SET state = 2":                                                      "UPDATE idempotency_keys",
		"DELETE FROM accounts WHERE 1 = 0":                                                           "DELETE accounts",
		"SELECT balance\nFROM accounts WHERE customer = ?":                                           "SELECT accounts",
		"SELECT 1 FROM (SELECT 2 FROM accounts) x":                                                   "SELECT accounts",
		"SELECT current_setting('lock_timeout')":                                                     "SELECT",
		"SELECT state FROM":                                                                          "SELECT",
		"INSERT":                                                                                     "INSERT",
	} {
		if got := point(text); got != want {
			t.Errorf("%q is %q; want %q", text, got, want)
		}
	}
}

// deaths are where one payment after another would have ended the process, if the process had been let die.
func deaths(t *testing.T, dsn string, after bool) (out []string) {
	t.Helper()
	k := newKiller(after, func(point string) { out = append(out, point) })
	b, err := openBank(t.Context(), dsn, k.wrap)
	if err != nil {
		t.Fatal(err)
	}
	defer b.db.Close()
	for n := int64(1); ; n++ {
		before := len(out)
		k.arm(n)
		if err := b.open(t.Context(), strings.Repeat("a", int(n)), 100); err != nil {
			t.Fatal(err)
		}
		if len(out) == before {
			return out
		}
	}
}

// TestKiller_ReachesEveryStatement: the killer sees what the driver sees, whatever way database/sql takes to it.
func TestKiller_ReachesEveryStatement(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		for _, after := range []bool{false, true} {
			when := map[bool]string{false: "before ", true: "after "}[after]
			got := deaths(t, e.DSN(t), after)
			for _, want := range []string{"BEGIN", "INSERT idempotency_keys", "INSERT accounts", "UPDATE idempotency_keys", "COMMIT"} {
				if !slices.Contains(got, when+want) {
					t.Errorf("%q is not among %q", when+want, got)
				}
			}
			if got[0] != when+"BEGIN" || got[len(got)-1] != when+"COMMIT" {
				t.Errorf("a payment's statements are %q; want them from BEGIN to COMMIT", got)
			}
		}
	})
}

// TestKiller_Prepared: a driver that skips a text with arguments has it prepared, and is met there.
func TestKiller_Prepared(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		var died []string
		k := newKiller(true, func(point string) { died = append(died, point) })
		b, err := openBank(t.Context(), e.DSN(t), k.wrap)
		if err != nil {
			t.Fatal(err)
		}
		defer b.db.Close()
		k.arm(1)
		b.db.MustExecContext(t.Context(), b.db.Rebind("UPDATE accounts SET balance = ? WHERE customer = ?"), 1, "nobody")
		k.arm(1)
		var none []int64
		if err := b.db.SelectContext(t.Context(), &none, b.db.Rebind("SELECT balance FROM accounts WHERE customer = ?"), "nobody"); err != nil {
			t.Fatal(err)
		}
		if want := []string{"after UPDATE accounts", "after SELECT accounts"}; !slices.Equal(died, want) {
			t.Errorf("died %q; want %q", died, want)
		}
	})
}

// TestKiller_BeforeIsBefore: nothing of a COMMIT that the process does not live to send is in the database, and all of one
// whose answer it does not live to hear.
func TestKiller_BeforeIsBefore(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		dsn := filepath.Join(t.TempDir(), "bank.db")
		reader := testBank(t, dsn)
		seen := -1
		k := newKiller(after, func(point string) {
			if strings.HasSuffix(point, " COMMIT") {
				books, err := reader.books(t.Context(), []string{"ann"})
				if err != nil {
					t.Error(err)
				}
				seen = len(books.balances)
			}
		})
		b, err := openBank(t.Context(), dsn, k.wrap)
		if err != nil {
			t.Fatal(err)
		}
		defer b.db.Close()
		for n := int64(1); seen < 0; n++ {
			k.arm(n)
			key := keys.Key{Scope: "test", Op: "open", ID: strings.Repeat("k", int(n))}
			_, _, err := keys.Run(t.Context(), b.keys, key, keys.Fingerprint{}, addTo(b, "ann"))
			if err != nil {
				t.Fatal(err)
			}
			if seen < 0 { // for the next time
				b.db.MustExec("DELETE FROM accounts")
			}
		}
		if want := map[bool]int{false: 0, true: 1}[after]; seen != want {
			t.Errorf("after %t: another connection sees %d accounts at the COMMIT; want %d", after, seen, want)
		}
	}
}

func addTo(b *bank, customer string) func(context.Context, *keys.Tx) (struct{}, error) {
	return func(ctx context.Context, tx *keys.Tx) (struct{}, error) {
		_, err := b.accounts.Put(ctx, tx, &account{customer, 1})
		return struct{}{}, err
	}
}
