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

// hazardLab is a lab with a table of keys, and one of effects that has no key: nothing but ours may keep an effect from
// being there twice.
type hazardLab struct {
	*lab.Lab
	store *keys.Store
}

// hazards runs fn in a lab on each of the named engines.
func hazards(t *testing.T, engines string, fn func(l *hazardLab), opts ...engine.Option) {
	t.Helper()
	lab.Each(t, engines, func(l *lab.Lab) { fn(openHazardLab(l)) }, opts...)
}

func openHazardLab(l *lab.Lab) *hazardLab {
	l.Helper()
	h := &hazardLab{Lab: l}
	h.store = h.open(l.DB)
	if err := h.store.Migrate(l.Context()); err != nil {
		l.Fatalf("Migrate: %v", err)
	}
	l.Exec("CREATE TABLE effects (k VARCHAR(1100) NOT NULL)")
	return h
}

// open returns another store on the lab's table, as another process has one.
func (l *hazardLab) open(db *sqlx.DB, opts ...keys.Option) *keys.Store {
	l.Helper()
	s, err := keys.Open(l.Context(), db, opts...)
	if err != nil {
		l.Fatalf("Open: %v", err)
	}
	return s
}

// Begin is that of Lab, of sqlx.
func (l *hazardLab) Begin(opts *sql.TxOptions) *sqlx.Tx {
	l.Helper()
	tx, err := l.DB.BeginTxx(l.Context(), opts)
	if err != nil {
		l.Fatalf("BeginTxx: %v", err)
	}
	l.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

func hazardKey(id string) keys.Key { return keys.Key{Scope: "lab", Op: "do", ID: id} }

// effect is a fn that leaves a row, and returns its name.
func effect(name string) func(context.Context, *keys.Tx) (string, error) {
	return func(ctx context.Context, tx *keys.Tx) (string, error) {
		_, err := tx.ExecContext(ctx, tx.Rebind("INSERT INTO effects VALUES (?)"), strconv.QuoteToASCII(name))
		return name, err
	}
}

// effects counts the rows that the effect of that name has left.
func (l *hazardLab) effects(name string) (n int) {
	l.Helper()
	query := l.DB.Rebind("SELECT COUNT(*) FROM effects WHERE k = ?")
	if err := l.DB.GetContext(l.Context(), &n, query, strconv.QuoteToASCII(name)); err != nil {
		l.Fatalf("effects of %q: %v", name, err)
	}
	return n
}

// told is what a caller got, for comparing: "ran a", "replayed a", or the error.
func told(got string, replayed bool, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case replayed:
		return "replayed " + got
	}
	return "ran " + got
}

// run is Run of the effect that is named as the key.
func (l *hazardLab) run(s *keys.Store, id string, opts ...keys.ClaimOption) string {
	return told(keys.Run(l.Context(), s, hazardKey(id), keys.Fingerprint{}, effect(id), opts...))
}

// once is Once of it.
func (l *hazardLab) once(s *keys.Store, tx upsert.DB, id string) string {
	return told(keys.Once(l.Context(), s, tx, hazardKey(id), keys.Fingerprint{}, effect(id)))
}

// filter is Filter of messages that are their own identities.
func (l *hazardLab) filter(s *keys.Store, tx upsert.DB, ids ...string) ([]string, error) {
	return keys.Filter(l.Context(), s, tx, "lab", ids, func(id string) string { return id })
}

// wantUnknown wants nothing to be known of a key.
func (l *hazardLab) wantUnknown(id string) {
	l.Helper()
	if info, err := l.store.Inspect(l.Context(), hazardKey(id)); !errors.Is(err, keys.ErrNotFound) {
		l.Errorf("Inspect(%s): %+v, err %v; want ErrNotFound", id, info, err)
	}
}

// expire ends the retention of all that is finished.
func (l *hazardLab) expire() {
	l.Helper()
	l.Exec("UPDATE idempotency_keys SET expires_at = '2000-01-01 00:00:00.000' WHERE state IN (2, 3)")
}

// gc is GC, which must succeed.
func (l *hazardLab) gc(s *keys.Store, opts ...keys.GCOption) int64 {
	l.Helper()
	n, err := s.GC(l.Context(), opts...)
	if err != nil {
		l.Errorf("GC: %v", err)
	}
	return n
}

func panics(context.Context, *keys.Tx) (string, error) { panic("crash") }
