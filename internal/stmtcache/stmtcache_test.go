package stmtcache_test

import (
	"errors"
	"testing"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/stmtcache"
)

var errStale = errors.New("the statement is stale")

func isStale(err error) bool { return errors.Is(err, errStale) }

// TestStatementsArePreparedOnceAndAgain: a text is prepared at its first use, and after an error of a stale statement once more under
// another text, because pgx gives the old statement for the same text.
func TestStatementsArePreparedOnceAndAgain(t *testing.T) {
	t.Parallel()
	db, mock, err := sqlmock.New(sqlmock.QueryMatcherOption(sqlmock.QueryMatcherEqual))
	if err != nil {
		t.Fatal(err)
	}
	mock.MatchExpectationsInOrder(false) // a pool's statement is closed in the background
	const query = "UPDATE t SET v = 1"
	first := mock.ExpectPrepare(query).WillBeClosed()
	first.ExpectExec().WillReturnResult(sqlmock.NewResult(0, 1))
	first.ExpectExec().WillReturnError(errStale)
	second := mock.ExpectPrepare(query + " ")
	second.ExpectExec().WillReturnResult(sqlmock.NewResult(0, 1))
	cache := stmtcache.New(db)
	h := stmtcache.Wrap(db, cache, isStale)
	for n, want := range []error{nil, errStale, nil} {
		if _, err := h.ExecContext(t.Context(), query); !errors.Is(err, want) {
			t.Errorf("call %d: %v, want %v", n, err, want)
		}
	}
	if err := cache.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := h.ExecContext(t.Context(), query); err == nil {
		t.Error("a call after Close: nil; want an error")
	}
}

func TestWrapKeepsWhatTheHandleCanDo(t *testing.T) {
	t.Parallel()
	db, _, err := sqlmock.New()
	if err != nil {
		t.Fatal(err)
	}
	plain := struct{ dbconn.Handle }{db}
	cache := stmtcache.New(db)
	if h := stmtcache.Wrap(db, cache, isStale); !dbconn.CanBegin(h) || stmtcache.Unwrap(h) != dbconn.Handle(db) {
		t.Errorf("of a pool: %T", h)
	}
	if h := stmtcache.Wrap(plain, cache, isStale); dbconn.CanBegin(h) || stmtcache.Unwrap(h) != dbconn.Handle(plain) {
		t.Errorf("of a handle of two methods: %T", h)
	}
	if stmtcache.Unwrap(db) != dbconn.Handle(db) {
		t.Error("a handle that is not wrapped is another after Unwrap")
	}
}
