package keys_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// benchMessage is a message of a batch.
type benchMessage struct {
	ID      string
	Payload string
}

// batchSize is the number of messages in a batch.
const batchSize = 1000

// filter is a way to filter a batch. It returns the fresh messages.
type filter func(ctx context.Context, tx *sqlx.Tx, batch []benchMessage) ([]benchMessage, error)

// BenchmarkFilter filters a batch of 1,000 messages in a transaction. It compares Filter with one hand-written statement on
// a table of the library's layout (x-layout) and with one on a table that has only the identity (x-minimal).
func BenchmarkFilter(b *testing.B) {
	for _, c := range []struct {
		name  string
		fresh int // number of fresh messages in the batch
	}{{"fresh", batchSize}, {"half", batchSize / 2}, {"seen", 0}} {
		b.Run(c.name, func(b *testing.B) {
			benchPlaces(b, func(b *testing.B, p *benchPlace) {
				p.newLayout()
				lib := func(ctx context.Context, tx *sqlx.Tx, batch []benchMessage) ([]benchMessage, error) {
					return keys.Filter(ctx, p.store, tx, "mailer", batch, func(m benchMessage) string { return m.ID })
				}
				seen := p.fresh(batchSize - c.fresh)
				inTurn(b, 1,
					p.batches(b, "filter", lib, seen, c.fresh),
					p.batches(b, "layout", p.layoutInbox, seen, c.fresh),
					p.batches(b, "minimal", p.minimalInbox, seen, c.fresh),
				)
			})
		})
	}
}

// batches returns a way whose calls get batches with seen and fresh messages.
func (p *benchPlace) batches(b *testing.B, name string, in filter, seen []string, fresh int) *way {
	b.Helper()
	ctx := b.Context()
	handle := func(batch []benchMessage, want int) error {
		tx, err := p.db.BeginTxx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		got, err := in(ctx, tx, batch)
		if err != nil {
			return err
		}
		if len(got) != want {
			return fmt.Errorf("%d fresh messages, want %d", len(got), want)
		}
		return tx.Commit()
	}
	if len(seen) > 0 {
		if err := handle(benchMessages(seen), len(seen)); err != nil {
			b.Fatalf("%s: %v", name, err)
		}
	}
	var batch []benchMessage
	return &way{
		name: name,
		prepare: func(int) []string {
			batch = benchMessages(append(p.fresh(fresh), seen...))
			return []string{"one batch"}
		},
		call: func(string) error { return handle(batch, fresh) },
	}
}

func benchMessages(ids []string) (batch []benchMessage) {
	for _, id := range ids {
		batch = append(batch, benchMessage{ID: id})
	}
	return batch
}

func pickMessages(batch []benchMessage, fresh func(benchMessage) bool) (picked []benchMessage) {
	for _, m := range batch {
		if fresh(m) {
			picked = append(picked, m)
		}
	}
	return picked
}

// readRows scans each row of a query into dest and calls each after each row.
func readRows(ctx context.Context, tx *sqlx.Tx, query string, args []any, each func(), dest ...any) error {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		each()
	}
	return rows.Err()
}

// minimalInbox filters a batch on the table that has only the identity, with one statement for the database at hand.
func (p *benchPlace) minimalInbox(ctx context.Context, tx *sqlx.Tx, batch []benchMessage) ([]benchMessage, error) {
	ids := make([]string, len(batch))
	for i, m := range batch {
		ids[i] = m.ID
	}
	slices.Sort(ids)
	query, args := p.minimalStatement(ids)
	isFresh, id := make(map[string]bool, len(batch)), ""
	err := readRows(ctx, tx, query, args, func() { isFresh[id] = true }, &id)
	return pickMessages(batch, func(m benchMessage) bool { return isFresh[m.ID] }), err
}

func (p *benchPlace) minimalStatement(ids []string) (query string, args []any) {
	switch p.dialect.Name() {
	case "postgres":
		return "INSERT INTO processed_messages (id) SELECT unnest($1::text[]) ON CONFLICT (id) DO NOTHING RETURNING id", []any{pq.StringArray(ids)}
	case "sqlite":
		query = "INSERT INTO processed_messages (id) VALUES " + benchTuples("(?)", len(ids)) + " ON CONFLICT (id) DO NOTHING RETURNING id"
	default: // the column is binary and wide enough, so that IGNORE hides only the duplicates
		query = "INSERT IGNORE INTO processed_messages (id) VALUES " + benchTuples("(?)", len(ids)) + " RETURNING id"
	}
	for _, id := range ids {
		args = append(args, id)
	}
	return query, args
}

func benchTuples(one string, n int) string { return one + strings.Repeat(", "+one, n-1) }

// layoutInbox filters a batch on a table of the library's layout. It fills the same columns as the library.
func (p *benchPlace) layoutInbox(ctx context.Context, tx *sqlx.Tx, batch []benchMessage) ([]benchMessage, error) {
	owner := make([]byte, 16)
	_, _ = rand.Read(owner)
	type mark struct {
		hash [sha256.Size]byte
		at   int
	}
	marks := make([]mark, len(batch))
	for i, m := range batch {
		marks[i] = mark{sha256.Sum256([]byte("mailer\x00" + m.ID)), i}
	}
	slices.SortFunc(marks, func(x, y mark) int { return bytes.Compare(x.hash[:], y.hash[:]) })
	hashes, ids := make([][]byte, len(marks)), make([]string, len(marks))
	places := make(map[[sha256.Size]byte]int, len(marks))
	for i := range marks {
		hashes[i], ids[i] = marks[i].hash[:], batch[marks[i].at].ID
		places[marks[i].hash] = marks[i].at
	}
	query, args := p.layoutStatement(owner, hashes, ids)
	var hash, whose sql.RawBytes
	isFresh := make([]bool, len(batch))
	err := readRows(ctx, tx, query, args, func() {
		if bytes.Equal(whose, owner) {
			isFresh[places[[sha256.Size]byte(hash)]] = true
		}
	}, &hash, &whose)
	var fresh []benchMessage
	for i, m := range batch {
		if isFresh[i] {
			fresh = append(fresh, m)
		}
	}
	return fresh, err
}

func (p *benchPlace) layoutStatement(owner []byte, hashes [][]byte, ids []string) (query string, args []any) {
	w := p.words
	const returning = " RETURNING key_hash, owner"
	times := fmt.Sprintf("%s, %s, %s, %s", w.now, w.now, w.now, w.later)
	if p.dialect.Name() == "postgres" {
		return "INSERT INTO hand_keys" + layoutColumns + "SELECT h, $1, '', i, 2, 0, '', 1, 1, $2, " + times +
			" FROM unnest($3::bytea[], $4::text[]) AS m (h, i)" + w.nothing + returning, []any{"mailer", owner, pq.ByteaArray(hashes), pq.StringArray(ids)}
	}
	if p.dialect.Name() == "sqlite" {
		args = append(args, "mailer", owner)
		for i := range ids {
			args = append(args, hashes[i], ids[i])
		}
		return "WITH c (consumer, owner) AS (VALUES (?, ?)), m (h, i) AS (VALUES " + benchTuples("(?, ?)", len(ids)) + ") INSERT INTO hand_keys" + layoutColumns +
			"SELECT h, consumer, '', i, 2, 0, '', 1, 1, owner, " + times + " FROM m, c WHERE true" + w.nothing + returning, args
	}
	if p.oneTrip {
		for i := range ids {
			args = append(args, hashes[i], ids[i])
		}
		return "INSERT INTO hand_keys" + layoutColumns + "WITH m (h, i) AS (VALUES " + benchTuples("(?, ?)", len(ids)) + ") SELECT h, 'mailer', '', i, 2, 0, '', 1, 1, x'" +
			hex.EncodeToString(owner) + "', " + times + " FROM m ON DUPLICATE KEY UPDATE key_hash = hand_keys.key_hash" + returning, args
	}
	// In a prepared statement MariaDB 10.11 turns parameters in a selected list of VALUES into empty texts.
	for i := range ids {
		args = append(args, hashes[i], ids[i], owner)
	}
	return "INSERT INTO hand_keys" + layoutColumns + "VALUES " + benchTuples("(?, 'mailer', '', ?, 2, 0, '', 1, 1, ?, "+times+")", len(ids)) + w.nothing + returning, args
}
