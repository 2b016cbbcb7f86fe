package parse_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/keys"
	"github.com/mattn/go-sqlite3"
)

// authorized is what SQLite's authorizer says that a statement does, while it is prepared.
type authorized struct {
	mu      sync.Mutex
	writes  []string
	deletes int
}

func (a *authorized) ask(op int, arg1, arg2, _ string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch op {
	case sqlite3.SQLITE_UPDATE:
		a.writes = append(a.writes, arg2)
	case sqlite3.SQLITE_DELETE:
		a.deletes++
	case sqlite3.SQLITE_INSERT, sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_SAVEPOINT:
	case sqlite3.SQLITE_PRAGMA:
		if arg1 != "busy_timeout" {
			return sqlite3.SQLITE_DENY
		}
	default:
		return sqlite3.SQLITE_DENY
	}
	return sqlite3.SQLITE_OK
}

func (a *authorized) reset() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.writes, a.deletes = nil, 0
}

// watched opens a database in memory with the table in it, under every name that a case has for it.
func watched(t *testing.T) (*sql.Conn, *authorized) {
	t.Helper()
	db, err := sql.Open("sqlite3", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	for _, s := range []string{"ATTACH ':memory:' AS app", keys.Schema(dialect.SQLite), keys.Schema(dialect.SQLite, keys.Table(`app."odd""`+"`"+`name"`))} {
		if _, err := conn.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%v\n%s", err, s)
		}
	}
	a := &authorized{}
	if err := conn.Raw(func(c any) error { c.(*sqlite3.SQLiteConn).RegisterAuthorizer(a.ask); return nil }); err != nil {
		t.Fatal(err)
	}
	return conn, a
}

// TestClaimsSQLite: SQLite prepares every statement of package keys, and what it says they do is what they are meant to.
func TestClaimsSQLite(t *testing.T) {
	t.Parallel()
	conn, did := watched(t)
	for _, s := range claimStatements(t, "sqlite") {
		did.reset()
		if err := prepare(t.Context(), conn, s.Text, len(s.Args)); err != nil {
			t.Errorf("%s: %v\n%s", s, err, s.Text)
			continue
		}
		for _, fault := range assigned(s.Case.Name, distinct(did.writes)) {
			t.Errorf("%s: %s\n%s", s, fault, s.Text)
		}
		if deletes := did.deletes > 0; deletes != slices.Contains([]string{"sweep", "sweep-free", "remove", "forget", "forget-all"}, s.Case.Name) {
			t.Errorf("%s: it deletes: %v\n%s", s, deletes, s.Text)
		}
		for i, text := range strings.Split(s.Text, "'") {
			if i%2 == 1 && !harmless(text) {
				t.Errorf("%s has the text %q\n%s", s, text, s.Text)
			}
		}
	}
}

// prepare prepares one statement, which must have as many parameters.
func prepare(ctx context.Context, conn *sql.Conn, text string, params int) error {
	return conn.Raw(func(c any) error {
		s, err := c.(*sqlite3.SQLiteConn).PrepareContext(ctx, text)
		if err != nil {
			return err
		}
		if n := s.NumInput(); n != params {
			err = fmt.Errorf("it has %d parameters for %d arguments", n, params)
		}
		if end := s.Close(); err == nil {
			err = end
		}
		return err
	})
}

func distinct(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return slices.Compact(s)
}

// TestClaimsSQLiteIsWatched: what the authorizer is trusted to tell.
func TestClaimsSQLiteIsWatched(t *testing.T) {
	t.Parallel()
	conn, did := watched(t)
	for text, want := range map[string]string{
		"UPDATE idempotency_keys SET state = 2, expires_at = ''":                                                                 "expires_at state 0",
		"INSERT INTO idempotency_keys (key_hash) VALUES (x'') ON CONFLICT (key_hash) DO UPDATE SET key_hash = excluded.key_hash": "key_hash 0",
		"INSERT INTO idempotency_keys (key_hash) VALUES (x'') ON CONFLICT (key_hash) DO NOTHING":                                 "0",
		"DELETE FROM idempotency_keys": "1",
	} {
		did.reset()
		if err := prepare(t.Context(), conn, text, 0); err != nil {
			t.Fatal(err)
		}
		if have := strings.Join(append(distinct(did.writes), fmt.Sprint(did.deletes)), " "); have != want {
			t.Errorf("want %s, have %s for\n%s", want, have, text)
		}
	}
	for _, refused := range []string{"DROP TABLE idempotency_keys", "PRAGMA journal_mode = OFF", "SELECT nothing FROM idempotency_keys", "SELECT ?1"} {
		if err := prepare(t.Context(), conn, refused, 0); err == nil {
			t.Errorf("it takes %s", refused)
		}
	}
}
