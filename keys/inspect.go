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
	// StateClaimed: it was claimed and committed without a result, by a statement of fn's that commits by itself. No call
	// gets past it: look what became of its effect, and remove the row.
	StateClaimed State = claimsql.Claimed
	// StateDone: it has a result.
	StateDone State = claimsql.Done
	// StateFinalError: it has an error that fn has marked as [Final]. [Store.Fail] does not lead here: see StateWaiting.
	StateFinalError State = claimsql.Failed
	// StateWaiting: a message with failed attempts, which waits for its next delivery.
	StateWaiting State = claimsql.Waiting
	// StateDead: a message whose attempts have failed as often as they may.
	StateDead State = claimsql.Dead
)

// StateFailed is [StateFinalError].
//
// Deprecated: use StateFinalError. It is no message's that has failed.
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
	}
	return fmt.Sprintf("State(%d)", int(s))
}

// Info is all that is known of a key. Times are the database's, in UTC.
type Info struct {
	Key         Key // of a message: its consumer, "" and its identity
	State       State
	Fingerprint Fingerprint // zero: none
	Result      []byte      // encoded; of a final error, and of a failed attempt, a JSON object
	Codec       string
	Attempts    int
	Fence       int64
	LeaseUntil  time.Time // of a later version's leases
	ClaimedAt   time.Time
	FinishedAt  time.Time // zero: not finished
	ExpiresAt   time.Time // when it may be removed
}

// Inspect tells a person what is known of a key. It returns an error that wraps [ErrNotFound] if that is nothing, which is
// also so while its first transaction is under way, and the database's errors.
func (s *Store) Inspect(ctx context.Context, k Key) (*Info, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	if err := k.check(); err != nil {
		return nil, err
	}
	return s.inspect(ctx, k, hashOf(kindKey, k.Scope, k.Op, k.ID))
}

// InspectMessage is [Store.Inspect] for a message of a consumer's inbox.
func (s *Store) InspectMessage(ctx context.Context, consumer, id string) (*Info, error) {
	if err := s.ready(); err != nil {
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

// readInfo returns nil for a key of which nothing is known.
func (s *Store) readInfo(ctx context.Context, db upsert.DB, h hash) (*Info, error) {
	var lease, claimed, expires string
	var finished sql.NullString
	var st stored
	info := &Info{}
	found, err := queryRow(ctx, db, s.sql.Info(h), &st.state, &st.owner, &st.fingerprintVersion, &st.fingerprint,
		&info.Result, &info.Codec, &info.Attempts, &info.Fence, &lease, &claimed, &finished, &expires)
	if err != nil || !found {
		return nil, err
	}
	if info.State = State(st.state); info.State == StateWaiting || info.State == StateDead {
		info.Result = reportIn(info.Result)
	}
	if st.fingerprintVersion != 0 {
		info.Fingerprint.version = st.fingerprintVersion
		copy(info.Fingerprint.sum[:], st.fingerprint)
	}
	for _, t := range []struct {
		to   *time.Time
		text string
	}{{&info.LeaseUntil, lease}, {&info.ClaimedAt, claimed}, {&info.FinishedAt, finished.String}, {&info.ExpiresAt, expires}} {
		if t.text == "" {
			continue
		}
		if *t.to, err = parseTime(t.text); err != nil {
			return nil, err
		}
	}
	return info, nil
}

// readCommitted calls f with what reads nothing that is not committed: on MySQL and MariaDB the sessions of a pool can be at READ
// UNCOMMITTED.
func readCommitted[V any](ctx context.Context, s *Store, f func(upsert.DB) (V, error)) (V, error) {
	if !s.isMySQL() {
		return f(s.db)
	}
	return transact(ctx, s, func(tx *sqlx.Tx) (V, error) { return f(tx) })
}

// parseTime reads the form in which every dialect shows a time.
func parseTime(text string) (time.Time, error) {
	t, err := time.ParseInLocation("2006-01-02 15:04:05.999999999", text, time.UTC)
	if err != nil {
		return t, fmt.Errorf("a stored time cannot be read: %w", err)
	}
	return t, nil
}
