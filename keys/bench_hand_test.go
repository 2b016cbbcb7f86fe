package keys_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/goupsert/upsert/keys"
)

// run pays with the library.
func (p *benchPlace) run(ctx context.Context, s *keys.Store, id string) (receipt, bool, error) {
	return keys.Run(ctx, s, payment(id), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (receipt, error) {
		return p.pay(ctx, tx, id)
	})
}

// bare pays in a transaction without a key.
func (p *benchPlace) bare(ctx context.Context, id string) error {
	tx, err := p.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := p.pay(ctx, tx, id); err != nil {
		return err
	}
	return tx.Commit()
}

// byHand pays in a transaction with a unique table, as a careful engineer would write it for one database.
func (p *benchPlace) byHand(ctx context.Context, id string) (r receipt, replayed bool, err error) {
	return p.byHandIn(ctx, "processed", id)
}

// byHandIn is byHand with another table in place of processed. The rows of processed_kept have an indexed time, so that old
// rows can be found and removed.
func (p *benchPlace) byHandIn(ctx context.Context, table, id string) (r receipt, replayed bool, err error) {
	key := "tenant-17/payments.create/" + id
	tx, err := p.db.BeginTxx(ctx, nil)
	if err != nil {
		return r, false, err
	}
	defer func() { _ = tx.Rollback() }()
	got, err := rowsAffected(tx.ExecContext(ctx, strings.Replace(p.words.claim, "processed", table, 1), key))
	if err != nil {
		return r, false, err
	}
	if got == 0 {
		if err := tx.Rollback(); err != nil {
			return r, false, err
		}
		r, err = p.readByHand(ctx, id)
		return r, true, err
	}
	if r, err = p.pay(ctx, tx, id); err != nil {
		return r, false, err
	}
	result, err := json.Marshal(r)
	if err != nil {
		return r, false, err
	}
	if _, err := tx.ExecContext(ctx, strings.Replace(p.words.record, "processed", table, 1), result, key); err != nil {
		return r, false, err
	}
	return r, false, tx.Commit()
}

func rowsAffected(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// readByHand selects the result by its key and relies on the row to exist.
func (p *benchPlace) readByHand(ctx context.Context, id string) (r receipt, err error) {
	var result []byte
	if err := p.db.QueryRowContext(ctx, p.words.read, "tenant-17/payments.create/"+id).Scan(&result); err != nil {
		return r, err
	}
	return r, json.Unmarshal(result, &r)
}

// layout pays with a hand-written table of the library's layout and with bound arguments.
type layout struct {
	p             *benchPlace
	claim, record string
}

// layoutColumns are the columns that an insert must set.
const layoutColumns = " (key_hash, scope, op, id, state, fingerprint_version, codec, attempts, fence, owner, lease_until, claimed_at, finished_at, expires_at) "

func (p *benchPlace) newLayout() *layout {
	p.Helper()
	p.newStore(keys.Table("hand_keys"))
	w := p.words
	values := fmt.Sprintf("VALUES (%s, %s, %s, %s, 1, 0, '', 1, 1, %s, %s, %s, NULL, %s)", w.param(1), w.param(2), w.param(3), w.param(4), w.param(5), w.now, w.now, w.later)
	record := fmt.Sprintf("UPDATE hand_keys SET state = 2, result = %s, codec = %s, finished_at = %s WHERE key_hash = %s AND owner = %s AND state = 1",
		w.param(1), w.param(2), w.now, w.param(3), w.param(4))
	return &layout{p: p, claim: "INSERT INTO hand_keys" + layoutColumns + values + w.nothing, record: record}
}

func (l *layout) run(ctx context.Context, id string) error {
	k := payment(id)
	h := sha256.Sum256([]byte(strings.Join([]string{k.Scope, k.Op, k.ID}, "\x00")))
	owner := make([]byte, 16)
	_, _ = rand.Read(owner)
	tx, err := l.p.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if n, err := rowsAffected(tx.ExecContext(ctx, l.claim, h[:], k.Scope, k.Op, k.ID, owner)); err != nil || n != 1 {
		return errors.Join(err, fmt.Errorf("%d rows are claimed", n))
	}
	r, err := l.p.pay(ctx, tx, id)
	if err != nil {
		return err
	}
	result, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, l.record, result, "json", h[:], owner); err != nil {
		return err
	}
	return tx.Commit()
}
