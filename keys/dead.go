package keys

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/claimsql"
	"github.com/jmoiron/sqlx"
)

// FailOption is an option of [Store.Fail].
type FailOption interface{ applyFail(*report) }

type failOption func(*report)

func (o failOption) applyFail(r *report) { o(r) }

// Payload stores the message itself with the attempt, for [Store.Dead] to return: a message that is dead is not delivered
// again by most brokers. One of more bytes than [MaxResult], or than the server takes in a statement, is not stored, for the attempt
// must be: [DeadMessage] has its size all the same.
func Payload(data []byte) FailOption {
	return failOption(func(r *report) { r.Payload = data })
}

// report is what is stored of a failed attempt.
type report struct {
	Error   string `json:"error,omitempty"`
	Payload []byte `json:"payload,omitempty"`
	Size    int    `json:"size,omitempty"` // of a payload that is too big to be stored
}

// maxErrorText is how much of an error's text is stored, in bytes.
const maxErrorText = 8 << 10

// bounded leaves out what is too big.
func (r report) bounded(maxPayload int) report {
	if len(r.Error) > maxErrorText {
		r.Error = strings.ToValidUTF8(r.Error[:maxErrorText], "") + " …"
	}
	if len(r.Payload) > maxPayload {
		r.Payload, r.Size = nil, len(r.Payload)
	}
	return r
}

// Fail records that an attempt at a message has failed. Call it after the transaction of [Filter] has been rolled back: it
// runs in one of its own. It returns how many attempts have failed by now, and a [*DeadError] once they are [MaxAttempts]: from
// then on Filter leaves the message out, and the broker can be told that it is done. A message that somebody has handled
// meanwhile is left alone, and the attempts are 0.
//
// cause may be nil; its text is stored, up to 8 KiB of it. It returns an error that names the part for a consumer or an id that is empty or too
// long, and else the database's.
func (s *Store) Fail(ctx context.Context, consumer, id string, cause error, opts ...FailOption) (attempts int, err error) {
	if err := s.ready(); err != nil {
		return 0, err
	}
	if err := errors.Join(checkPart("consumer", consumer), checkPart("message's identity", id)); err != nil {
		return 0, err
	}
	var r report
	if cause != nil {
		r.Error = cause.Error()
	}
	for _, o := range opts {
		if o == nil {
			return 0, errors.New("keys: an option is nil")
		}
		o.applyFail(&r)
	}
	if err := s.outside(ctx, s.heldMessages(consumer)); err != nil {
		return 0, err
	}
	text, err := json.Marshal(r.bounded(s.mostPayload()))
	if err != nil {
		return 0, fmt.Errorf("keys: the attempt at message %s: %w", readable(id, false), err)
	}
	m := s.message(consumer, id)
	f := claimsql.Failure{Call: newCall(), Most: s.maxAttempts, Report: text}
	type record struct{ state, attempts int }
	failed, err := transact(ctx, s, func(tx *sqlx.Tx) (r record, err error) {
		again := f
		again.Owner = newOwner()
		statement := s.sql.Fail(readable(consumer, s.ascii), m, again)
		if _, err := tx.ExecContext(ctx, statement.Text, statement.Args...); err != nil {
			return r, err
		}
		_, err = queryRow(ctx, tx, s.sql.Attempts(m), &r.state, &r.attempts)
		return r, err
	})
	switch {
	case err != nil:
		return 0, fmt.Errorf("keys: the attempt at message %s of consumer %s: %w", readable(id, false), readable(consumer, false), err)
	case failed.state == claimsql.Dead:
		return failed.attempts, &DeadError{Consumer: consumer, ID: id, Attempts: failed.attempts}
	case failed.state != claimsql.Waiting:
		return 0, nil
	}
	return failed.attempts, nil
}

// newCall names a call, which counts once, whichever of its attempts was committed and whoever else has failed meanwhile.
func newCall() (call [claimsql.CallSize]byte) {
	owner := newOwner()
	hex.Encode(call[:], owner[:claimsql.CallSize/2])
	return call
}

// reportIn returns the report of what is stored of a failed attempt: the names of calls stand before it.
func reportIn(stored []byte) []byte { return stored[max(bytes.IndexByte(stored, '{'), 0):] }

// DeadMessage is a message whose handling has failed as often as it may.
type DeadMessage struct {
	ID          string
	Attempts    int
	Error       string    // the text of the last attempt's cause
	Payload     []byte    // the last attempt's, if it was given and not too big to be stored
	PayloadSize int       // of the last attempt's, also if it was too big
	Since       time.Time // when the first attempt failed, in UTC by the database's clock

	// TooBig is PayloadSize if the payload was too big to be stored, and else 0.
	//
	// Deprecated: use PayloadSize, which is greater than the length of Payload then.
	TooBig int
}

// Dead lists up to limit of a consumer's dead messages, the oldest first. They stay until [Store.Revive] makes them fresh: GC
// never removes them. It returns an error for a consumer that is empty or too long, for a limit below 1, and else the
// database's.
func (s *Store) Dead(ctx context.Context, consumer string, limit int) (dead []DeadMessage, err error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	if err := checkPart("consumer", consumer); err != nil {
		return nil, err
	}
	if limit < 1 {
		return nil, fmt.Errorf("keys: Dead: a limit of %d: the least is 1", limit)
	}
	q := s.sql.Dead(readable(consumer, s.ascii), limit)
	dead, err = readCommitted(ctx, s, func(db upsert.DB) ([]DeadMessage, error) { return readDead(ctx, db, q) })
	if err != nil {
		return nil, fmt.Errorf("keys: Dead: %w", s.explain(ctx, err))
	}
	return dead, nil
}

func readDead(ctx context.Context, db upsert.DB, q claimsql.Statement) (dead []DeadMessage, err error) {
	rows, err := db.QueryContext(ctx, q.Text, q.Args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		m, err := scanDead(rows.Scan)
		if err != nil {
			return nil, err
		}
		dead = append(dead, m)
	}
	return dead, rows.Err()
}

func scanDead(scan func(...any) error) (m DeadMessage, err error) {
	var id, since string
	var text []byte
	if err := scan(&id, &m.Attempts, &text, &since); err != nil {
		return m, err
	}
	var r report
	if err := json.Unmarshal(reportIn(text), &r); err != nil {
		return m, fmt.Errorf("the report on message %s cannot be read: %w", id, err)
	}
	m.Error, m.Payload, m.PayloadSize, m.TooBig = r.Error, r.Payload, max(len(r.Payload), r.Size), r.Size
	if m.Since, err = parseTime(since); err != nil {
		return m, err
	}
	m.ID, err = unreadable(id)
	return m, err
}

// Retry is [Store.Revive]. It tries nothing again.
//
// Deprecated: use Revive.
func (s *Store) Retry(ctx context.Context, consumer string, ids ...string) (revived int64, err error) {
	return s.Revive(ctx, consumer, ids...)
}

// Revive makes dead messages alive: their attempts are counted anew, and [Filter] takes them for fresh when they are delivered
// again. It delivers none itself. It returns how many of them were dead. It can be repeated. It returns an error for no ids, one
// that names the part for a consumer or an id that is empty or too long, and else the database's.
func (s *Store) Revive(ctx context.Context, consumer string, ids ...string) (revived int64, err error) {
	if err := s.ready(); err != nil {
		return 0, err
	}
	if len(ids) == 0 {
		return 0, errors.New("keys: Revive: name the messages to revive; Dead lists them")
	}
	if err := checkPart("consumer", consumer); err != nil {
		return 0, err
	}
	if err := s.outside(ctx, s.heldMessages(consumer)); err != nil {
		return 0, err
	}
	marks := make([]claimsql.Mark, len(ids))
	for i, id := range ids {
		if err := checkPart("message's identity", id); err != nil {
			return 0, err
		}
		marks[i] = s.message(consumer, id)
	}
	revived, err = transact(ctx, s, func(tx *sqlx.Tx) (revived int64, err error) {
		for rest := marks; len(rest) > 0; {
			n := s.chunk(rest)
			q := s.sql.Revive(rest[:n])
			res, err := tx.ExecContext(ctx, q.Text, q.Args...)
			if err != nil {
				return 0, err
			}
			more, err := res.RowsAffected()
			if err != nil {
				return 0, err
			}
			revived, rest = revived+more, rest[n:]
		}
		return revived, nil
	})
	if err != nil {
		return 0, fmt.Errorf("keys: Revive: %w", err)
	}
	return revived, nil
}
