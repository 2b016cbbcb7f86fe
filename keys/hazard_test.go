package keys_test

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
)

// hazardLab is a lab with a table of keys and a table of effects. The table of effects has no key, so that only the library
// prevents a second effect.
type hazardLab struct {
	lab   *lab.Lab
	store *keys.Store
}

// hazards runs fn in a lab on each of the named engines.
func hazards(t *testing.T, engines string, fn func(l *hazardLab), opts ...engine.Option) {
	t.Helper()
	lab.Each(t, engines, func(l *lab.Lab) { fn(openHazardLab(l)) }, opts...)
}

func openHazardLab(l *lab.Lab) *hazardLab {
	l.Helper()
	h := &hazardLab{lab: l}
	h.store = h.open(l.DB)
	if err := h.store.Migrate(l.Context()); err != nil {
		l.Fatalf("Migrate: %v", err)
	}
	l.Exec("CREATE TABLE effects (k VARCHAR(1100) NOT NULL)")
	return h
}

// open returns another store on the lab's table, like the store of another process.
func (l *hazardLab) open(db *sqlx.DB, opts ...keys.Option) *keys.Store {
	l.lab.Helper()
	s, err := keys.Open(l.lab.Context(), db, opts...)
	if err != nil {
		l.lab.Fatalf("Open: %v", err)
	}
	return s
}

// Begin is Begin of Lab with a transaction of sqlx.
func (l *hazardLab) Begin(opts *sql.TxOptions) *sqlx.Tx {
	l.lab.Helper()
	tx, err := l.lab.DB.BeginTxx(l.lab.Context(), opts)
	if err != nil {
		l.lab.Fatalf("BeginTxx: %v", err)
	}
	l.lab.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

func hazardKey(id string) keys.Key { return keys.Key{Scope: "lab", Op: "do", ID: id} }

// effect returns an fn that inserts a row and returns the name.
func effect(name string) func(context.Context, *keys.Tx) (string, error) {
	return func(ctx context.Context, tx *keys.Tx) (string, error) {
		_, err := tx.ExecContext(ctx, tx.Rebind("INSERT INTO effects VALUES (?)"), strconv.QuoteToASCII(name))
		return name, err
	}
}

// effects returns the number of rows that the named effect has inserted.
func (l *hazardLab) effects(name string) (n int) {
	l.lab.Helper()
	query := l.lab.DB.Rebind("SELECT COUNT(*) FROM effects WHERE k = ?")
	if err := l.lab.DB.GetContext(l.lab.Context(), &n, query, strconv.QuoteToASCII(name)); err != nil {
		l.lab.Fatalf("effects of %q: %v", name, err)
	}
	return n
}

// told returns the answer to a caller as a text: "ran a", "replayed a", or the error.
func told(got string, replayed bool, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case replayed:
		return "replayed " + got
	}
	return "ran " + got
}

// run calls Run with the effect that has the name of the key.
func (l *hazardLab) run(s *keys.Store, id string, opts ...keys.ClaimOption) string {
	return told(keys.Run(l.lab.Context(), s, hazardKey(id), keys.Fingerprint{}, effect(id), opts...))
}

// once calls Once with the effect that has the name of the key.
func (l *hazardLab) once(s *keys.Store, tx upsert.DB, id string) string {
	return told(keys.Once(l.lab.Context(), s, tx, hazardKey(id), keys.Fingerprint{}, effect(id)))
}

// filter calls Filter with messages that are their own identities.
func (l *hazardLab) filter(s *keys.Store, tx upsert.DB, ids ...string) ([]string, error) {
	return keys.Filter(l.lab.Context(), s, tx, "lab", ids, func(id string) string { return id })
}

// wantUnknown wants a key that is not stored.
func (l *hazardLab) wantUnknown(id string) {
	l.lab.Helper()
	if info, err := l.store.Inspect(l.lab.Context(), hazardKey(id)); !errors.Is(err, keys.ErrNotFound) {
		l.lab.Errorf("Inspect(%s): %+v, err %v; want ErrNotFound", id, info, err)
	}
}

// expire ends the retention of all finished rows.
func (l *hazardLab) expire() {
	l.lab.Helper()
	l.lab.Exec("UPDATE idempotency_keys SET expires_at = '2000-01-01 00:00:00.000' WHERE state IN (2, 3)")
}

// gc calls GC, which must succeed.
func (l *hazardLab) gc(s *keys.Store, opts ...keys.GCOption) int64 {
	l.lab.Helper()
	n, err := s.GC(l.lab.Context(), opts...)
	if err != nil {
		l.lab.Errorf("GC: %v", err)
	}
	return n
}

func panics(context.Context, *keys.Tx) (string, error) { panic("crash") }
