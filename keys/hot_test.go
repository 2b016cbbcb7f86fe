package keys_test

import (
	"fmt"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
)

// TestHazard_K37_FinishingIsAHOTUpdate checks hazard K37: finishing a key updates the row on the same page and needs no
// change of an index.
func TestHazard_K37_FinishingIsAHOTUpdate(t *testing.T) {
	t.Parallel()
	engine.EachOf(t, "postgres", func(t *testing.T, e *engine.Engine) {
		x := newDDL(t, e.Open(t))
		x.migrate()
		const rows = 500
		if hot := x.finish(rows, 1); hot != rows {
			x.Errorf("%d of %d updates were HOT", hot, rows)
		}
		x.exec("CREATE INDEX unwise ON idempotency_keys (state)")
		if hot := x.finish(rows, rows+1); hot != 0 {
			x.Errorf("with an index on state %d updates were HOT; want 0, or the test proves nothing", hot)
		}
	})
}

// finish claims and finishes keys one after the other, and returns the number of HOT updates.
func (x ddl) finish(rows, from int) (hot int) {
	x.Helper()
	tx, err := x.db.BeginTxx(x.Context(), nil)
	if err != nil {
		x.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	// The query reads the connection's own counters, which the table's counters do not yet include.
	const counter = "SELECT n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relid = 'idempotency_keys'::regclass"
	var before int
	if err := tx.GetContext(x.Context(), &before, counter); err != nil {
		x.Fatal(err)
	}
	for n := from; n < from+rows; n++ {
		for _, statement := range []string{
			"INSERT INTO idempotency_keys VALUES (decode(lpad(to_hex(%d), 64, '0'), 'hex'), 'tenant', 'payments.create', 'an id of a usual length, 36 letters', 1, 1, decode(repeat('00', 32), 'hex'), " +
				"NULL, '', 1, 1, decode(repeat('00', 16), 'hex'), clock_timestamp(), clock_timestamp(), NULL, clock_timestamp())",
			"UPDATE idempotency_keys SET state = 2, result = convert_to(repeat('r', 37 * %[1]d %% 1000), 'UTF8'), codec = 'json', finished_at = clock_timestamp() WHERE key_hash = decode(lpad(to_hex(%[1]d), 64, '0'), 'hex')",
		} {
			if _, err := tx.ExecContext(x.Context(), fmt.Sprintf(statement, n)); err != nil {
				x.Fatal(err)
			}
		}
	}
	if err := tx.GetContext(x.Context(), &hot, counter); err != nil {
		x.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		x.Fatal(err)
	}
	return hot - before
}
