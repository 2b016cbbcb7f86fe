package txn_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/txn"
)

var errKilled = errors.New("the statement was killed")

// wantLog compares what the server was sent and how many connections it has lost. It waits, because a connection may be
// settled after its call.
func wantLog(t *testing.T, s *server, statements string, closed int) {
	t.Helper()
	for late := time.After(5 * time.Second); ; {
		got, gone := s.log()
		if got == statements && gone == closed {
			return
		}
		select {
		case <-s.changed:
		case <-late:
			t.Errorf("sent %s, and %d connections were closed; want %s, and %d", got, gone, statements, closed)
			return
		}
	}
}

// wantReleased wants all connections back in the pool. It waits, because a connection may be settled after its call.
func wantReleased(t *testing.T, db *sql.DB) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); db.Stats().InUse > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are still in use", db.Stats().InUse)
		}
	}
}

func begin(t *testing.T, db dbconn.Handle, o txn.Options) *txn.Tx {
	t.Helper()
	tx, err := txn.Begin(t.Context(), db, o)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// TestEnd: a connection goes back to its pool only if its transaction has ended.
func TestEnd(t *testing.T) {
	t.Parallel()
	commit := func(ctx context.Context, tx *txn.Tx) error { return tx.Commit(ctx) }
	rollback := func(ctx context.Context, tx *txn.Tx) error { tx.Rollback(ctx); return nil }
	both := func(ctx context.Context, tx *txn.Tx) error {
		defer tx.Rollback(ctx)
		return tx.Commit(ctx)
	}
	for _, c := range []struct {
		name    string
		refused map[string][]error
		end     func(context.Context, *txn.Tx) error
		sent    string
		closed  int
		err     error
	}{
		{name: "commit", end: commit, sent: "BEGIN, COMMIT"},
		{name: "rollback", end: rollback, sent: "BEGIN, ROLLBACK"},
		{name: "rollback after commit", end: both, sent: "BEGIN, COMMIT"},
		{name: "a refused COMMIT", refused: map[string][]error{"COMMIT": {errKilled}}, end: both, sent: "BEGIN, COMMIT, ROLLBACK", err: errKilled},
		{name: "a refused COMMIT and ROLLBACK", refused: map[string][]error{"COMMIT": {errKilled}, "ROLLBACK": {errKilled}}, end: commit, sent: "BEGIN, COMMIT, ROLLBACK", closed: 1, err: errKilled},
		{name: "a refused ROLLBACK", refused: map[string][]error{"ROLLBACK": {errKilled}}, end: rollback, sent: "BEGIN, ROLLBACK, ROLLBACK"},
		{name: "a ROLLBACK that is refused twice", refused: map[string][]error{"ROLLBACK": {errKilled, errKilled}}, end: rollback, sent: "BEGIN, ROLLBACK, ROLLBACK", closed: 1},
		{name: "a COMMIT on a dead connection", refused: map[string][]error{"COMMIT": {driver.ErrBadConn}}, end: commit, sent: "BEGIN, COMMIT", closed: 1, err: driver.ErrBadConn},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newServer()
			for query, errs := range c.refused {
				s.refuse(query, errs...)
			}
			db := s.pool()
			defer db.Close()
			if err := c.end(t.Context(), begin(t, db, txn.Options{})); !errors.Is(err, c.err) {
				t.Errorf("got %v, want %v", err, c.err)
			}
			wantLog(t, s, c.sent, c.closed)
			if n := db.Stats().InUse; n != 0 {
				t.Errorf("%d connections are in use, want none", n)
			}
		})
	}
}

// TestEndOfCallersConn: a connection of the caller's whose transaction cannot be ended cannot be used any more.
func TestEndOfCallersConn(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.refuse("ROLLBACK", errKilled, errKilled)
	conn, err := s.pool().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	begin(t, conn, txn.Options{}).Rollback(t.Context())
	wantLog(t, s, "BEGIN, ROLLBACK, ROLLBACK", 1)
	if _, err := conn.ExecContext(t.Context(), "BEGIN"); !errors.Is(err, sql.ErrConnDone) {
		t.Errorf("the next statement: %v, want %v", err, sql.ErrConnDone)
	}
}

// TestBegin: a dead connection of a pool is passed over, and a refused BEGIN leaves none that may have begun.
func TestBegin(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.refuse("BEGIN", driver.ErrBadConn, driver.ErrBadConn, nil, errKilled)
	begin(t, s.pool(), txn.Options{}).Rollback(t.Context())
	wantLog(t, s, "BEGIN, BEGIN, BEGIN, ROLLBACK", 2)
	if _, err := txn.Begin(t.Context(), s.pool(), txn.Options{}); !errors.Is(err, errKilled) {
		t.Errorf("a refused BEGIN: %v, want %v", err, errKilled)
	}
	wantLog(t, s, "BEGIN, BEGIN, BEGIN, ROLLBACK, BEGIN, ROLLBACK", 2)
}

// TestBeginLost: a connection that is lost before the transaction has begun leaves nothing behind, so another attempt is safe.
func TestBeginLost(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.refuse("BEGIN", io.ErrUnexpectedEOF)
	_, err := txn.Begin(t.Context(), s.pool(), txn.Options{})
	var lost *txn.LostError
	if !errors.As(err, &lost) || dialect.Classify(err) != dialect.Retryable {
		t.Errorf("BEGIN on a lost connection: %T %v of class %v; want a LostError of class %v", err, err, dialect.Classify(err), dialect.Retryable)
	}
}

// TestSilence: nobody waits much longer than for the context, whatever does not come back, and the connection is settled once
// it does.
func TestSilence(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		silent, sent string
		call         func(ctx context.Context, tx *txn.Tx) error
	}{
		{"COMMIT", "BEGIN, COMMIT, ROLLBACK", func(ctx context.Context, tx *txn.Tx) error { return tx.Commit(ctx) }},
		{"ROLLBACK", "BEGIN, ROLLBACK, ROLLBACK", func(ctx context.Context, tx *txn.Tx) error { tx.Rollback(ctx); return ctx.Err() }},
		{"WRITE", "BEGIN, WRITE, ROLLBACK, ROLLBACK", func(ctx context.Context, tx *txn.Tx) error {
			err := tx.Do(ctx, func() error {
				_, err := tx.ExecContext(ctx, "WRITE")
				return err
			})
			tx.Rollback(ctx) // has nothing to do any more
			return err
		}},
	} {
		t.Run(c.silent, func(t *testing.T) {
			t.Parallel()
			s := newServer()
			speak := s.silence(c.silent)
			defer speak()
			db := s.pool()
			tx := begin(t, db, txn.Options{})
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			err := c.call(ctx, tx)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want the context's end", err)
			}
			var a *txn.AbandonedError
			if c.silent != "ROLLBACK" && (!errors.As(err, &a) || dialect.Classify(err) != dialect.Ambiguous) {
				t.Errorf("got %v (%v), want an AbandonedError, which is ambiguous", err, dialect.Classify(err))
			}
			speak()
			wantLog(t, s, c.sent, 0)
		})
	}
}

// TestBoundedPanics: a panic in the driver is the caller's.
func TestBoundedPanics(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	defer func() {
		if p, ok := recover().(error); !ok || !errors.Is(p, errKilled) {
			t.Errorf("recovered %v, want %v", p, errKilled)
		}
	}()
	_ = txn.Bounded(ctx, func() error { panic(errKilled) }, nil)
	t.Error("Bounded has returned")
}

// TestRollbackCaller: ROLLBACK is sent until MySQL takes it.
func TestRollbackCaller(t *testing.T) {
	t.Parallel()
	for mySQL, want := range map[bool]string{false: "BEGIN, ROLLBACK", true: "BEGIN, ROLLBACK, ROLLBACK, ROLLBACK, ROLLBACK"} {
		s := newServer()
		if mySQL {
			s.refuse("ROLLBACK", errKilled, errKilled)
		}
		tx, err := s.pool().BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		txn.RollbackCaller(t.Context(), tx, mySQL)
		wantLog(t, s, want, 0)
	}
}
