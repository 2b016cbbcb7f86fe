package upserttest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/keys"
	"github.com/goupsert/upsert/upserttest"
	"github.com/jmoiron/sqlx"
)

// plant is a fault that is put into a copy of the library, and a write that shows it.
type plant struct {
	name, file string
	old, new   string // in the file
	finds      string // in the report
	write      func(ctx context.Context, db *sqlx.DB) error
	opts       []upserttest.Option
}

type visit struct {
	ID   int64     `db:"id" upsert:"key"`
	Page string    `db:"page"`
	At   time.Time `db:"at" upsert:"touch"`
}

// pageView adds to a count behind a claim.
func pageView(ctx context.Context, db *sqlx.DB) error {
	store, err := keys.Open(ctx, db)
	if err != nil {
		return err
	}
	views, err := upsert.New[account](dialect.SQLite, "balances")
	if err != nil {
		return err
	}
	k := keys.Key{Scope: "site", Op: "view", ID: "r1"}
	_, _, err = keys.Run(ctx, store, k, keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
		_, err := views.Put(ctx, tx, &account{"ada", 1})
		return "seen", err
	})
	return err
}

func putVisit(at func() time.Time) func(ctx context.Context, db *sqlx.DB) error {
	return func(ctx context.Context, db *sqlx.DB) error {
		visits, err := upsert.New[visit](dialect.SQLite, "visits")
		if err != nil {
			return err
		}
		_, err = visits.PutAll(ctx, db, []visit{{1, "home", at()}, {2, "shop", at()}})
		return err
	}
}

func plants() []plant {
	counts := []upserttest.Option{upserttest.Tables("balances"), upserttest.MaxSchedules(5)}
	noon := func() time.Time { return time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC) }
	return []plant{
		{
			name: "claim-outside", file: "keys/run.go", finds: "run again", write: pageView, opts: counts,
			old: `	got, st, err := r.take(ctx, h, first)
`,
			new: `	got, st, err := r.take(ctx, h, first)
	if err == nil {
		err = h.own.Commit(ctx)
	}
	if err != nil {
		return outcome{}, err
	}
	if h, err = r.claim.store.begin(ctx, txn.Options{}); err != nil {
		return outcome{}, asNotCommitted(err)
	}
	defer h.own.Rollback(ctx)
`,
		},
		{
			name: "done-forgotten", file: "keys/claim.go", finds: "the second of two runs in a row", write: pageView, opts: counts,
			old: "t.claimed = found && t.row.state == c.row.State() && t.row.owner == string(c.row.Owner[:])",
			new: "t.claimed = found",
		},
		{
			name: "unchanged-written", file: "dialect/onconflict.go", finds: "not quiet", write: putVisit(noon), opts: []upserttest.Option{upserttest.Quiet()},
			old: `	b.WriteString(" WHERE " + cond)`,
			new: `	b.WriteString(" WHERE TRUE OR " + cond)`,
		},
		{
			name: "touch-counts", file: "dialect/expression.go", finds: "not quiet", write: putVisit(time.Now), opts: []upserttest.Option{upserttest.Quiet(), upserttest.IgnoreColumns("visits.at")},
			old: "if c.Rule == Touch || c.Rule == Version {",
			new: "if c.Rule == Version {",
		},
		{
			name: "error-swallowed", file: "internal/txn/runner.go", finds: "returned no error", write: putVisit(noon),
			old: `	if c := dialect.Classify(err); c != dialect.Retryable && c != dialect.LockTimeout {
		return false, err
	}`,
			new: `	if c := dialect.Classify(err); c != dialect.Retryable && c != dialect.LockTimeout {
		return false, nil
	}`,
		},
	}
}

const plantEnv = "UPSERTTEST_PLANTED"

// TestPlanted runs the writes on the library as it is. TestLongPlanted runs it again on copies with a fault.
func TestPlanted(t *testing.T) {
	t.Parallel()
	for _, p := range plants() {
		if only := os.Getenv(plantEnv); only != p.name && (only != "" || p.name == "done-forgotten") { // claim-outside has the same write
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			upserttest.Idempotent(t, func(t testing.TB) *sqlx.DB {
				db := sqlx.NewDb(upserttest.SQLite(t, `CREATE TABLE balances (name TEXT NOT NULL PRIMARY KEY, balance BIGINT NOT NULL);
					CREATE TABLE visits (id INTEGER PRIMARY KEY, page TEXT NOT NULL, at TIMESTAMP NOT NULL)`), "sqlite3")
				store, err := keys.Open(context.Background(), db)
				if err == nil {
					err = store.Migrate(context.Background())
				}
				if err != nil {
					t.Fatal(err)
				}
				return db
			}, p.write, p.opts...)
		})
	}
}

// TestPlantsFit checks that the code still has each place for a fault, so that a short run notices if the code has changed.
func TestPlantsFit(t *testing.T) {
	t.Parallel()
	for _, p := range plants() {
		if _, _, err := p.plant(); err != nil {
			t.Error(err)
		}
	}
}

// plant returns the file's path, and the file's text with the fault.
func (p plant) plant() (path, text string, err error) {
	if path, err = filepath.Abs(filepath.Join("..", filepath.FromSlash(p.file))); err != nil {
		return "", "", err
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		return "", "", err
	}
	if n := strings.Count(string(whole), p.old); n != 1 {
		return "", "", fmt.Errorf("%s has the text to be replaced %d times, want once:\n%s", p.file, n, p.old)
	}
	return path, strings.Replace(string(whole), p.old, p.new, 1), nil
}

// TestLongPlanted compiles the library with a fault in one place, and wants the fault to be found. A full run does so for each of the
// five places.
func TestLongPlanted(t *testing.T) {
	t.Parallel()
	engine.NeedLong(t)
	for _, p := range plants()[:engine.Size(1, 5)] {
		t.Run(p.name, func(t *testing.T) {
			path, text, err := p.plant()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-run", "^TestPlanted$", "-overlay", overlay(t, path, text), ".")
			cmd.Env = append(os.Environ(), plantEnv+"="+p.name, "UPSERT_LONG=")
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), p.finds) || !strings.Contains(string(out), "upserttest: TestPlanted/"+p.name) {
				t.Errorf("the fault is not found: %v, want %q\n%s", err, p.finds, out)
			}
		})
	}
}

// overlay returns a file for go's flag -overlay that replaces one file.
func overlay(t *testing.T, path, text string) string {
	t.Helper()
	dir := t.TempDir()
	changed := filepath.Join(dir, "changed.go")
	all, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{changed: text, filepath.Join(dir, "overlay.json"): string(all)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "overlay.json")
}
