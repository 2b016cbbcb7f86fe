package keys_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

// The tests of this file check mistakes of callers. Each mistake causes an error, but no panic and no write.

func TestMisuse_TxAfterItsEnd(t *testing.T) {
	t.Parallel()
	var text string
	var texts []string
	const query = `INSERT INTO effects VALUES ('"leak"')`
	uses := map[string]func(tx *keys.Tx) error{
		"Exec":       func(tx *keys.Tx) error { _, err := tx.Exec(query); return err },
		"NamedExec":  func(tx *keys.Tx) error { _, err := tx.NamedExec(query, struct{}{}); return err },
		"NamedQuery": func(tx *keys.Tx) error { _, err := tx.NamedQuery(query, struct{}{}); return err },
		"Query":      func(tx *keys.Tx) error { _, err := tx.Query(query); return err }, //nolint:rowserrcheck // it fails: there are no rows
		"Queryx":     func(tx *keys.Tx) error { _, err := tx.Queryx(query); return err },
		"Get":        func(tx *keys.Tx) error { return tx.Get(&text, query) },
		"Select":     func(tx *keys.Tx) error { return tx.Select(&texts, query) },
		"QueryRow":   func(tx *keys.Tx) error { return tx.QueryRow(query).Err() },
		"QueryRowx":  func(tx *keys.Tx) error { return tx.QueryRowx(query).Err() },
		"MustExec": func(tx *keys.Tx) (err error) {
			defer func() { err, _ = recover().(error) }()
			tx.MustExec(query)
			return nil
		},
	}
	hazards(t, lab.SQLite+" mariadb "+lab.Postgres, func(l *hazardLab) {
		for id, end := range map[string]error{"done": nil, "failed": errors.New("no"), "final": keys.Final(errors.New("no"))} {
			var kept *keys.Tx
			tx := l.Begin(nil)
			_, _, _ = keys.Once(l.lab.Context(), l.store, tx, hazardKey(id), keys.Fingerprint{}, func(_ context.Context, tx *keys.Tx) (int, error) {
				kept = tx
				return 1, end
			})
			for name, use := range uses {
				if err := use(kept); err == nil {
					l.lab.Errorf("%s on a Tx whose fn is %s: no error; want a refusal", name, id)
				} else if !strings.HasPrefix(name, "QueryRow") { // the error of QueryRow can only be a context's error
					l.lab.WantErr(name+" on a Tx whose fn is "+id, err, nil, "the claim has ended")
				}
			}
			l.lab.Want("the caller's own effect", told(keys.Once(l.lab.Context(), l.store, tx, hazardKey("after "+id), keys.Fingerprint{}, effect("after "+id))), "ran after "+id)
			l.lab.Commit(tx)
		}
		l.lab.Want("effects", fmt.Sprintln(l.effects("leak"), l.lab.Text("SELECT COUNT(*) FROM effects")), "0 3\n")
	})
}

// TestMisuse_CommitBehindTx checks that Run returns ErrClaimLost if fn commits the transaction itself. The effect is stored
// but the claim has no result, so the library cannot promise a single effect.
func TestMisuse_CommitBehindTx(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		commits := func(ctx context.Context, tx *keys.Tx) (string, error) {
			if _, err := effect("a")(ctx, tx); err != nil {
				return "", err
			}
			return "a", tx.Tx.Commit()
		}
		_, _, err := keys.Run(l.lab.Context(), l.store, hazardKey("run"), keys.Fingerprint{}, commits)
		l.lab.WantErr("Run", err, keys.ErrClaimLost, "keys: lab/do/run: ")
		l.lab.Want("its effects", l.effects("a"), 1)
		_, _, err = keys.Run(l.lab.Context(), l.store, hazardKey("run"), keys.Fingerprint{}, effect("a"))
		l.lab.WantErr("the same again", err, nil, "committed the claim without a result", "remove the row")
		l.lab.Want("effects of both", l.effects("a"), 1)
		info, err := l.store.Inspect(l.lab.Context(), hazardKey("run"))
		if err != nil || info.State != keys.StateClaimed || info.State.String() != "claimed" {
			l.lab.Errorf("Inspect: %+v, %v; want the state claimed", info, err)
		}

		_, _, err = keys.Once(l.lab.Context(), l.store, l.Begin(nil), hazardKey("once"), keys.Fingerprint{}, commits)
		l.lab.WantErr("Once", err, keys.ErrClaimLost, "keys: lab/do/once: ")
	})
}

func TestMisuse_Nil(t *testing.T) {
	t.Parallel()
	hazards(t, lab.SQLite+" "+lab.Postgres, func(l *hazardLab) {
		ctx, s, none := l.lab.Context(), l.store, keys.Fingerprint{}
		tx := l.Begin(nil)
		id := func(id string) string { return id }
		handle := func(context.Context, *keys.Tx, []string) error { return errors.New("fn was called") }
		_, _, err := keys.Run[int](ctx, s, hazardKey("a"), none, nil)
		l.lab.WantErr("Run without fn", err, nil, "keys: ", "is nil")
		_, _, err = keys.Once[int](ctx, s, tx, hazardKey("a"), none, nil)
		l.lab.WantErr("Once without fn", err, nil, "keys: ", "is nil")
		l.lab.WantErr("Consume without fn", keys.Consume(ctx, s, "c", []string{"m"}, id, nil), nil, "keys: ", "is nil")
		l.lab.WantErr("Consume without id", keys.Consume(ctx, s, "c", []string{"m"}, nil, handle), nil, "keys: ", "is nil")
		_, err = keys.Filter[string](ctx, s, tx, "c", []string{"m"}, nil)
		l.lab.WantErr("Filter without id", err, nil, "keys: ", "is nil")
		_, _, err = keys.Run(ctx, s, hazardKey("a"), none, effect("a"), nil)
		l.lab.WantErr("Run with a nil option", err, nil, "keys: an option is nil")
		_, _, err = keys.Once(ctx, s, tx, hazardKey("a"), none, effect("a"), nil)
		l.lab.WantErr("Once with a nil option", err, nil, "keys: an option is nil")
		_, err = s.Fail(ctx, "c", "m", nil, nil)
		l.lab.WantErr("Fail with a nil option", err, nil, "keys: an option is nil")
		_, err = s.GC(ctx, nil)
		l.lab.WantErr("GC with a nil option", err, nil, "keys: an option is nil")
		_, err = keys.Open(ctx, l.lab.DB, nil)
		l.lab.WantErr("Open with a nil option", err, nil, "keys: an option is nil")
		_, err = keys.Open(ctx, (*sql.DB)(nil))
		l.lab.WantErr("Open of no pool", err, nil, "keys: Open: the *sql.DB is nil")
		for what, pool := range map[string]*sqlx.DB{"no pool of sqlx": nil, "an empty pool of sqlx": {}} {
			_, err = keys.Open(ctx, pool)
			l.lab.WantErr("Open of "+what, err, nil, "keys: Open: the *sqlx.DB is nil")
		}
		l.lab.Commit(tx)
		l.lab.Want("keys and effects", l.lab.Text("SELECT (SELECT COUNT(*) FROM idempotency_keys) + (SELECT COUNT(*) FROM effects)"), 0)
	})
}

func TestMisuse_StoreThatWasNotOpened(t *testing.T) {
	t.Parallel()
	hazards(t, lab.SQLite, func(l *hazardLab) {
		ctx, none, k := l.lab.Context(), keys.Fingerprint{}, hazardKey("a")
		tx := l.Begin(nil)
		id := func(id string) string { return id }
		for what, s := range map[string]*keys.Store{"nil": nil, "zero": {}} {
			calls := map[string]func() error{
				"Run":            func() error { _, _, err := keys.Run(ctx, s, k, none, effect("a")); return err },
				"Once":           func() error { _, _, err := keys.Once(ctx, s, tx, k, none, effect("a")); return err },
				"Filter":         func() error { _, err := l.filter(s, tx, "m"); return err },
				"Consume":        func() error { return keys.Consume(ctx, s, "c", []string{"m"}, id, nil) },
				"Migrate":        func() error { return s.Migrate(ctx) },
				"Fail":           func() error { _, err := s.Fail(ctx, "c", "m", nil); return err },
				"Dead":           func() error { _, err := s.Dead(ctx, "c", 1); return err },
				"Revive":         func() error { _, err := s.Revive(ctx, "c", "m"); return err },
				"GC":             func() error { _, err := s.GC(ctx); return err },
				"Inspect":        func() error { _, err := s.Inspect(ctx, k); return err },
				"InspectMessage": func() error { _, err := s.InspectMessage(ctx, "c", "m"); return err },
			}
			for name, call := range calls {
				l.lab.WantErr(name+" of a store that is "+what, call(), nil, "keys: the store is nil or zero: Open returns one")
			}
		}
	})
}

// named is a codec with the given name.
type named string

func (n named) Name() string                  { return string(n) }
func (named) Encode(v any) ([]byte, error)    { return json.Marshal(v) }
func (named) Decode(data []byte, v any) error { return json.Unmarshal(data, v) }

func TestMisuse_CodecNames(t *testing.T) {
	t.Parallel()
	hazards(t, lab.SQLite+" mariadb "+lab.Postgres, func(l *hazardLab) {
		for _, name := range []string{"", "error", "\xff\x00", "a\x00", "zwölf", "a\nb", strings.Repeat("x", 65)} {
			l.lab.WantErr(fmt.Sprintf("a codec called %q", name), errors.New(l.run(l.store, "a", keys.WithCodec(named(name)))), nil, "keys: WithCodec: the name", "printable ASCII")
		}
		l.lab.Want("effects", l.effects("a"), 0)
		for i, name := range []string{"x", "proto v2", strings.Repeat("x", 64)} {
			id := fmt.Sprint(i)
			l.lab.Want("a codec called "+name, l.run(l.store, id, keys.WithCodec(named(name))), "ran "+id)
			l.lab.Want("a codec called "+name+", again", l.run(l.store, id, keys.WithCodec(named(name))), "replayed "+id)
		}
	})
}

func TestMisuse_Share(t *testing.T) {
	t.Parallel()
	hazards(t, lab.SQLite, func(l *hazardLab) {
		l.lab.Want("Run", l.run(l.store, "a"), "ran a")
		l.expire()
		zero := 0.0
		for _, part := range []float64{1e-12, 0.0009, 0, -1, 1.001, 1 / zero, zero / zero} {
			n, err := l.store.GC(l.lab.Context(), keys.GCShare(part))
			l.lab.WantErr(fmt.Sprintf("GC with a share of %v", part), err, nil, "keys: GCShare(", "from 0.001 to 1")
			l.lab.Want("removed by it", n, 0)
		}
		l.lab.Want("removed with the least share", l.gc(l.store, keys.GCShare(0.001)), 1)
		l.lab.Want("removed with all of the time", l.gc(l.store, keys.GCShare(1)), 0)
	})
}

// TestMisuse_RowsLeftOpen checks that fn is called only once if it leaves rows open. The driver's error about the busy
// connection must not cause another call of fn.
func TestMisuse_RowsLeftOpen(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		l.lab.Exec("INSERT INTO effects VALUES ('a'), ('b'), ('c')")
		for _, goesOn := range []bool{false, true} {
			calls := 0
			_, _, err := keys.Run(l.lab.Context(), l.store, hazardKey("k"), keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (int, error) {
				calls++
				rows, err := tx.QueryContext(ctx, "SELECT a.k FROM effects a, effects b, effects c") //nolint:rowserrcheck,sqlclosecheck // that is the mistake
				if err != nil || !rows.Next() {
					return 0, errors.Join(errors.New("no rows"), err)
				}
				if goesOn {
					_, err = tx.ExecContext(ctx, "INSERT INTO effects VALUES ('d')")
				}
				return 1, err
			})
			words := []string{"has left the rows of a query open"}
			if goesOn { // a driver may report this by itself
				words = nil
			}
			l.lab.WantErr("Run", err, nil, words...)
			l.lab.Want("calls of fn", calls, 1)
		}
		l.wantUnknown("k")
		l.lab.Want("effects of what was rolled back", l.effects("d"), 0)
	})
}
