package txn_test

import (
	"context"
	"database/sql"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/txn"
)

// TestCommitAfter: the last statements are committed, unless they fail or the context ends meanwhile.
func TestCommitAfter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		refused map[string][]error
		last    error
		ends    bool // the context ends in last
		sent    string
		undone  bool
		err     error
	}{
		{name: "all is well", sent: "BEGIN, LAST, COMMIT"},
		{name: "last fails", last: errServer, sent: "BEGIN, LAST, ROLLBACK", undone: true, err: errServer},
		{name: "the context ends", ends: true, sent: "BEGIN, LAST, ROLLBACK", undone: true, err: context.Canceled},
		{name: "last and ROLLBACK fail", last: errServer, refused: map[string][]error{"ROLLBACK": {errKilled}}, sent: "BEGIN, LAST, ROLLBACK, ROLLBACK", undone: true, err: errServer},
		{name: "COMMIT fails", refused: map[string][]error{"COMMIT": {errKilled}}, sent: "BEGIN, LAST, COMMIT, ROLLBACK", err: errKilled},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newServer()
			for query, errs := range c.refused {
				s.refuse(query, errs...)
			}
			db := s.pool()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			tx := begin(t, db, txn.Options{})
			undone, err := tx.CommitAfter(ctx, func() error {
				if c.ends {
					cancel()
				}
				_, err := tx.ExecContext(t.Context(), "LAST")
				return errors.Join(err, c.last)
			})
			if undone != c.undone || !errors.Is(err, c.err) {
				t.Errorf("got %v, %v; want %v, %v", undone, err, c.undone, c.err)
			}
			tx.Rollback(ctx) // has nothing to do any more
			wantLog(t, s, c.sent, 0)
			if n := db.Stats().InUse; n != 0 {
				t.Errorf("%d connections are in use, want none", n)
			}
		})
	}
}

// TestFirstAndLastInSilence: what is sent together with BEGIN or COMMIT is rolled back if the caller has not waited for it.
func TestFirstAndLastInSilence(t *testing.T) {
	t.Parallel()
	first := func(std *sql.Tx) { _, _ = std.Exec("FIRST") } //nolint:noctx // the driver does not look
	for _, c := range []struct {
		name, silent, sent string
		call               func(ctx context.Context, db *sql.DB, s *server) error
	}{
		{"BEGIN", "BEGIN", "BEGIN, FIRST, ROLLBACK, ROLLBACK", func(ctx context.Context, db *sql.DB, _ *server) error {
			_, err := txn.Begin(ctx, db, txn.Options{First: first})
			return err
		}},
		{"BEGIN alone", "BEGIN", "BEGIN, ROLLBACK, ROLLBACK", func(ctx context.Context, db *sql.DB, _ *server) error {
			_, err := txn.Begin(ctx, db, txn.Options{})
			return err
		}},
		{"first", "FIRST", "BEGIN, FIRST, ROLLBACK, ROLLBACK", func(ctx context.Context, db *sql.DB, _ *server) error {
			_, err := txn.Begin(ctx, db, txn.Options{First: first})
			return err
		}},
		{"last", "LAST", "BEGIN, LAST, ROLLBACK, ROLLBACK", func(ctx context.Context, db *sql.DB, _ *server) error {
			tx := begin(t, db, txn.Options{})
			undone, err := tx.CommitAfter(ctx, func() error {
				_, err := tx.ExecContext(ctx, "LAST")
				return err
			})
			if !undone {
				t.Error("CommitAfter does not say that the transaction will be rolled back")
			}
			return err
		}},
		{"COMMIT after last", "COMMIT", "BEGIN, LAST, COMMIT, ROLLBACK", func(ctx context.Context, db *sql.DB, s *server) error {
			tx := begin(t, db, txn.Options{})
			short, cancel := context.WithCancel(t.Context())
			defer cancel()
			undone, err := tx.CommitAfter(short, func() error {
				_, err := tx.ExecContext(ctx, "LAST")
				go func() {
					for sent := ""; !strings.HasSuffix(sent, "COMMIT") && t.Context().Err() == nil; sent, _ = s.log() {
						time.Sleep(time.Millisecond)
					}
					cancel()
				}()
				return err
			})
			if undone {
				t.Error("CommitAfter says that the transaction was rolled back, and cannot know")
			}
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newServer()
			speak := s.silence(c.silent)
			defer speak()
			db := s.pool()
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			err := c.call(ctx, db, s)
			var a *txn.AbandonedError
			if !errors.As(err, &a) {
				t.Errorf("got %v, want an AbandonedError", err)
			}
			speak()
			wantLog(t, s, c.sent, 0)
			wantReleased(t, db)
		})
	}
}

// TestBetweenBeginAndCommit: whatever ends the code that is sent with BEGIN or COMMIT, the connection goes back without a transaction.
func TestBetweenBeginAndCommit(t *testing.T) {
	t.Parallel()
	for how, fail := range map[string]func() error{
		"a panic": func() error { panic("driver") },
		"Goexit":  func() error { runtime.Goexit(); return nil },
	} {
		for where, call := range map[string]func(db *sql.DB){
			"first": func(db *sql.DB) {
				tx, err := txn.Begin(t.Context(), db, txn.Options{First: func(*sql.Tx) { _ = fail() }})
				if err == nil {
					tx.Rollback(t.Context())
				}
			},
			"last": func(db *sql.DB) {
				tx := begin(t, db, txn.Options{})
				defer tx.Rollback(t.Context())
				if _, err := tx.CommitAfter(t.Context(), fail); err == nil {
					t.Errorf("%s: CommitAfter returned no error", how)
				}
			},
			"around": func(db *sql.DB) {
				_, err := txn.Begin(t.Context(), db, txn.Options{Around: func(_ dbconn.Handle, begin func() error) error {
					if err := begin(); err != nil {
						return err
					}
					return errKilled // the setting could not be put back
				}})
				if !errors.Is(err, errKilled) {
					t.Errorf("around: %v; want %v", err, errKilled)
				}
			},
		} {
			t.Run(how+" in "+where, func(t *testing.T) {
				t.Parallel()
				s := newServer()
				db := s.pool()
				back := make(chan struct{})
				go func() {
					defer close(back)
					defer func() { _ = recover() }()
					call(db)
				}()
				select {
				case <-back:
				case <-time.After(10 * time.Second):
					t.Fatal("the call does not return")
				}
				wantReleased(t, db)
				if sent, _ := s.log(); strings.Contains(sent, "COMMIT") || !strings.Contains(sent, "ROLLBACK") {
					t.Errorf("sent %s; want ROLLBACK and no COMMIT", sent)
				}
			})
		}
	}
}
