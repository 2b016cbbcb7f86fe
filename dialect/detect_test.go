package dialect_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
)

func TestDetect(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		db := e.Open(t)
		detected(t, e, db)
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		detected(t, e, tx)
		for _, query := range []string{"CREATE TABLE t (a INT PRIMARY KEY)", "INSERT INTO t VALUES (1)"} {
			if _, err := tx.ExecContext(t.Context(), query); err != nil {
				t.Fatalf("after Detect the transaction is not usable: %v", err)
			}
		}
		detected(t, e, tx)
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		var n int
		if err := db.Get(&n, "SELECT COUNT(*) FROM t"); err != nil || n != 1 {
			t.Errorf("after the commit there are %d rows, %v, want what was written around Detect", n, err)
		}
	})
}

func detected(t *testing.T, e *engine.Engine, db dialect.Queryer) {
	t.Helper()
	d, err := dialect.Detect(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if d.Name() != e.Dialect() || d.Version() == "" || !strings.Contains(e.Version(t), d.Version()) {
		t.Errorf("Detect says %s at version %q, the engine %s says %s", d.Name(), d.Version(), e, e.Version(t))
	}
}

func TestDetectOnAConnection(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		conn, err := e.Open(t).Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		detected(t, e, conn)
	})
}

func TestDetectReturnsTheServersError(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		db := e.Open(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if d, err := dialect.Detect(ctx, db); d != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("with a cancelled context: %v, %v", d, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if d, err := dialect.Detect(t.Context(), db); d != nil || err == nil || !strings.HasPrefix(err.Error(), "upsert: the server was asked") {
			t.Errorf("on a closed pool: %v, %v", d, err)
		}
	})
}

func TestDetectByVersion(t *testing.T) {
	t.Parallel()
	for _, c := range banners {
		db := fakeServer(t, map[string]any{"SELECT version()": c.banner})
		d, err := dialect.Detect(t.Context(), db)
		if err != nil || d.Name() != c.name || d.Version() != c.version {
			t.Errorf("%q: %v, %v, want %s at %s", c.banner, d, err, c.name, c.version)
		}
	}
	for _, c := range refusedBanners {
		db := fakeServer(t, map[string]any{"SELECT version()": c.banner})
		var lacks *dialect.UnsupportedError
		if d, err := dialect.Detect(t.Context(), db); d != nil || !errors.As(err, &lacks) {
			t.Errorf("%q: %v, %v, want an *UnsupportedError", c.banner, d, err)
		}
	}
}

// go-sql-driver and modernc.org/sqlite return text as bytes.
func TestDetectReadsBytes(t *testing.T) {
	t.Parallel()
	db := fakeServer(t, map[string]any{"SELECT version()": []byte("8.0.36")})
	if d, err := dialect.Detect(t.Context(), db); err != nil || d.Name() != "mysql" {
		t.Errorf("%v, %v, want mysql", d, err)
	}
}

func TestDetectSQLite(t *testing.T) {
	t.Parallel()
	noVersion := errors.New("no such function: version")
	for version, ok := range map[string]bool{"3.35.0": true, "3.54.1": true, "4.0.0": true, "3.34.1": false, "3.8.7": false, "": false} {
		db := fakeServer(t, map[string]any{"SELECT version()": noVersion, "SELECT sqlite_version()": version})
		d, err := dialect.Detect(t.Context(), db)
		var lacks *dialect.UnsupportedError
		switch {
		case ok && (err != nil || d.Name() != "sqlite" || d.Version() != version):
			t.Errorf("SQLite %s: %v, %v", version, d, err)
		case !ok && (!errors.As(err, &lacks) || lacks.Dialect != "sqlite" || !strings.Contains(lacks.Hint, "3.35")):
			t.Errorf("SQLite %q: %v, want an *UnsupportedError that says which is needed", version, err)
		}
	}
}

func TestDetectReturnsTheFirstError(t *testing.T) {
	t.Parallel()
	denied := errors.New("permission denied")
	s := &fake{answers: map[string]any{"SELECT version()": denied, "SELECT sqlite_version()": errors.New("current transaction is aborted")}}
	db := sql.OpenDB(s)
	defer db.Close()
	if d, err := dialect.Detect(t.Context(), db); d != nil || !errors.Is(err, denied) {
		t.Errorf("%v, %v, want the error of the first question", d, err)
	}
}

func TestDetectAsksOneQuestionIfAnswered(t *testing.T) {
	t.Parallel()
	s := &fake{answers: map[string]any{"SELECT version()": "PostgreSQL 15.18"}}
	db := sql.OpenDB(s)
	defer db.Close()
	if _, err := dialect.Detect(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	// A second one would be in an aborted transaction on PostgreSQL if it failed.
	if want := []string{"SELECT version()"}; !slices.Equal(s.asked, want) {
		t.Errorf("the server was asked %q, want %q", s.asked, want)
	}
}

func TestDetectOfNoRow(t *testing.T) {
	t.Parallel()
	db := fakeServer(t, map[string]any{"SELECT version()": nil})
	if d, err := dialect.Detect(t.Context(), db); d != nil || err == nil {
		t.Errorf("a server that answers NULL: %v, %v, want an error", d, err)
	}
}

// fake is a server that answers questions with a value or an error.
type fake struct {
	answers map[string]any
	mu      sync.Mutex
	asked   []string
}

func fakeServer(t *testing.T, answers map[string]any) *sql.DB {
	t.Helper()
	db := sql.OpenDB(&fake{answers: answers})
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (f *fake) Connect(context.Context) (driver.Conn, error) { return f, nil }
func (f *fake) Driver() driver.Driver                        { return nil }
func (f *fake) Prepare(string) (driver.Stmt, error)          { return nil, driver.ErrSkip }
func (f *fake) Begin() (driver.Tx, error)                    { return nil, driver.ErrSkip }
func (f *fake) Close() error                                 { return nil }
func (f *fake) QueryContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Rows, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, query)
	answer, ok := f.answers[query]
	if !ok {
		return nil, errors.New("syntax error")
	}
	if err, failed := answer.(error); failed {
		return nil, err
	}
	return &fakeRows{value: answer}, nil
}

type fakeRows struct {
	value any
	done  bool
}

func (r *fakeRows) Columns() []string { return []string{"version"} }
func (r *fakeRows) Close() error      { return nil }
func (r *fakeRows) Next(dest []driver.Value) error {
	if r.done {
		return io.EOF
	}
	r.done, dest[0] = true, r.value
	return nil
}
