package keys_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
)

// The tests of this file check the waiting time of calls. A call that waits too long here would wait forever or for a
// minute.

// inProgress returns the type of Run's error and whether the answer was replayed.
func (l *hazardLab) inProgress(s *hazardStore, id string, opts ...keys.ClaimOption) string {
	l.lab.Helper()
	_, replayed, err := keys.Run(l.bounded(), s.store, hazardKey(id), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) { return "", nil }, opts...)
	return fmt.Sprintf("%T replayed %v", err, replayed)
}

// hazardStore is a store that counts its retries.
type hazardStore struct {
	store   *keys.Store
	pool    *lab.Pool
	retries int
}

func (l *hazardLab) counting(opts ...engine.Option) *hazardStore {
	l.lab.Helper()
	s := &hazardStore{pool: l.lab.Pool(opts...)}
	s.store = l.open(s.pool.DB, keys.WithHooks(keys.Hooks{Retry: func(context.Context, keys.Event) { s.retries++ }}))
	return s
}

const inProgress = "*keys.InProgressError replayed false"

// writes holds SQLite's write lock until end is called.
func (l *hazardLab) writes() (end func()) {
	l.lab.Helper()
	tx := l.Begin(nil)
	l.lab.On(tx, "INSERT INTO effects VALUES ('other')")
	return func() { l.lab.Commit(tx) }
}

// TestHazard_K51_BeginOfSQLite checks _txlock=immediate, with which BEGIN waits for the lock.
func TestHazard_K51_BeginOfSQLite(t *testing.T) {
	t.Parallel()
	hazards(t, lab.SQLite, func(l *hazardLab) {
		for _, c := range []struct {
			name, busy string
			opts       []keys.ClaimOption
			most       int // maximum number of retries
		}{
			{"NoWait", "60000", []keys.ClaimOption{keys.NoWait()}, 0},
			{"MaxWait", "60000", []keys.ClaimOption{keys.MaxWait(50 * time.Millisecond)}, 0},
			{"no limit", "200", nil, 2}, // the limit of the pool applies to the whole call and not to each attempt
		} {
			for _, lock := range []string{"immediate", "deferred"} {
				s := l.counting(engine.Param("_txlock", lock), engine.Param("_busy_timeout", c.busy))
				end := l.writes()
				l.lab.Want(c.name+" "+lock, l.inProgress(s, "a", c.opts...), inProgress)
				if s.retries > c.most {
					l.lab.Errorf("%s %s: %d retries, want %d at most", c.name, lock, s.retries, c.most)
				}
				end()
				l.lab.Want("busy_timeout", l.lab.TextOn(s.pool, "PRAGMA busy_timeout"), c.busy)
			}
		}
	})
}

// TestHazard_K51_AttemptsOfSQLite checks calls without their own wait limit. The limit of the pool applies once to such a
// call, and not to each attempt.
func TestHazard_K51_AttemptsOfSQLite(t *testing.T) {
	t.Parallel()
	hazards(t, lab.SQLite, func(l *hazardLab) {
		s := l.counting(engine.Param("_busy_timeout", "200"))
		end := l.writes()
		defer end()
		for name, call := range map[string]func() error{
			"Fail": func() error { _, err := s.store.Fail(l.bounded(), "c", "m", nil); return err },
			"GC":   func() error { _, err := s.store.GC(l.bounded()); return err },
			"Consume": func() error {
				return l.consume(s.store, func(context.Context, *keys.Tx) error { return nil }, "m")
			},
		} {
			s.retries = 0
			l.lab.WantErr(name, call(), nil, "database is locked")
			if s.retries > 2 {
				l.lab.Errorf("%s: %d retries, want 2 at most", name, s.retries)
			}
		}
	})
}

// TestHazard_K51_LockedTable checks that a call ends at its wait limit if the table is locked. The limit holds for the look
// at a known key and for a claim.
func TestHazard_K51_LockedTable(t *testing.T) {
	t.Parallel()
	hazards(t, lab.Postgres+" "+lab.MariaDB+" "+lab.MySQL, func(l *hazardLab) {
		s := l.counting()
		for range 2 {
			l.run(s.store, "a")
		}
		locker := l.lab.Session()
		if l.lab.Family() == "postgres" {
			l.lab.On(locker, "BEGIN")
			l.lab.On(locker, "LOCK TABLE idempotency_keys")
		} else {
			l.lab.On(locker, "LOCK TABLES idempotency_keys WRITE")
		}
		l.lab.Want("NoWait", l.inProgress(s, "a", keys.NoWait()), inProgress)
		l.lab.Want("MaxWait", l.inProgress(s, "a", keys.MaxWait(50*time.Millisecond)), inProgress)
		l.lab.Want("NoWait, and the key has not been met", l.inProgress(s, "b", keys.NoWait()), inProgress)
		l.lab.Want("MaxWait, and the key has not been met", l.inProgress(s, "b", keys.MaxWait(50*time.Millisecond)), inProgress)
		if l.lab.Family() == "postgres" {
			l.lab.On(locker, "COMMIT")
		} else {
			l.lab.On(locker, "UNLOCK TABLES")
		}
		l.lab.Want("afterwards", l.run(s.store, "a", keys.MaxWait(lab.Patience)), "replayed a")
	})
}

// TestHazard_K51_PoolWithoutConnection checks that a call ends at its wait limit if the pool has no free connection. This
// limit is the same as the limit to waiting for another caller.
func TestHazard_K51_PoolWithoutConnection(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		s := l.counting()
		conn, err := s.pool.Conn(l.lab.Context())
		l.lab.Want("Conn", err, nil)
		l.lab.Want("NoWait", l.inProgress(s, "a", keys.NoWait()), inProgress)
		l.lab.Want("MaxWait", l.inProgress(s, "a", keys.MaxWait(50*time.Millisecond)), inProgress)
		_ = conn.Close()
		l.lab.Want("afterwards", l.run(s.store, "a", keys.MaxWait(lab.Patience)), "ran a")
	})
}

// TestHazard_K50_RepetitionsLeaveThePool checks that waiting callers of one key do not occupy the pool. internal/keysuite
// tests the other properties of waiting callers.
func TestHazard_K50_RepetitionsLeaveThePool(t *testing.T) {
	t.Parallel()
	hazards(t, lab.Postgres+" "+lab.MariaDB+" "+lab.MySQL, func(l *hazardLab) {
		db := l.lab.NS.DB()
		db.SetMaxOpenConns(4)
		s, claimed, end := l.open(db), make(chan struct{}), make(chan struct{})
		slow := func(ctx context.Context) <-chan error {
			return lab.Later(func() error {
				_, _, err := keys.Run(ctx, s, hazardKey("slow"), keys.Fingerprint{}, func(context.Context, *keys.Tx) (string, error) {
					close(claimed)
					<-end
					return "", nil
				})
				return err
			})
		}
		calls := []<-chan error{slow(l.bounded())}
		<-claimed
		for range 12 {
			ctx, waits := lab.Noticing(l.bounded())
			calls = append(calls, slow(ctx))
			<-waits
		}
		l.lab.Want("connections in use", db.Stats().InUse, 1)
		l.lab.Want("another key", l.run(s, "other"), "ran other")
		close(end)
		for _, call := range calls {
			l.lab.Want("a repetition", l.lab.Result(call), nil)
		}
	})
}

// TestHazard_K52_ReplayThatLocksTheRow checks that a finished key is replayed even if the transaction of another replay has
// locked the row.
func TestHazard_K52_ReplayThatLocksTheRow(t *testing.T) {
	t.Parallel()
	hazards(t, lab.Postgres+" "+lab.MariaDB+" "+lab.MySQL, func(l *hazardLab) {
		l.run(l.store, "a")
		long := l.Begin(nil)
		l.lab.Want("the replay whose transaction lasts", l.once(l.open(l.lab.DB), long, "a"), "replayed a")
		if l.lab.Family() == "mysql" {
			tx := l.Begin(nil)
			l.lab.On(tx, "SET SESSION innodb_lock_wait_timeout = 1")
			l.lab.Fails(tx, "1205", "SELECT 1 FROM idempotency_keys FOR UPDATE")
			_ = tx.Rollback()
		}
		l.lab.Want("Run", l.run(l.open(l.lab.DB), "a", keys.NoWait()), "replayed a")
		tx := l.Begin(nil)
		_, replayed, err := keys.Once(l.lab.Context(), l.open(l.lab.DB), tx, hazardKey("a"), keys.Fingerprint{}, effect("a"), keys.NoWait())
		l.lab.Want("Once", fmt.Sprint(replayed, err), "true <nil>")
		l.lab.Commit(tx)
		l.lab.Commit(long)
		l.lab.Want("effects", l.effects("a"), 1)
	})
}
