package keys_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/goupsert/upsert/keys"
)

// cards is a payment provider. It charges once for each idempotency key, and its first answer is lost.
type cards struct {
	charged map[string]int64
	answers int
}

var errNoAnswer = errors.New("the provider has not answered")

func (c *cards) charge(idempotencyKey string, amount int64) error {
	c.charged[idempotencyKey] = amount
	if c.answers++; c.answers == 1 {
		return errNoAnswer
	}
	return nil
}

// chargeOnce charges a card once for each key.
func (b *bank) chargeOnce(ctx context.Context, c *cards, id string, r Receipt, opts ...keys.DoOption) (Receipt, bool, error) {
	k := keys.Key{Scope: r.Owner, Op: "cards.charge", ID: id}
	ask := func(_ context.Context, h *keys.Held) (Receipt, bool, error) {
		_, done := c.charged[h.Downstream()]
		return r, done, nil
	}
	return keys.Do(ctx, b.keys, k, keys.Fingerprint{}, func(ctx context.Context, h *keys.Held) (Receipt, error) {
		if r.Amount > 1000 {
			return Receipt{}, keys.Final(errDeclined) // an answer, and remembered
		}
		return r, c.charge(h.Downstream(), r.Amount)
	}, append(opts, keys.Probe(ask))...)
}

func ExampleDo() {
	ctx := context.Background()
	b, c := openBank(), &cards{charged: map[string]int64{}}

	// The card is charged, and the answer is lost: nobody knows what has happened.
	_, _, err := b.chargeOnce(ctx, c, "order 7", Receipt{"ada", 30}, keys.Lease(500*time.Millisecond))
	fmt.Println(err)

	// The next call waits for the end of the lease, and asks the provider.
	r, replayed, err := b.chargeOnce(ctx, c, "order 7", Receipt{"ada", 30})
	fmt.Println(r, replayed, err)

	_, _, err = b.chargeOnce(ctx, c, "order 8", Receipt{"ada", 5000})
	fmt.Println(err)
	fmt.Println(len(c.charged), "charge")
	// Output:
	// the provider has not answered
	// {ada 30} true <nil>
	// declined
	// 1 charge
}

func ExampleResolve() {
	ctx := context.Background()
	b := openBank()
	k := keys.Key{Scope: "ada", Op: "mails.welcome", ID: "1"}
	send := func(context.Context, *keys.Held) (string, error) { return "", errNoAnswer }

	_, _, err := keys.Do(ctx, b.keys, k, keys.Fingerprint{}, send, keys.Lease(500*time.Millisecond))
	fmt.Println(err)

	// Without a policy, the key is parked for a person.
	_, _, err = keys.Do(ctx, b.keys, k, keys.Fingerprint{}, send)
	var parked *keys.ParkedError
	if errors.As(err, &parked) {
		fmt.Println("parked:", parked.Key, parked.Err)
		err = keys.Resolve(ctx, b.keys, parked.Key, "sent on Monday") // or Store.Release, if it was not sent
	}
	fmt.Println(err)

	mail, replayed, err := keys.Do(ctx, b.keys, k, keys.Fingerprint{}, send)
	fmt.Println(mail, replayed, err)
	// Output:
	// the provider has not answered
	// parked: ada/mails.welcome/1 the provider has not answered
	// <nil>
	// sent on Monday true <nil>
}

func ExampleHeld_Guard() {
	ctx := context.Background()
	b := openBank()
	k := keys.Key{Scope: "ada", Op: "payouts.create", ID: "1"}
	_, _, err := keys.Do(ctx, b.keys, k, keys.Fingerprint{}, func(ctx context.Context, h *keys.Held) (string, error) {
		tx, err := b.db.BeginTxx(ctx, nil)
		if err != nil {
			return "", keys.NotDone(err)
		}
		defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
		if err := h.Guard(ctx, tx); err != nil {
			return "", err // another caller may have the key: write nothing
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO accounts VALUES ('ada', 7)"); err != nil {
			return "", err
		}
		return "paid out", tx.Commit()
	})
	fmt.Println(err)
	// Output: <nil>
}
