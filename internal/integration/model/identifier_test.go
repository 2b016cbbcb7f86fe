package model_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/jmoiron/sqlx"
)

// FuzzIdentifierRoundTrip checks that a column of any name that a dialect accepts can be created, written and read on the
// engine.
func FuzzIdentifierRoundTrip(f *testing.F) {
	for _, seed := range []string{
		"v", "V", "select", "a b", `say "hi"`, "back`tick", "it's", "semi;colon", "--", "/* x */", "dot.dot", "ü", "表", "\t", "\n", "1", "$1", "?", ":x", "@v",
		"%s", `\`, `\"`, "[v]", strings.Repeat("é", 31), strings.Repeat("x", 63), strings.Repeat("x", 64), strings.Repeat("x", 65), "a\x00", "\xff", "", " ", "trailing ",
		"ID", "id", "İ", "\u202e", "😀", "\ufffd", "\x7f", "\x01",
	} {
		f.Add(seed)
	}
	engines := roundTripEngines(f)
	f.Fuzz(func(t *testing.T, name string) {
		for _, e := range engines {
			e.roundTrip(t, name)
		}
	})
}

type roundTripEngine struct {
	name    string
	dialect dialect.Dialect
	conn    *sqlx.Conn
}

// roundTripEngines opens the available engines. It logs a missing engine, and a missing engine that is required fails the
// test.
func roundTripEngines(f *testing.F) (open []roundTripEngine) {
	f.Helper()
	for _, e := range []string{"sqlite", "postgres", "mariadb"} {
		db, ok := openIfThere(f, e)
		if !ok {
			continue
		}
		d, err := dialect.Detect(f.Context(), db)
		if err != nil {
			f.Fatal(err)
		}
		conn, err := db.Connx(f.Context())
		if err != nil {
			f.Fatal(err)
		}
		f.Cleanup(func() { _ = conn.Close() })
		open = append(open, roundTripEngine{e, d, conn})
	}
	return open
}

// openIfThere opens an engine. If the engine would skip the test, openIfThere returns false instead.
func openIfThere(f *testing.F, name string) (db *sqlx.DB, ok bool) {
	f.Helper()
	probe := &skipper{F: f}
	done := make(chan struct{})
	go func() {
		defer close(done)
		db = engine.Get(name).Open(probe)
	}()
	<-done
	if probe.failed != "" {
		f.Fatal(probe.failed)
	}
	return db, db != nil
}

// skipper ends its goroutine instead of skipping or failing the test.
type skipper struct {
	*testing.F
	failed string
}

func (s *skipper) Skipf(format string, args ...any) {
	s.Logf("skipped: "+format, args...)
	runtime.Goexit()
}

func (s *skipper) Fatalf(format string, args ...any) {
	s.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (s *skipper) Fatal(args ...any) { s.Fatalf("%s", fmt.Sprint(args...)) }

func (e roundTripEngine) roundTrip(t *testing.T, name string) {
	t.Helper()
	if e.dialect.CheckIdent(name) != nil || unusable(e.dialect, name) {
		return
	}
	// The key's name must differ from the column's name in every case folding.
	key := "k"
	if strings.EqualFold(name, key) {
		key = "other"
	}
	table, err := upsert.New[map[string]any](e.dialect, "r", upsert.Column(key, upsert.Key), upsert.Column(name, upsert.Replace))
	if err != nil {
		t.Fatalf("%s: column %q passes CheckIdent, New says %v", e.name, name, err)
	}
	ctx := context.WithoutCancel(t.Context())
	q := e.dialect.Quote
	if _, err := e.conn.ExecContext(ctx, "CREATE TEMPORARY TABLE "+q("r")+" ("+q(key)+" INT PRIMARY KEY, "+q(name)+" INT)"); err != nil {
		t.Fatalf("%s: column %q passes CheckIdent, the server says %v", e.name, name, err)
	}
	defer func() {
		if _, err := e.conn.ExecContext(ctx, "DROP TABLE "+q("r")); err != nil {
			t.Errorf("%s: %v", e.name, err)
		}
	}()
	for _, v := range []int64{5, 7} {
		if _, err := table.Put(ctx, e.conn, &map[string]any{key: 1, name: v}); err != nil {
			t.Fatalf("%s: column %q: %v", e.name, name, err)
		}
		var got int64
		if err := e.conn.QueryRowxContext(ctx, "SELECT "+q(name)+" FROM "+q("r")).Scan(&got); err != nil || got != v {
			t.Fatalf("%s: column %q has %d, %v, want %d", e.name, name, got, err, v)
		}
	}
}

// unusable reports whether the name belongs to a system column of the database.
func unusable(d dialect.Dialect, name string) bool {
	if d.Name() != "postgres" {
		return false
	}
	for _, system := range []string{"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"} {
		if name == system {
			return true
		}
	}
	return false
}
