package keys

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/claimsql"
	"github.com/jmoiron/sqlx"
)

// claim is one call of Once, Run or Do.
type claim struct {
	store     *Store
	once      bool
	handler   bool  // fn is a handler: see response.Bounded
	form      Codec // of a handler's responses; nil: there is no handler
	leased    bool  // the call is Do's
	key       Key
	row       claimsql.Row
	codec     Codec
	limited   bool          // the call has a limit to waiting
	limit     time.Duration // how long to wait for another caller; 0: not at all
	isolation sql.IsolationLevel
	attempts  int                                           // how often Run tries at most
	onBegin   func(ctx context.Context, tx upsert.DB) error // nil: none
	began     time.Time
	waited    time.Duration // for other callers, so far; the time of fn does not count
	lost      error         // Once had to roll the caller's transaction back
}

// claimAttempts bounds how often a claim begins again because the row that the claim found was removed before the claim could
// read the row (hazard K16).
const claimAttempts = 10

func (s *Store) claim(k Key, fp Fingerprint, once bool, opts []ClaimOption) (*claim, error) {
	c, err := s.newClaim(k, fp)
	if err != nil {
		return nil, err
	}
	c.once = once
	for _, o := range opts {
		if o == nil {
			return nil, errNilOption
		}
		if err := o.applyClaim(c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// newClaim returns a call without options.
func (s *Store) newClaim(k Key, fp Fingerprint) (*claim, error) {
	if err := s.checkReady(); err != nil {
		return nil, err
	}
	if err := k.check(); err != nil {
		return nil, err
	}
	c := &claim{store: s, key: k, codec: s.config.codec(), attempts: runAttempts, limited: s.config.limited, limit: s.config.limit, began: time.Now()}
	c.row = claimsql.Row{
		Hash:   hashOf(kindKey, k.Scope, k.Op, k.ID),
		Owner:  newOwner(),
		Scope:  readable(k.Scope, s.server.asciiOnly),
		Op:     readable(k.Op, s.server.asciiOnly),
		ID:     readable(k.ID, s.server.asciiOnly),
		Retain: s.config.retention,
	}
	if fp.version != 0 {
		c.row.FingerprintVersion, c.row.Fingerprint = fp.version, fp.sum[:]
	}
	if !s.config.noKeyTime {
		c.row.KeyTime = keyTime(k.ID)
	}
	return c, nil
}

// newOwner returns the token by which a call recognizes its own row. The number of affected rows would not do, because it
// depends on the driver's settings (hazard H14); and if a commit's answer was lost, only the token tells whose row was
// committed.
func newOwner() (owner [claimsql.OwnerSize]byte) {
	_, _ = rand.Read(owner[:]) // never fails, see crypto/rand
	return owner
}

// stored is the part of a row that a claim needs to know.
type stored struct {
	state              int
	owner              string
	fingerprintVersion uint8
	fingerprint        []byte
	result             []byte
	codec              string
}

func (s *Store) fetch(ctx context.Context, db upsert.DB, q claimsql.Statement) (st stored, found bool, err error) {
	found, err = queryRow(ctx, db, q, &st.state, &st.owner, &st.fingerprintVersion, &st.fingerprint, &st.result, &st.codec)
	return st, found, err
}

// find is fetch, with nil if there is no row.
func (s *Store) find(ctx context.Context, db upsert.DB, q claimsql.Statement) (*stored, error) {
	st, found, err := s.fetch(ctx, db, q)
	if err != nil || !found {
		return nil, err
	}
	return &st, nil
}

// isDone reports whether the row is a finished key's. Such a row never changes.
func (st *stored) isDone() bool { return st.state == claimsql.Done || st.state == claimsql.Failed }

// queryRow scans the first row, and closes the rows before it returns.
func queryRow(ctx context.Context, db upsert.DB, q claimsql.Statement, dest ...any) (found bool, err error) {
	rows, err := db.QueryContext(ctx, q.Text, q.Args...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	if rows.Next() {
		found = true
		if err := rows.Scan(dest...); err != nil {
			return false, err
		}
	}
	if err := rows.Err(); err != nil {
		return false, err
	}
	return found, rows.Close()
}

// claimResult says how an attempt to claim has ended.
type claimResult struct {
	claimed bool   // this attempt has the claim
	row     stored // otherwise the row that is stored
}

// ownedByCaller reports whether one of this call's attempts has written the row.
func (c *claim) ownedByCaller(st stored) bool {
	return strings.HasPrefix(st.owner, string(c.row.Owner[:claimsql.OwnerSize-1]))
}

// setOwner sets the owner to the owner of the call's n-th attempt. An attempt must not take the row of an earlier attempt
// for its own, because fn was called for the earlier attempt.
func (c *claim) setOwner(n int) { c.row.Owner[claimsql.OwnerSize-1] = byte(n) }

// take claims the key in a transaction. It returns true if the claim succeeds, and otherwise the stored row.
func (c *claim) take(ctx context.Context, h handle) (bool, stored, error) {
	var a claimAnswer
	began := time.Now()
	a.result, a.err = send(ctx, h, func(tx *sqlx.Tx) (claimResult, error) { return c.takeBounded(ctx, tx) })
	a.took = time.Since(began)
	c.waited += a.took
	return c.judge(ctx, a)
}

// judge returns what take returns, for a claim that has been sent.
func (c *claim) judge(ctx context.Context, a claimAnswer) (bool, stored, error) {
	t, err, waited := a.result, a.err, Event{Key: c.key, Duration: a.took}
	switch {
	case err == nil && t.claimed:
		return true, t.row, nil
	case err == nil:
		c.store.emit(ctx, onWait, waited)
		return false, t.row, nil
	case ctx.Err() == nil && c.timedOut(err):
		if st, done := c.findFinished(ctx); done {
			c.store.emit(ctx, onWait, waited)
			return false, st, nil
		}
		err = c.inProgress(err)
	default:
		err = c.asBusy(err)
	}
	if !errors.Is(err, ErrTooOld) && !errors.Is(err, ErrTooNew) {
		waited.Err = err
		c.store.emit(ctx, onWait, waited)
	}
	return false, stored{}, err
}

// timedOut reports whether a claim's error says that the claim has waited long enough, either for a lock or for its statement.
// A statement's timeout counts because a claim takes time only if it waits. On SQLite a lock timeout says nothing about the
// key, and can come at once: there Once uses the caller's limit, and Run counts for itself.
func (c *claim) timedOut(err error) bool {
	if n, _ := dialect.MySQLNumber(err); n == 1969 || dialect.SQLState(err) == queryCanceled { // max_statement_time, statement_timeout
		return true
	}
	return dialect.Classify(err) == dialect.LockTimeout && (c.limited && c.once || !c.store.dialect.Traits().Immediate)
}

func (c *claim) takeLoop(ctx context.Context, tx *sqlx.Tx, prefix string) (t claimResult, err error) {
	q := c.store.sql
	insert := q.Claim(c.row, prefix)
	for range claimAttempts {
		var found bool
		if q.Returning {
			t.row, found, err = c.store.fetch(ctx, tx, insert)
		} else {
			var res sql.Result
			if res, err = tx.ExecContext(ctx, insert.Text, insert.Args...); err != nil {
				return t, err
			}
			if q.CountsInserts() {
				if n, err := res.RowsAffected(); err != nil || n == 1 {
					return claimResult{claimed: n == 1}, err
				}
			}
		}
		if err == nil && !found {
			t.row, found, err = c.store.fetch(ctx, tx, q.Fetch(c.row.Hash))
		}
		if err != nil || found {
			t.claimed = found && t.row.state == c.row.State() && t.row.owner == string(c.row.Owner[:])
			return t, err
		}
		if err := c.checkAge(ctx, tx); err != nil {
			return t, err
		}
	}
	return t, errRowMissing
}

// checkAge returns ErrTooOld or ErrTooNew if the key was not claimed because of its own time.
func (c *claim) checkAge(ctx context.Context, db upsert.DB) error {
	if c.row.KeyTime == 0 {
		return nil
	}
	age := claimsql.Timely
	if _, err := queryRow(ctx, db, c.store.sql.Age(c.row), &age); err != nil {
		return err
	}
	errs := map[int]error{claimsql.TooOld: ErrTooOld, claimsql.TooNew: ErrTooNew}
	if err := errs[age]; err != nil {
		at := time.UnixMilli(c.row.KeyTime).UTC().Format(time.RFC3339)
		return fmt.Errorf("keys: %s: the key's time is %s and the retention is %v: %w", c.key, at, c.row.Retain, err)
	}
	return nil
}

// record completes the claim with a result.
func (c *claim) record(ctx context.Context, tx *sqlx.Tx, end ending) error {
	q := c.store.sql.Record(c.row.Hash, c.row.Owner, end.state, end.result, end.codec)
	if !c.once && c.store.dialect.Traits().Immediate { // the claim has the write lock, so nothing can wait, and a driver need not watch the context
		ctx = context.WithoutCancel(ctx)
	}
	res, err := tx.ExecContext(ctx, q.Text, q.Args...)
	if errors.Is(err, sql.ErrTxDone) {
		return fmt.Errorf("keys: %s: %w: %w", c.key, ErrClaimLost, err)
	}
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(fmt.Errorf("keys: %s: %w", c.key, ErrClaimLost), err)
	}
	return nil
}

// resolve returns the stored outcome, or an error that says why this call gets none.
func (c *claim) resolve(ctx context.Context, st stored) (outcome, error) {
	c.store.seen.add(c.row.Hash)
	event := Event{Key: c.key, Duration: time.Since(c.began)}
	if err := c.refuse(st); err != nil {
		if event.Err = err; errors.Is(err, ErrMismatch) {
			c.store.emit(ctx, onMismatch, event)
		}
		return outcome{}, err
	}
	switch st.state {
	case claimsql.Done:
		if err := c.useCodec(st.codec); err != nil {
			return outcome{}, err
		}
	case claimsql.Failed:
		event.Err = c.store.storedFinal(st.result)
	case claimsql.Claimed:
		return outcome{}, fmt.Errorf("keys: %s: fn claims a key that its own transaction has claimed already, or a statement of an earlier fn has committed the claim without a result, as DDL does on MySQL and MariaDB (then check what became of the effect and remove the row, with Store.Forget)", c.key)
	default:
		return outcome{}, fmt.Errorf("keys: %s: its row has the state %d, which this version does not know: a newer version of this package may have written the row", c.key, st.state)
	}
	c.store.emit(ctx, onReplay, event)
	return outcome{result: st.result, replayed: true, decode: true}, event.Err
}

// refuse returns an error if the row is another verb's or another request's.
func (c *claim) refuse(st stored) error {
	if st.isLeasable() != c.leased {
		return fmt.Errorf("keys: %s: %w", c.key, ErrOtherVerb)
	}
	return c.compare(st)
}

func (c *claim) compare(st stored) error {
	switch {
	case c.row.FingerprintVersion == 0 || st.fingerprintVersion == 0:
		return nil
	case c.row.FingerprintVersion != st.fingerprintVersion:
		return fmt.Errorf("keys: %s: its fingerprint has version %d and the stored fingerprint has version %d, so the two cannot be compared: the processes run different versions of this package", c.key, c.row.FingerprintVersion, st.fingerprintVersion)
	case string(c.row.Fingerprint) != string(st.fingerprint):
		return fmt.Errorf("keys: %s: %w", c.key, ErrMismatch)
	}
	return nil
}
