package keys

import (
	"bytes"
	"context"
	"database/sql"
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
// One statement goes out for a batch of up to about ten thousand messages. A second one follows on MySQL, and on PostgreSQL and
// SQLite if some of the messages were seen before: it proves that their marks are there (hazard K47). The marks are made in one
// order whatever order the messages come in, so that consumers do not deadlock on each other (hazard K29); a message that
// another consumer is handling right now is waited for.
//
// tx is a *sqlx.Tx, a *sql.Tx or a *[Tx]. After an error none of the messages is to be handled: roll back. It returns an error
// that names the message for an identity that is empty or too long, a [*ConflictError] with the transaction rolled back
// where it must be run again, an [*InProgressError] where the database's limit to waiting has passed, an
// error that says so if a trigger has swallowed a mark, and else the database's error.
//
// A message is remembered for the store's [Retention]. One that is delivered again after that is handled again: let the
// retention be longer than the broker's. Unlike a key's, the time that an identity may carry is not looked at: there is no
// [ErrTooOld].
func Filter[M any](ctx context.Context, s *Store, tx upsert.DB, consumer string, msgs []M, id func(M) string) (fresh []M, err error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	x, err := s.transaction(tx)
	if err != nil {
		return nil, err
	}
	fresh, _, err = filter(ctx, s, handle{tx: x}, consumer, msgs, id)
	if outer, ok := tx.(*Tx); ok {
		outer.claim.Hold(s.heldMessages(consumer))
		_ = outer.saw(err) // a conflict has ended its transaction
	}
	return fresh, err
}

func filter[M any](ctx context.Context, s *Store, h handle, consumer string, msgs []M, id func(M) string) (fresh []M, b *inbox, err error) {
	if id == nil {
		return nil, nil, errNoFunc
	}
	if err := checkPart("consumer", consumer); err != nil {
		return nil, nil, err
	}
	b = &inbox{store: s, consumer: consumer, owner: newOwner(), began: time.Now(), first: make(map[hash]int, len(msgs))}
	for i, m := range msgs {
		if err := b.add(id(m), i); err != nil {
			return nil, nil, err
		}
	}
	isFresh, err := b.mark(ctx, h, len(msgs))
	if err != nil {
		return nil, nil, err
	}
	for i, m := range msgs {
		if isFresh[i] {
			fresh = append(fresh, m)
		}
	}
	return fresh, b, nil
}

type hash = [claimsql.HashSize]byte

// inbox is one batch.
type inbox struct {
	store    *Store
	consumer string
	owner    [claimsql.OwnerSize]byte
	began    time.Time
	marks    []claimsql.Mark
	fresh    hash         // one of those that are
	first    map[hash]int // by message, its first place in the batch
}

func (b *inbox) add(id string, i int) error {
	if err := checkPart("message's identity", id); err != nil {
		return fmt.Errorf("%w (number %d of the batch)", err, i)
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
func (b *inbox) mark(ctx context.Context, h handle, batch int) ([]bool, error) {
	slices.SortFunc(b.marks, func(x, y claimsql.Mark) int { return bytes.Compare(x.Hash[:], y.Hash[:]) })
	fresh := make([]bool, batch)
	marked := 0
	for rest := b.marks; len(rest) > 0; {
		n := b.store.chunk(rest)
		more, err := send(ctx, h, func(tx *sqlx.Tx) (int, error) { return b.markChunk(ctx, tx, rest[:n], fresh) })
		if err != nil {
			return nil, b.fail(ctx, h, err)
		}
		marked, rest = marked+more, rest[n:]
	}
	event := Event{Key: Key{Scope: b.consumer}, Duration: time.Since(b.began), Count: int64(marked)}
	if event.Count > 0 {
		b.store.emit(ctx, onClaim, event)
	}
	if event.Count = int64(len(b.marks) - marked); event.Count > 0 {
		b.store.emit(ctx, onReplay, event)
	}
	return fresh, nil
}

// chunkRows keeps two parameters a message below SQLite's 32766.
const chunkRows = 16000

// chunk is how many of the messages go into one statement: no more than 4 MiB of them, and than the server takes.
func (s *Store) chunk(marks []claimsql.Mark) int {
	most := min(4<<20, s.packet) - statementRest
	size := 0
	for i := range marks {
		size += 2*(claimsql.HashSize+len(marks[i].ID)) + 24
		if i == chunkRows || i > 0 && size > most {
			return i
		}
	}
	return len(marks)
}

// markChunk sends one statement, and one more if messages were seen before on a database that returns only the marked ones. It returns
// how many of the messages are fresh, and sets their places.
func (b *inbox) markChunk(ctx context.Context, tx *sqlx.Tx, marks []claimsql.Mark, fresh []bool) (marked int, err error) {
	q := b.store.sql
	statement := q.Filter(readable(b.consumer, b.store.ascii), b.owner, b.store.retention, marks)
	if !q.FilterReturns() {
		if _, err := tx.ExecContext(ctx, statement.Text, statement.Args...); err != nil {
			return 0, err
		}
		statement = q.Marked(b.owner, marks)
	}
	marked, there, err := b.readMarks(ctx, tx, statement, fresh)
	if err != nil {
		return 0, err
	}
	if seen := b.seen(marks, fresh); !q.ReturnsAll() && len(seen) > 0 {
		var n int
		if _, err := queryRow(ctx, tx, q.Present(seen), &n); err != nil {
			return 0, err
		}
		there += n
	}
	if there != len(marks) {
		return 0, fmt.Errorf("%d of %d messages: %w", len(marks)-there, len(marks), errSwallowed)
	}
	return marked, nil
}

// readMarks reads an answer of Filter or Marked: how many of the messages are fresh, and how many the answer has in all.
func (b *inbox) readMarks(ctx context.Context, tx *sqlx.Tx, statement claimsql.Statement, fresh []bool) (marked, there int, err error) {
	rows, err := tx.QueryContext(ctx, statement.Text, statement.Args...)
	if err != nil {
		return 0, 0, err
	}
	defer rows.Close()
	var digest sql.RawBytes
	ownedByCaller := true
	dest := []any{&digest}
	if b.store.sql.ReturnsAll() {
		dest = append(dest, &ownedByCaller)
	}
	for ; rows.Next(); there++ {
		if err := rows.Scan(dest...); err != nil {
			return 0, 0, err
		}
		place, sent := b.first[hash(digest)]
		if !sent { // a trigger has altered the hash
			return 0, 0, errSwallowed
		}
		if ownedByCaller {
			b.fresh = hash(digest)
			fresh[place] = true
			marked++
		}
	}
	if err := rows.Err(); err != nil {
		return 0, 0, err
	}
	return marked, there, rows.Close()
}

// seen returns the messages that are not fresh.
func (b *inbox) seen(marks []claimsql.Mark, fresh []bool) (seen []claimsql.Mark) {
	for _, m := range marks {
		if !fresh[b.first[m.Hash]] {
			seen = append(seen, m)
		}
	}
	return seen
}

// fail says what an error of the batch means.
func (b *inbox) fail(ctx context.Context, h handle, err error) error {
	switch {
	case losesTransaction(err), dialect.Classify(err) == dialect.LockTimeout && (b.store.dialect.Traits().Immediate || b.store.timeoutLoses):
		if h.own == nil { // see claim.undo
			b.store.rollback(ctx, h.tx.Tx)
		}
		return &ConflictError{Err: err}
	case dialect.Classify(err) == dialect.LockTimeout:
		return &InProgressError{Key: Key{Scope: b.consumer}, RetryAfter: time.Second, Err: err}
	}
	return fmt.Errorf("keys: the batch of consumer %s: %w", readable(b.consumer, false), b.store.explain(ctx, err))
}
