package keys_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
	_ "github.com/mattn/go-sqlite3"
)

// Account is a balance. Payments add to it only under a claim, because adding is not safe to repeat.
type Account struct {
	Owner   string `db:"owner" upsert:"key"`
	Balance int64  `db:"balance" upsert:"add"`
}

// Receipt is the result of a payment, on the first call and on every replay.
type Receipt struct {
	Owner  string `json:"owner"`
	Amount int64  `json:"amount"`
}

// bank is a repository whose payments happen once per key.
type bank struct {
	db       *sqlx.DB
	keys     *keys.Store
	accounts *upsert.Table[Account]
}

var errDeclined = errors.New("declined")

// openBank opens an in-memory bank.
func openBank(opts ...keys.Option) *bank {
	ctx := context.Background()
	db := must(sqlx.Open("sqlite3", ":memory:"))
	db.SetMaxOpenConns(1) // each connection would have a database of its own
	db.MustExec("CREATE TABLE accounts (owner TEXT NOT NULL PRIMARY KEY, balance INTEGER NOT NULL)")
	store := must(keys.Open(ctx, db, opts...))
	if err := store.Migrate(ctx); err != nil {
		log.Fatal(err)
	}
	return &bank{db, store, must(upsert.New[Account](dialect.SQLite, "accounts"))}
}

// pay adds to a balance, once for each key.
func (b *bank) pay(ctx context.Context, id string, r Receipt) (Receipt, bool, error) {
	k := keys.Key{Scope: r.Owner, Op: "payments.create", ID: id}
	fp, err := keys.FingerprintOf(r)
	if err != nil {
		return Receipt{}, false, err
	}
	return keys.Run(ctx, b.keys, k, fp, func(ctx context.Context, tx *keys.Tx) (Receipt, error) {
		if r.Amount > 1000 {
			return Receipt{}, keys.Final(errDeclined) // an answer, and remembered
		}
		_, err := b.accounts.Put(ctx, tx, &Account{Owner: r.Owner, Balance: r.Amount})
		return r, err
	})
}

func (b *bank) balance(owner string) (n int64) {
	if err := b.db.Get(&n, "SELECT balance FROM accounts WHERE owner = ?", owner); err != nil {
		log.Fatal(err)
	}
	return n
}

// must ends the program if err is not nil.
func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

func ExampleRun() {
	ctx, b := context.Background(), openBank(keys.KnownErrors(errDeclined))
	defer b.db.Close()

	for range 3 { // the client presses pay, and again, and again
		r, replayed, err := b.pay(ctx, "7f3a", Receipt{"ada", 40})
		fmt.Println(r, "replayed:", replayed, err)
	}
	fmt.Println("balance:", b.balance("ada"))

	_, _, err := b.pay(ctx, "7f3a", Receipt{"ada", 400}) // the same key for another request
	fmt.Println(errors.Is(err, keys.ErrMismatch), "balance:", b.balance("ada"))

	for range 2 {
		_, replayed, err := b.pay(ctx, "9c01", Receipt{"ada", 5000})
		fmt.Println(err, "replayed:", replayed, errors.Is(err, errDeclined))
	}
	// Output:
	// {ada 40} replayed: false <nil>
	// {ada 40} replayed: true <nil>
	// {ada 40} replayed: true <nil>
	// balance: 40
	// true balance: 40
	// declined replayed: false true
	// declined replayed: true true
}

// ExampleOutside writes a row of an audit log that must stay even if the payment fails. Therefore the row is written outside
// of fn's transaction on purpose. SQLite has one writer at a time and refuses such a write; with SQLite, write the row after
// Run has returned.
func ExampleOutside() {
	type attempt struct {
		ID string `db:"id" upsert:"key"`
		At string `db:"at"`
	}
	var (
		pool     *sqlx.DB
		store    *keys.Store
		accounts *upsert.Table[Account]
		attempts *upsert.Table[attempt]
	)
	pay := func(ctx context.Context, k keys.Key, a Account) error {
		_, _, err := keys.Run(ctx, store, k, keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
			if _, err := attempts.Put(keys.Outside(ctx), pool, &attempt{ID: k.ID, At: time.Now().UTC().Format(time.RFC3339)}); err != nil {
				return "", err
			}
			_, err := accounts.Put(ctx, tx, &a) // accounts.Put(ctx, pool, &a) would be an error
			return "paid", err
		})
		return err
	}
	_ = pay
}

// ExampleOnce uses Once in the caller's own transaction, which also has other writes than the effect.
func ExampleOnce() {
	ctx, b := context.Background(), openBank()
	defer b.db.Close()
	b.db.MustExec("CREATE TABLE visits (n INTEGER)")

	handle := func(commit bool) error {
		tx, err := b.db.BeginTxx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() //nolint:errcheck // after a commit there is nothing left to roll back
		if _, err := tx.ExecContext(ctx, "INSERT INTO visits VALUES (1)"); err != nil {
			return err
		}
		k := keys.Key{Scope: "ada", Op: "bonus", ID: "welcome"}
		_, replayed, err := keys.Once(ctx, b.keys, tx, k, keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (struct{}, error) {
			_, err := b.accounts.Put(ctx, tx, &Account{Owner: "ada", Balance: 5})
			return struct{}{}, err
		})
		if err != nil || !commit {
			return err // the rollback also removes the record of the key
		}
		fmt.Println("replayed:", replayed)
		return tx.Commit()
	}
	for _, commit := range []bool{false, true, true} {
		if err := handle(commit); err != nil {
			log.Fatal(err)
		}
	}
	var visits int
	if err := b.db.Get(&visits, "SELECT COUNT(*) FROM visits"); err != nil {
		log.Fatal(err)
	}
	fmt.Println("visits:", visits, "balance:", b.balance("ada"))
	// Output:
	// replayed: false
	// replayed: true
	// visits: 2 balance: 5
}

// delivery is a message as the broker sends it.
type delivery struct {
	ID     string
	Owner  string
	Amount int64
}

func deliveryID(d delivery) string { return d.ID }

// ExampleFilter filters the messages of a batch in the caller's own transaction.
func ExampleFilter() {
	ctx, b := context.Background(), openBank()
	defer b.db.Close()
	b.db.MustExec("CREATE TABLE mails (recipient TEXT)")

	handle := func(batch []delivery) error {
		tx, err := b.db.BeginTxx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() //nolint:errcheck // after a commit there is nothing left to roll back
		fresh, err := keys.Filter(ctx, b.keys, tx, "mailer", batch, deliveryID)
		if err != nil {
			return err
		}
		fmt.Println("fresh:", fresh)
		for _, m := range fresh {
			if _, err := tx.ExecContext(ctx, "INSERT INTO mails VALUES (?)", m.Owner); err != nil {
				return err
			}
		}
		return tx.Commit()
	}
	for _, batch := range [][]delivery{{{"m2", "bob", 5}, {"m1", "ada", 10}, {"m2", "bob", 5}}, {{"m1", "ada", 10}, {"m3", "bob", 1}}} {
		if err := handle(batch); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// fresh: [{m2 bob 5} {m1 ada 10}]
	// fresh: [{m3 bob 1}]
}

// ExampleConsume handles each message of a batch once, however often the broker delivers it.
func ExampleConsume() {
	ctx, b := context.Background(), openBank()
	defer b.db.Close()

	for _, batch := range [][]delivery{{{"m2", "bob", 5}, {"m1", "ada", 10}, {"m2", "bob", 5}}, {{"m1", "ada", 10}, {"m3", "bob", 1}}} {
		err := keys.Consume(ctx, b.keys, "ledger", batch, deliveryID, func(ctx context.Context, tx *keys.Tx, fresh []delivery) error {
			for _, m := range fresh {
				if _, err := b.accounts.Put(ctx, tx, &Account{Owner: m.Owner, Balance: m.Amount}); err != nil {
					return err
				}
			}
			return nil
		})
		fmt.Println("ada:", b.balance("ada"), "bob:", b.balance("bob"), err)
	}
	// Output:
	// ada: 10 bob: 5 <nil>
	// ada: 10 bob: 6 <nil>
}

// ExampleStore_Fail gives up a message after several failed attempts. The message is not lost.
func ExampleStore_Fail() {
	ctx, b := context.Background(), openBank(keys.MaxAttempts(2))
	defer b.db.Close()

	for range 2 {
		// The transaction of Filter was rolled back.
		attempts, err := b.keys.Fail(ctx, "ledger", "m1", errors.New("no such account"), keys.Payload([]byte(`{"to":"eve"}`)))
		fmt.Println(attempts, err)
	}
	for _, m := range must(b.keys.Dead(ctx, "ledger", 100)) {
		fmt.Printf("%s: %s: %s\n", m.ID, m.Error, m.Payload)
	}
	fmt.Println(b.keys.Revive(ctx, "ledger", "m1")) // after the account has been created
	// Output:
	// 1 <nil>
	// 2 keys: message m1 of consumer ledger is dead after 2 attempts: Store.Dead lists it, Store.Revive revives it
	// m1: no such account: {"to":"eve"}
	// 1 <nil>
}

func ExampleDerive() {
	day := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	a := must(keys.Derive("shop-7", "invoice", 4711, day))
	b := must(keys.Derive("shop-7", "invoice", "4711", day))
	fmt.Println(a.ID)
	fmt.Println("the number and its text are the same:", a == b)
	// Output:
	// d1.e803533ba239928c3b3244e730e8e43af348febbdb46d977a3be2cf08fd47304
	// the number and its text are the same: false
}

func ExampleFingerprintOf() {
	type request struct {
		Amount  int    `json:"amount"`
		TraceID string `json:"trace_id"` // differs with each attempt
	}
	a := must(keys.FingerprintOf(request{100, "t1"}, "trace_id"))
	b := must(keys.FingerprintOf(map[string]any{"trace_id": "t2", "amount": 1e2}, "trace_id"))
	fmt.Println(a == b)
	// Output: true
}

func ExampleStore_Inspect() {
	ctx, b := context.Background(), openBank()
	defer b.db.Close()
	if _, _, err := b.pay(ctx, "7f3a", Receipt{"ada", 40}); err != nil {
		log.Fatal(err)
	}
	info := must(b.keys.Inspect(ctx, keys.Key{Scope: "ada", Op: "payments.create", ID: "7f3a"}))
	fmt.Printf("%s: %s, %s %s, kept for %v\n", info.Key, info.State, info.Codec, info.Result, info.ExpiresAt.Sub(info.ClaimedAt))
	_, err := b.keys.Inspect(ctx, keys.Key{Scope: "ada", Op: "payments.create", ID: "none"})
	fmt.Println(err)
	// Output:
	// ada/payments.create/7f3a: done, json {"owner":"ada","amount":40}, kept for 72h0m0s
	// keys: ada/payments.create/none: the key is not stored
}

func ExampleStore_GC() {
	ctx, b := context.Background(), openBank(keys.Retention(time.Millisecond))
	defer b.db.Close()
	if _, _, err := b.pay(ctx, "7f3a", Receipt{"ada", 40}); err != nil {
		log.Fatal(err)
	}
	for removed := int64(0); removed == 0; { // a program runs it every few minutes
		removed = must(b.keys.GC(ctx))
	}
	_, err := b.keys.Inspect(ctx, keys.Key{Scope: "ada", Op: "payments.create", ID: "7f3a"})
	fmt.Println(errors.Is(err, keys.ErrNotFound))
	// Output: true
}

func ExampleSlogHooks() {
	noTimes := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "duration" {
			return slog.Attr{}
		}
		return a
	}
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: noTimes}))
	ctx, b := context.Background(), openBank(keys.WithHooks(keys.SlogHooks(logger)))
	defer b.db.Close()

	for _, amount := range []int64{40, 40, 400} {
		_, _, _ = b.pay(ctx, "7f3a", Receipt{"ada", amount})
	}
	// Output:
	// level=DEBUG msg="key claimed" key=ada/payments.create/#87ccd6325699d7f1
	// level=DEBUG msg="key replayed" key=ada/payments.create/#87ccd6325699d7f1
	// level=WARN msg="key used for another request" key=ada/payments.create/#87ccd6325699d7f1 error="keys: ada/payments.create/#87ccd6325699d7f1: the key was used for another request: its fingerprint differs from the stored one"
}
