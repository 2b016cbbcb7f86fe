package keys_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/keys"
)

// ExampleExec has an effect once that returns nothing but an error.
func ExampleExec() {
	ctx, b := context.Background(), openBank()
	defer b.db.Close()

	for range 2 {
		k := keys.Key{Scope: "ada", Op: "bonus", ID: "welcome"}
		replayed, err := keys.Exec(ctx, b.keys, k, keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) error {
			_, err := b.accounts.Put(ctx, tx, &Account{Owner: "ada", Balance: 5})
			return err
		})
		fmt.Println("replayed:", replayed, err, "balance:", b.balance("ada"))
	}
	// Output:
	// replayed: false <nil> balance: 5
	// replayed: true <nil> balance: 5
}

// ExampleOnBegin sets a limit for the statements of the transaction, on PostgreSQL.
func ExampleOnBegin() {
	var store *keys.Store
	pay := func(ctx context.Context, k keys.Key, fn func(context.Context, *keys.Tx) error) error {
		_, err := keys.Exec(ctx, store, k, keys.Fingerprint{}, fn, keys.Attempts(3), keys.OnBegin(func(ctx context.Context, tx upsert.DB) error {
			_, err := tx.ExecContext(ctx, "SET LOCAL statement_timeout = '5s'")
			return err
		}))
		return err
	}
	_ = pay
}

// ExampleTxFrom has a repository whose method writes in the transaction of the claim that it is called in, and otherwise by
// itself.
func ExampleTxFrom() {
	ctx, b := context.Background(), openBank()
	defer b.db.Close()
	b.db.MustExec("CREATE TABLE visits (n INTEGER)")

	visit := func(ctx context.Context) error {
		var db upsert.DB = b.db
		if tx, found := keys.TxFrom(ctx); found {
			db = tx
		}
		_, err := db.ExecContext(ctx, "INSERT INTO visits VALUES (1)")
		return err
	}
	_, err := keys.Exec(ctx, b.keys, keys.Key{Scope: "ada", Op: "visit", ID: "1"}, keys.Fingerprint{}, func(ctx context.Context, _ *keys.Tx) error {
		return errors.Join(visit(ctx), errors.New("no")) // the visit is rolled back
	})
	fmt.Println(err, visit(ctx))
	var visits int
	if err := b.db.Get(&visits, "SELECT COUNT(*) FROM visits"); err != nil {
		log.Fatal(err)
	}
	fmt.Println("visits:", visits)
	// Output:
	// no <nil>
	// visits: 1
}

// ExampleSealed encrypts results with AES-GCM. Results that were stored before, as JSON or with the key of last year, stay
// readable.
func ExampleSealed() {
	sealed := func(name string, key []byte) keys.Codec {
		gcm := must(cipher.NewGCMWithRandomNonce(must(aes.NewCipher(key))))
		return keys.Sealed(name, nil,
			func(data []byte) ([]byte, error) { return gcm.Seal(nil, nil, data, nil), nil },
			func(data []byte) ([]byte, error) { return gcm.Open(nil, nil, data, nil) })
	}
	thisYear, lastYear := []byte("a secret of this year, 32 bytes."), []byte("a secret of last year, 32 bytes.")
	ctx, b := context.Background(), openBank(keys.Codecs(sealed("aes-2026", thisYear), sealed("aes-2025", lastYear)))
	defer b.db.Close()

	for range 2 {
		fmt.Println(b.pay(ctx, "7f3a", Receipt{"ada", 40}))
	}
	info := must(b.keys.Inspect(ctx, keys.Key{Scope: "ada", Op: "payments.create", ID: "7f3a"}))
	fmt.Println(info.Codec, len(info.Result), "bytes")
	// Output:
	// {ada 40} false <nil>
	// {ada 40} true <nil>
	// aes-2026 55 bytes
}

// ExampleStore_List lists the keys in a state, page by page.
func ExampleStore_List() {
	ctx, b := context.Background(), openBank()
	defer b.db.Close()
	for i := range 5 {
		if _, _, err := b.pay(ctx, fmt.Sprint("payment-", i), Receipt{"ada", 40}); err != nil {
			log.Fatal(err)
		}
	}
	const limit = 2
	for after, n := (keys.Cursor{}), 1; ; n++ {
		page, next, err := b.keys.List(ctx, keys.StateDone, after, limit)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("page", n, "has", len(page), "keys")
		if len(page) < limit {
			break
		}
		after = next
	}
	// Output:
	// page 1 has 2 keys
	// page 2 has 2 keys
	// page 3 has 1 keys
}

// ExampleStore_ForgetScope erases what is remembered of a customer.
func ExampleStore_ForgetScope() {
	ctx, b := context.Background(), openBank()
	defer b.db.Close()
	for _, owner := range []string{"ada", "bob", "ada"} {
		if _, _, err := b.pay(ctx, "payment of "+owner, Receipt{owner, 40}); err != nil {
			log.Fatal(err)
		}
	}
	removed, err := b.keys.ForgetScope(ctx, "ada")
	var kept *keys.KeptError
	if errors.As(err, &kept) {
		fmt.Println("a person must decide first about", kept.Parked)
	}
	fmt.Println(removed, err)
	// Output: 1 <nil>
}

// ExampleStore_RunGC collects in the background for as long as the program runs.
func ExampleStore_RunGC() {
	removed := make(chan int64)
	hooks := keys.Hooks{Remove: func(_ context.Context, e keys.Event) { removed <- e.Count }}
	ctx, cancel := context.WithCancel(context.Background())
	b := openBank(keys.Retention(time.Millisecond), keys.WithHooks(hooks))
	defer b.db.Close()
	if _, _, err := b.pay(ctx, "7f3a", Receipt{"ada", 40}); err != nil {
		log.Fatal(err)
	}

	ended := make(chan error)
	go func() { ended <- b.keys.RunGC(ctx, keys.GCEvery(10*time.Millisecond)) }() // a minute is the default
	fmt.Println(<-removed, "key removed")
	cancel()
	fmt.Println(<-ended)
	// Output:
	// 1 key removed
	// <nil>
}
