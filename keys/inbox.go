package keys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/claimsql"
	"github.com/jmoiron/sqlx"
)

// Filter is a consumer's inbox: it returns those of the messages that the consumer has not handled, in the order they came,
// and marks them as handled in the caller's transaction. Handle them in that transaction: a crash before its commit leaves
// nothing marked, and the messages come again. id returns a message's identity, 1 to 255 bytes, any bytes; of two messages
// of the batch with one identity the first counts. Messages that are dead are left out; see [Store.Fail].
//
// One statement goes out for a batch of up to about ten thousand messages. The marks are made in one order whatever order the
// messages come in, so that consumers do not deadlock on each other (hazard K29); a message that another consumer is
// handling right now is waited for.
//
// tx is a *sqlx.Tx, a *sql.Tx or a *[Tx]. After an error none of the messages is to be handled: roll back. It returns an error
// that names the message for an identity that is empty or too long, a [*ConflictError] with the transaction rolled back
// where it must be run again, an [*InProgressError] where the database's limit to waiting has passed, and else the
// database's error.
//
// A message is remembered for the store's [Retention]. One that is delivered again after that is handled again: let the
// retention be longer than the broker's.
func Filter[M any](ctx context.Context, s *Store, tx upsert.DB, consumer string, msgs []M, id func(M) string) (fresh []M, err error) {
	if s == nil {
		return nil, errors.New("keys: the store is nil: Open returns one")
	}
	handle, err := s.transaction(tx)
	if err != nil {
		return nil, err
	}
	if err := checkPart("consumer", consumer); err != nil {
		return nil, err
	}
	b := &inbox{store: s, consumer: consumer, owner: newOwner(), began: time.Now(), first: make(map[hash]int, len(msgs))}
	for i, m := range msgs {
		if err := b.add(id(m), i); err != nil {
			return nil, err
		}
	}
	isFresh, err := b.mark(ctx, handle)
	if err != nil {
		if outer, ok := tx.(*Tx); ok {
			_ = outer.saw(err)
		}
		return nil, err
	}
	for i, m := range msgs {
		if isFresh[i] {
			fresh = append(fresh, m)
		}
	}
	return fresh, nil
}

type hash = [claimsql.HashSize]byte

// inbox is one batch.
type inbox struct {
	store    *Store
	consumer string
	owner    [claimsql.OwnerSize]byte
	began    time.Time
	marks    []claimsql.Mark
	first    map[hash]int // by message, its first place in the batch
}

func (b *inbox) add(id string, i int) error {
	if err := checkPart(fmt.Sprintf("message's identity (number %d of the batch)", i), id); err != nil {
		return err
	}
	m := b.store.message(b.consumer, id)
	if _, there := b.first[m.Hash]; !there {
		b.first[m.Hash] = i
		b.marks = append(b.marks, m)
	}
	return nil
}

func (s *Store) message(consumer, id string) claimsql.Mark {
	return claimsql.Mark{Hash: hashOf(kindMessage, consumer, id), ID: readable(id, s.ascii)}
}

// mark marks the messages and returns which are fresh, by their place in the batch.
func (b *inbox) mark(ctx context.Context, tx *sqlx.Tx) (map[int]bool, error) {
	slices.SortFunc(b.marks, func(x, y claimsql.Mark) int { return bytes.Compare(x.Hash[:], y.Hash[:]) })
	fresh := make(map[int]bool, len(b.marks))
	for rest := b.marks; len(rest) > 0; {
		n := chunk(rest)
		if err := b.markChunk(ctx, tx, rest[:n], fresh); err != nil {
			return nil, b.fail(ctx, tx, err)
		}
		rest = rest[n:]
	}
	event := Event{Key: Key{Scope: b.consumer}, Duration: time.Since(b.began), Count: int64(len(fresh))}
	if event.Count > 0 {
		b.store.emit(ctx, onClaim, event)
	}
	if event.Count = int64(len(b.marks) - len(fresh)); event.Count > 0 {
		b.store.emit(ctx, onReplay, event)
	}
	return fresh, nil
}

const (
	// chunkRows keeps two parameters a message below SQLite's 32766.
	chunkRows = 16000
	// chunkBytes keeps a statement well below the 16 MiB that servers of the MySQL family take.
	chunkBytes = 4 << 20
)

// chunk is how many of the messages go into one statement.
func chunk(marks []claimsql.Mark) int {
	size := 0
	for i := range marks {
		size += 2*(claimsql.HashSize+len(marks[i].ID)) + 24
		if i == chunkRows || i > 0 && size > chunkBytes {
			return i
		}
	}
	return len(marks)
}

func (b *inbox) markChunk(ctx context.Context, tx *sqlx.Tx, marks []claimsql.Mark, fresh map[int]bool) error {
	q := b.store.sql
	statement := q.Filter(readable(b.consumer, b.store.ascii), b.owner, b.store.retention, marks)
	if !q.FilterReturns() {
		if _, err := tx.ExecContext(ctx, statement.Text, statement.Args...); err != nil {
			return err
		}
		statement = q.Marked(b.owner, marks)
	}
	rows, err := tx.QueryContext(ctx, statement.Text, statement.Args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var digest, owner []byte
	for rows.Next() {
		if err := rows.Scan(&digest, &owner); err != nil {
			return err
		}
		if bytes.Equal(owner, b.owner[:]) {
			fresh[b.first[hash(digest)]] = true
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return rows.Close()
}

// fail says what an error of the batch means.
func (b *inbox) fail(ctx context.Context, tx *sqlx.Tx, err error) error {
	switch {
	case losesTransaction(err):
		_ = tx.Rollback() // see claim.undo
		return &ConflictError{Err: err}
	case dialect.Classify(err) == dialect.LockTimeout:
		return &InProgressError{Key: Key{Scope: b.consumer}, RetryAfter: time.Second, Err: err}
	}
	return fmt.Errorf("keys: the batch of consumer %s: %w", readable(b.consumer, false), ofContext(ctx, err))
}
