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

// Payload stores the message itself with the attempt, for [Store.Dead] to return, because most brokers do not deliver a dead
// message again. A payload is not stored if it has more bytes than [MaxResult], or more than the server accepts in a statement,
// because the attempt must be stored in any case. [DeadMessage] then still has the payload's size.
func Payload(data []byte) FailOption {
	return failOption(func(r *report) { r.Payload = data })
}

// report is stored for a failed attempt.
type report struct {
	Error   string `json:"error,omitempty"`
	Payload []byte `json:"payload,omitempty"`
	Size    int    `json:"size,omitempty"` // of a payload that is too big to be stored
}

// maxErrorText is how much of an error's text is stored, in bytes.
const maxErrorText = 8 << 10

// truncated returns the report with a long error text cut and a payload that is too big left out.
func (r report) truncated(maxPayload int) report {
	if len(r.Error) > maxErrorText {
		r.Error = strings.ToValidUTF8(r.Error[:maxErrorText], "") + " …"
	}
	if len(r.Payload) > maxPayload {
		r.Payload, r.Size = nil, len(r.Payload)
	}
	return r
}

// Fail records that an attempt at a message has failed. Call Fail after the transaction of [Filter] has been rolled back,
// because Fail runs in a transaction of its own. Fail returns how many attempts have failed by now, and a [*DeadError] once
// this number is [MaxAttempts]. From then on Filter leaves the message out, and you can tell the broker that the message is
// done. If somebody has handled the message meanwhile, Fail changes nothing and returns 0 attempts.
//
// cause may be nil; up to 8 KiB of its text are stored. Fail returns an error that names the part if consumer or id is empty or
// too long, and otherwise the database's error.
func (s *Store) Fail(ctx context.Context, consumer, id string, cause error, opts ...FailOption) (attempts int, err error) {
	if err := s.checkReady(); err != nil {
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
			return 0, errNilOption
		}
		o.applyFail(&r)
	}
	if err := s.refuseInside(ctx, s.messagesLockName(consumer)); err != nil {
		return 0, err
	}
	text, err := json.Marshal(r.truncated(s.maxStoredPayload()))
	if err != nil {
		return 0, fmt.Errorf("keys: the attempt at message %s: %w", readable(id, false), err)
	}
	m := s.message(consumer, id)
	f := claimsql.Failure{Call: newCall(), Most: s.config.maxAttempts, Report: text}
	type record struct{ state, attempts int }
	failed, err := transact(ctx, s, func(tx *sqlx.Tx) (r record, err error) {
		attempt := f
		attempt.Owner = newOwner()
		statement := s.sql.Fail(readable(consumer, s.server.asciiOnly), m, attempt)
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

// newCall names a call of Fail, so that the call counts once, even if several of its attempts were committed or others have
// failed meanwhile.
func newCall() (call [claimsql.CallSize]byte) {
	owner := newOwner()
	hex.Encode(call[:], owner[:claimsql.CallSize/2])
	return call
}

// reportIn returns the report of a failed attempt from the stored bytes, in which the names of calls come before the report.
func reportIn(stored []byte) []byte { return stored[max(bytes.IndexByte(stored, '{'), 0):] }

// DeadMessage is a message whose handling has failed [MaxAttempts] times.
type DeadMessage struct {
	ID          string
	Attempts    int
	Error       string    // the text of the last attempt's cause
	Payload     []byte    // the last attempt's, if one was given and was not too big to be stored
	PayloadSize int       // the size of the last attempt's payload, also if the payload was too big to be stored
	Since       time.Time // when the first attempt failed, in UTC by the database's clock

	// TooBig is PayloadSize if the payload was too big to be stored, and otherwise 0.
	//
	// Deprecated: use PayloadSize. If the payload was too big, PayloadSize is greater than the length of Payload.
	TooBig int
}

// Dead lists up to limit dead messages of a consumer, the oldest first. The messages stay until [Store.Revive] makes them
// fresh: GC never removes them. Dead returns an error if consumer is empty or too long or if limit is below 1, and otherwise
// the database's error.
func (s *Store) Dead(ctx context.Context, consumer string, limit int) (dead []DeadMessage, err error) {
	if err := s.checkReady(); err != nil {
		return nil, err
	}
	if err := checkPart("consumer", consumer); err != nil {
		return nil, err
	}
	if limit < 1 {
		return nil, fmt.Errorf("keys: Dead: a limit of %d: the minimum is 1", limit)
	}
	q := s.sql.Dead(readable(consumer, s.server.asciiOnly), limit)
	dead, err = readCommitted(ctx, s, func(db upsert.DB) ([]DeadMessage, error) { return queryAll(ctx, db, q, scanDead) })
	if err != nil {
		return nil, fmt.Errorf("keys: Dead: %w", s.explain(ctx, err))
	}
	return dead, nil
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

// Retry is [Store.Revive]. Retry does not try anything again.
//
// Deprecated: use Revive.
func (s *Store) Retry(ctx context.Context, consumer string, ids ...string) (revived int64, err error) {
	return s.Revive(ctx, consumer, ids...)
}

// Revive makes dead messages alive: their attempts are counted from 0 again, and [Filter] treats them as fresh when they are
// delivered again. Revive does not deliver them. Revive returns how many of the messages were dead, and can be repeated. Revive
// returns an error if there are no ids, an error that names the part if consumer or an id is empty or too long, and otherwise
// the database's error.
func (s *Store) Revive(ctx context.Context, consumer string, ids ...string) (revived int64, err error) {
	if err := s.checkReady(); err != nil {
		return 0, err
	}
	if len(ids) == 0 {
		return 0, errors.New("keys: Revive: name the messages to revive; Dead lists them")
	}
	if err := checkPart("consumer", consumer); err != nil {
		return 0, err
	}
	if err := s.refuseInside(ctx, s.messagesLockName(consumer)); err != nil {
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
