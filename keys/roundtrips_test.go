package keys_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

// counted is a pool that records its messages to the server.
type counted struct {
	place *benchPlace
	sent  func() []string
}

// cost returns the messages that a call has sent.
func (c *counted) cost(call func(ctx context.Context) error) (sent []string) {
	c.place.Helper()
	before := len(c.sent())
	if err := call(c.place.Context()); err != nil {
		c.place.Fatal(err)
	}
	return c.sent()[before:]
}

// statements returns a pool that counts the statements given to the driver.
func statements(t *testing.T, e *engine.Engine) *counted {
	t.Helper()
	p := newBenchPlace(t, e)
	recorded := faults.Open(t, p.ns, nil)
	return newCounted(p, recorded.DB, func() (sent []string) {
		for _, at := range recorded.Points() {
			if at.Kind != faults.Connect {
				sent = append(sent, at.String())
			}
		}
		return sent
	})
}

// roundTrips returns a pool that counts the client's messages that the server answers.
func roundTrips(t *testing.T, e *engine.Engine) *counted {
	t.Helper()
	p := newBenchPlace(t, e)
	proxy := faults.NewProxy(t, p.ns)
	db, err := sqlx.Open(faults.DriverName(p.ns), proxy.DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return newCounted(p, db, func() (sent []string) {
		for _, r := range proxy.Requests() {
			sent = append(sent, fmt.Sprintf("%v %.60s", r.Kind, r.Text))
		}
		return sent
	})
}

// newCounted opens the store before the count starts.
func newCounted(p *benchPlace, db *sqlx.DB, sent func() []string) *counted {
	p.Helper()
	p.db = db
	p.store = p.newStore()
	return &counted{p, sent}
}

func wantCost(t *testing.T, what string, sent []string, want int) {
	t.Helper()
	if len(sent) != want {
		t.Errorf("%s costs %d, want %d:\n%s", what, len(sent), want, strings.Join(sent, "\n"))
	}
}

// TestCost checks the number of statements of each call. If the database has a network connection, it also checks the number
// of round trips.
func TestCost(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		t.Run("statements", func(t *testing.T) {
			t.Parallel()
			testCost(t, statements(t, e))
		})
		if e.Dialect() == "sqlite" {
			return
		}
		t.Run("round trips", func(t *testing.T) {
			t.Parallel()
			testCost(t, roundTrips(t, e))
		})
	})
}

func testCost(t *testing.T, c *counted) {
	// A claim that meets a row needs to know the owner of this row. Only MySQL needs a second statement to read it.
	look, elsewhere := 0, 4
	switch c.place.ns.Engine().Dialect() {
	case "mysql":
		look = 1
	case "mariadb":
		elsewhere = 3
	}
	id := c.place.fresh(1)[0]
	bare := len(c.cost(func(ctx context.Context) error { return c.place.bare(ctx, id) }))
	replay := func(s *keys.Store) func(context.Context) error {
		return func(ctx context.Context) error {
			_, replayed, err := c.place.run(ctx, s, id)
			return expectThat(err, replayed, errNotReplayed)
		}
	}
	wantCost(t, "Run", c.cost(func(ctx context.Context) error { return c.place.runFresh(ctx, id) }), bare+2+look)
	wantCost(t, "a replay", c.cost(replay(c.place.store)), 1)
	other := c.place.newStore()
	wantCost(t, "a replay in a process that has not met the key", c.cost(replay(other)), elsewhere)
	wantCost(t, "the next replay there", c.cost(replay(other)), 1)
	wantCost(t, "Once", c.cost(func(ctx context.Context) error { return c.place.once(ctx, c.place.fresh(1)[0]) }), bare+4+look)
	wantCost(t, "Filter in its transaction", c.cost(c.place.filter), 3+look)
}

// once pays in the caller's transaction with a key.
func (p *benchPlace) once(ctx context.Context, id string) error {
	return p.inTx(ctx, func(tx *sqlx.Tx) error {
		_, replayed, err := keys.Once(ctx, p.store, tx, payment(id), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (receipt, error) {
			return p.pay(ctx, tx, id)
		})
		return expectThat(err, !replayed, errReplayed)
	})
}

func (p *benchPlace) filter(ctx context.Context) error {
	return p.inTx(ctx, func(tx *sqlx.Tx) error {
		ids := p.fresh(100)
		fresh, err := keys.Filter(ctx, p.store, tx, "mailer", append(ids, ids[:10]...), func(id string) string { return id })
		return expectThat(err, len(fresh) == len(ids), fmt.Errorf("%d of %d messages are fresh", len(fresh), len(ids)))
	})
}

func (p *benchPlace) inTx(ctx context.Context, f func(*sqlx.Tx) error) error {
	tx, err := p.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}
