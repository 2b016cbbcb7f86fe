package keys

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/goupsert/upsert/internal/claimsql"
)

const (
	defaultRetention   = 72 * time.Hour
	defaultMaxAttempts = 10
	defaultMaxResult   = 1 << 20
)

// Option is an option of [Open]. Later options win over earlier ones.
type Option interface{ apply(*config) error }

type option func(*config) error

func (o option) apply(c *config) error { return o(c) }

type config struct {
	table       string
	retention   time.Duration
	maxAttempts int
	maxResult   int
	hooks       []Hooks
	known       []error
	codecs      []Codec // the first one stores; empty: JSON only
	noKeyTime   bool
	limited     bool          // a call waits for others no longer than limit
	limit       time.Duration // 0: a call does not wait at all
}

func newConfig(opts []Option) (config, error) {
	c := config{table: defaultTable, retention: defaultRetention, maxAttempts: defaultMaxAttempts, maxResult: defaultMaxResult}
	for _, o := range opts {
		if o == nil {
			return c, errNilOption
		}
		if err := o.apply(&c); err != nil {
			return c, err
		}
	}
	return c, nil
}

// Table names the table, by default idempotency_keys. A schema goes before the name ("app.idempotency_keys"). Put a part that
// contains a dot in double quotes.
func Table(name string) Option {
	return option(func(c *config) error { c.table = name; return nil })
}

// Retention is how long a key is remembered after the claim, by default 72 hours; [Retain] overrides the retention for one key.
// This is a minimum: the key is replayed until [Store.GC] has removed it. Stop the callers before you raise the retention: if
// GC has removed a key with a time of its own (UUIDv7, ULID) under the shorter retention, this key counts as young again, and
// fn is called once more.
func Retention(d time.Duration) Option {
	return option(func(c *config) error { c.retention = d; return checkRetention(d) })
}

func checkRetention(d time.Duration) error {
	if d < time.Millisecond {
		return fmt.Errorf("keys: a retention of %v: the minimum is a millisecond", d)
	}
	return nil
}

func atLeastOne(option string, n int64) error {
	if n < 1 {
		return fmt.Errorf("keys: %s(%d): the minimum is 1", option, n)
	}
	return nil
}

// MaxAttempts is how often the handling of a message may fail before the message is dead, by default 10. See [Store.Fail]. Use
// less than the broker's own limit; otherwise the broker gives the message up before [Store.Dead] lists it.
func MaxAttempts(n int) Option {
	return option(func(c *config) error {
		c.maxAttempts = n
		return atLeastOne("MaxAttempts", int64(n))
	})
}

// MaxResult is the greatest size of an encoded result, in bytes, by default 1 MiB. If a result is greater, the call returns an
// error and the effect is rolled back, because a result that is not stored could not be replayed (hazard K11).
func MaxResult(bytes int) Option {
	return option(func(c *config) error {
		c.maxResult = bytes
		return atLeastOne("MaxResult", int64(bytes))
	})
}

// WithHooks adds hooks. They are called after the hooks that were given before.
func WithHooks(h ...Hooks) Option {
	return option(func(c *config) error { c.hooks = append(c.hooks, h...); return nil })
}

// KnownErrors are errors that a [Final] error may be or wrap, and that callers recognize with errors.Is: on a replay a
// [*FinalError] wraps them again. They are found by their texts, which must differ from each other and never change.
func KnownErrors(errs ...error) Option {
	return option(func(c *config) error {
		for _, e := range errs {
			if e == nil {
				return errors.New("keys: KnownErrors: an error is nil")
			}
			for _, other := range c.known {
				if other.Error() == e.Error() {
					return fmt.Errorf("keys: KnownErrors: two errors have the text %q", e.Error())
				}
			}
			c.known = append(c.known, e)
		}
		return nil
	})
}

// IgnoreKeyTime treats keys that look like a UUIDv7 or a ULID like any other key: [ErrTooOld] and [ErrTooNew] are never
// returned. Use IgnoreKeyTime for IDs of 26 letters and digits that are not ULIDs. For example, one in 150 of the texts that
// crypto/rand.Text makes looks like a ULID from another time and would be refused.
func IgnoreKeyTime() Option {
	return option(func(c *config) error { c.noKeyTime = true; return nil })
}

// ClaimOption is an option of [Once] and [Run]. Later options win over earlier ones.
type ClaimOption interface{ applyClaim(*claim) error }

type claimOption func(*claim) error

func (o claimOption) applyClaim(c *claim) error { return o(c) }

// CommonOption is an option of [Once] and [Run], and of [Do].
type CommonOption interface {
	ClaimOption
	DoOption
}

type commonOption func(*claim) error

func (o commonOption) applyClaim(c *claim) error { return o(c) }
func (o commonOption) applyDo(d *doOp) error     { return o(d.claim) }

// WaitOption is an option of [Open], for every key of the store, and of [Once], [Run] and [Do], for one key.
type WaitOption interface {
	Option
	CommonOption
}

type waitOption time.Duration

func (o waitOption) apply(c *config) error {
	c.limited, c.limit = true, time.Duration(o)
	return o.check()
}

func (o waitOption) applyClaim(c *claim) error {
	c.limited, c.limit = true, time.Duration(o)
	return o.check()
}

func (o waitOption) applyDo(d *doOp) error { return o.applyClaim(d.claim) }

func (o waitOption) check() error {
	if o < 0 {
		return fmt.Errorf("keys: MaxWait(%v) is negative", time.Duration(o))
	}
	return nil
}

// NoWait makes the claim fail with [*InProgressError] if another caller has the key, instead of waiting for this caller. The
// database waits at least a millisecond on PostgreSQL and a second on MySQL. SQLite does not say what the writing transaction
// is about, so there any writer counts as the other caller.
func NoWait() WaitOption { return waitOption(0) }

// MaxWait makes the claim fail with [*InProgressError] if another caller has the key for longer than d. All of the call's
// waiting counts: in [Run] for another caller of this process, for a connection of the pool, and for the database. The time of
// fn does not count. By default Run waits for the callers of its process as long as the context allows, and for other callers
// as long as the connection's settings allow: on SQLite for about busy_timeout, on MySQL for innodb_lock_wait_timeout, on
// PostgreSQL without end. MaxWait takes up to three more statements. A d of more than 20 days counts as 20 days, so such a d
// lifts the limit that Open was given.
func MaxWait(d time.Duration) WaitOption { return waitOption(min(d, claimsql.LongestWait)) }

// Retain is how long this key is remembered, instead of the store's [Retention].
func Retain(d time.Duration) CommonOption {
	return commonOption(func(c *claim) error { c.row.Retain = d; return checkRetention(d) })
}

// Isolation is the level of Run's transaction, by default the database's. SQLite has only one level, serializable, so SQLite
// accepts every level. [Once] refuses Isolation, because its transaction has begun already.
func Isolation(level sql.IsolationLevel) ClaimOption {
	return claimOption(func(c *claim) error {
		if c.once {
			return errors.New("keys: Isolation applies to Run only: the transaction that Once is given already has a level")
		}
		c.isolation = level
		return nil
	})
}

// WithCodec stores the result in the codec's form, instead of the first codec of [Codecs] or JSON.
func WithCodec(codec Codec) CommonOption {
	return commonOption(func(c *claim) error {
		c.codec = codec
		return checkCodec("WithCodec", codec)
	})
}
