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

// Filter is a consumer's inbox. Filter returns the messages that the consumer has not handled, in the order of msgs, and marks
// them as handled in the caller's transaction. Handle the messages in that transaction: after a crash before the commit nothing
// is marked, and the messages come again. id returns a message's identity, 1 to 255 bytes, any bytes. If two messages of the
// batch have one identity, the first counts. Dead messages are left out; see [Store.Fail].
//
// Filter sends one statement for a batch of up to about ten thousand messages. On MySQL a second statement follows; on
// PostgreSQL and SQLite a second statement follows if some of the messages were seen before. The second statement proves that
// their marks are there (hazard K47). The marks are made in one order whatever the order of the messages, so that consumers do
// not deadlock on each other (hazard K29). If another consumer is handling one of the messages right now, Filter waits for that
// consumer.
//
// tx is a *sqlx.Tx, a *sql.Tx or a *[Tx]. After an error handle none of the messages and roll back. Filter returns an error
// that names the message if an identity is empty or too long; a [*ConflictError] if the transaction must run again, in which
// case Filter has rolled it back; an [*InProgressError] if the database's limit to waiting has passed; an error that says so if
// a trigger has swallowed a mark; otherwise the database's error.
//
// A message is remembered for the store's [Retention]. If the message is delivered again after that, it is handled again, so
// let the retention be longer than the broker's. Unlike for a key, the time that an identity may carry is not looked at: Filter
// never returns [ErrTooOld].
func Filter[M any](ctx context.Context, s *Store, tx upsert.DB, consumer string, msgs []M, id func(M) string) (fresh []M, err error) {
	if err := s.checkReady(); err != nil {
		return nil, err
	}
	x, err := s.transaction(tx)
	if err != nil {
		return nil, err
	}
	fresh, _, err = filter(ctx, s, handle{tx: x}, consumer, msgs, id)
	if outer, ok := tx.(*Tx); ok {
		outer.claim.Hold(s.messagesLockName(consumer))
		_ = outer.observe(err) // a conflict has ended the outer transaction
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

// inbox is the state of one batch.
type inbox struct {
	store    *Store
	consumer string
	owner    [claimsql.OwnerSize]byte
	began    time.Time
	marks    []claimsql.Mark
	fresh    hash         // the hash of a fresh message, of any one
	first    map[hash]int // the position in the batch at which a message comes first
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
	return claimsql.Mark{Hash: hashOf(kindMessage, consumer, id), ID: readable(id, s.server.asciiOnly)}
}

// mark marks the messages and reports, by position in the batch, which are fresh.
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

// chunk returns how many of the messages go into one statement: at most 4 MiB of them, and no more than the server accepts.
func (s *Store) chunk(marks []claimsql.Mark) int {
	most := min(4<<20, s.server.packet) - statementRest
	size := 0
	for i := range marks {
		size += 2*(claimsql.HashSize+len(marks[i].ID)) + 24
		if i == chunkRows || i > 0 && size > most {
			return i
		}
	}
	return len(marks)
}

// markChunk sends one statement, and a second one if messages were seen before and the database returns only the marked
// messages. markChunk returns how many of the messages are fresh, and sets fresh at their positions.
func (b *inbox) markChunk(ctx context.Context, tx *sqlx.Tx, marks []claimsql.Mark, fresh []bool) (marked int, err error) {
	q := b.store.sql
	statement := q.Filter(readable(b.consumer, b.store.server.asciiOnly), b.owner, b.store.config.retention, marks)
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
	if known := b.known(marks, fresh); !q.ReturnsAll() && len(known) > 0 {
		var n int
		if _, err := queryRow(ctx, tx, q.Present(known), &n); err != nil {
			return 0, err
		}
		there += n
	}
	if there != len(marks) {
		return 0, fmt.Errorf("%d of %d messages: %w", len(marks)-there, len(marks), errSwallowed)
	}
	return marked, nil
}

// readMarks reads the answer to Filter or Marked. readMarks returns how many of the messages are fresh, and how many rows the
// answer has.
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
		position, sent := b.first[hash(digest)]
		if !sent { // a trigger has altered the hash
			return 0, 0, errSwallowed
		}
		if ownedByCaller {
			b.fresh = hash(digest)
			fresh[position] = true
			marked++
		}
	}
	if err := rows.Err(); err != nil {
		return 0, 0, err
	}
	return marked, there, rows.Close()
}

// known returns the messages that are not fresh.
func (b *inbox) known(marks []claimsql.Mark, fresh []bool) (seen []claimsql.Mark) {
	for _, m := range marks {
		if !fresh[b.first[m.Hash]] {
			seen = append(seen, m)
		}
	}
	return seen
}

// fail turns an error of the batch into the error that Filter returns.
func (b *inbox) fail(ctx context.Context, h handle, err error) error {
	switch {
	case losesTransaction(err), dialect.Classify(err) == dialect.LockTimeout && (b.store.dialect.Traits().Immediate || b.store.server.timeoutLoses):
		if h.own == nil { // see claim.undo
			b.store.rollback(ctx, h.tx.Tx)
		}
		return &ConflictError{Err: err}
	case dialect.Classify(err) == dialect.LockTimeout:
		return &InProgressError{Key: Key{Scope: b.consumer}, RetryAfter: time.Second, Err: err}
	}
	return fmt.Errorf("keys: the batch of consumer %s: %w", readable(b.consumer, false), b.store.explain(ctx, err))
}
