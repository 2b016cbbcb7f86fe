package keys

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/goupsert/upsert/internal/claimsql"

	"github.com/goupsert/upsert"
	"github.com/jmoiron/sqlx"
)

// State is what is known of a key or a message.
type State int

const (
	// StateClaimed: the key was claimed and committed without a result, because a statement of fn commits by itself. No call
	// gets past such a key: check what became of its effect, and then remove the key with [Store.Forget].
	StateClaimed State = claimsql.Claimed
	// StateDone: the key has a result.
	StateDone State = claimsql.Done
	// StateFinalError: the key has an error that fn has marked as [Final]. [Store.Fail] does not lead to this state: see
	// StateWaiting.
	StateFinalError State = claimsql.Failed
	// StateWaiting: the message has failed attempts, and waits for its next delivery.
	StateWaiting State = claimsql.Waiting
	// StateDead: the message's attempts have failed [MaxAttempts] times.
	StateDead State = claimsql.Dead
	// StateLeased: a call of [Do] has the key, or had it and has left no answer. Info.LeaseUntil says how long the lease lasts.
	StateLeased State = claimsql.Leased
	// StateParked: a call of [Do] has left no answer, and a person decides. Info.LeaseUntil says since when the key is parked.
	StateParked State = claimsql.Parked
)

// StateFailed is [StateFinalError].
//
// Deprecated: use StateFinalError. A failed message does not have this state.
const StateFailed = StateFinalError

// String returns the state's name.
func (s State) String() string {
	switch s {
	case StateClaimed:
		return "claimed"
	case StateDone:
		return "done"
	case StateFinalError:
		return "final error"
	case StateWaiting:
		return "waiting"
	case StateDead:
		return "dead"
	case StateLeased:
		return "leased"
	case StateParked:
		return "parked"
	}
	return fmt.Sprintf("State(%d)", int(s))
}

// Info is all that is known of a key. Times are the database's, in UTC.
type Info struct {
	Key         Key // for a message: its consumer, "" and its identity
	State       State
	Fingerprint Fingerprint // zero: none
	Result      []byte      // encoded; a JSON object for a final error and for a failed attempt
	Codec       string
	Attempts    int
	Fence       int64
	LeaseEnded  bool      // of a leased key: the lease that the row tells has ended by the database's clock; under Guard the row tells the lease before
	LeaseUntil  time.Time // of a leased key: the lease's end; of a parked key: since when it is parked; else without meaning
	ClaimedAt   time.Time
	FinishedAt  time.Time // zero: not finished
	ExpiresAt   time.Time // from when on GC may remove the key
}

// Inspect tells a person what is known of a key. Inspect returns an error that wraps [ErrNotFound] if nothing is known, which
// is also so while the key's first transaction is running, and for a key that [NotDone] or [Store.Release] has freed; an error that names the part if a part of the key is wrong; and
// otherwise the database's error.
func (s *Store) Inspect(ctx context.Context, k Key) (*Info, error) {
	if err := s.checkReady(); err != nil {
		return nil, err
	}
	if err := k.check(); err != nil {
		return nil, err
	}
	return s.inspect(ctx, k, hashOf(kindKey, k.Scope, k.Op, k.ID))
}

// InspectMessage is [Store.Inspect] for a message of a consumer's inbox.
func (s *Store) InspectMessage(ctx context.Context, consumer, id string) (*Info, error) {
	if err := s.checkReady(); err != nil {
		return nil, err
	}
	if err := errors.Join(checkPart("consumer", consumer), checkPart("message's identity", id)); err != nil {
		return nil, err
	}
	k := Key{Scope: consumer, ID: id}
	return s.inspect(ctx, k, hashOf(kindMessage, consumer, id))
}

func (s *Store) inspect(ctx context.Context, k Key, h hash) (*Info, error) {
	info, err := readCommitted(ctx, s, func(db upsert.DB) (*Info, error) { return s.readInfo(ctx, db, h) })
	switch {
	case err != nil:
		return nil, fmt.Errorf("keys: %s: %w", k, s.explain(ctx, err))
	case info == nil:
		return nil, fmt.Errorf("keys: %s: %w", k, ErrNotFound)
	}
	info.Key = k
	return info, nil
}

// readInfo returns nil if nothing is known of the key.
func (s *Store) readInfo(ctx context.Context, db upsert.DB, h hash) (*Info, error) {
	var r infoRow
	found, err := queryRow(ctx, db, s.sql.Info(h), r.dest()...)
	if err != nil || !found || r.st.state == claimsql.Free {
		return nil, err
	}
	return r.convert()
}

// infoRow receives the columns that claimsql reads for an Info.
type infoRow struct {
	st                      stored
	info                    Info
	lease, claimed, expires string
	finished                sql.NullString
}

func (r *infoRow) dest() []any {
	return []any{&r.st.state, &r.st.owner, &r.st.fingerprintVersion, &r.st.fingerprint,
		&r.info.Result, &r.info.Codec, &r.info.Attempts, &r.info.Fence, &r.info.LeaseEnded, &r.lease, &r.claimed, &r.finished, &r.expires}
}

// convert returns what the columns say.
func (r *infoRow) convert() (*Info, error) {
	info := &r.info
	if info.State = State(r.st.state); info.State == StateWaiting || info.State == StateDead {
		info.Result = reportIn(info.Result)
	}
	info.LeaseEnded = info.LeaseEnded && info.State == StateLeased
	if r.st.fingerprintVersion != 0 {
		info.Fingerprint.version = r.st.fingerprintVersion
		copy(info.Fingerprint.sum[:], r.st.fingerprint)
	}
	for _, t := range []struct {
		to   *time.Time
		text string
	}{{&info.LeaseUntil, r.lease}, {&info.ClaimedAt, r.claimed}, {&info.FinishedAt, r.finished.String}, {&info.ExpiresAt, r.expires}} {
		if t.text == "" {
			continue
		}
		var err error
		if *t.to, err = parseTime(t.text); err != nil {
			return nil, err
		}
	}
	return info, nil
}

// readCommitted calls f with a handle that reads only committed rows. On MySQL and MariaDB this takes a transaction, because
// the sessions of a pool can be at READ UNCOMMITTED.
func readCommitted[V any](ctx context.Context, s *Store, f func(upsert.DB) (V, error)) (V, error) {
	if !s.isMySQL() {
		return f(s.db)
	}
	return transact(ctx, s, func(tx *sqlx.Tx) (V, error) { return f(tx) })
}

// parseTime parses the form in which every dialect returns a time.
func parseTime(text string) (time.Time, error) {
	t, err := time.ParseInLocation("2006-01-02 15:04:05.999999999", text, time.UTC)
	if err != nil {
		return t, fmt.Errorf("a stored time cannot be read: %w", err)
	}
	return t, nil
}
