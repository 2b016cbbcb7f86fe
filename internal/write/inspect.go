package write

import (
	"context"
	"database/sql"

	"github.com/goupsert/upsert/internal/catalog"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/schema"
	"github.com/goupsert/upsert/internal/stmtcache"
	"github.com/goupsert/upsert/internal/txn"
)

// Inspect calls f with an Inspector of the table, in a read-only transaction if h can begin one. Inspect calls f again if the
// transaction is lost.
func (t *Table) Inspect(ctx context.Context, h dbconn.Handle, f func(*catalog.Inspector) error) error {
	pooled, err := t.isPooled(ctx, h)
	if err != nil {
		return err
	}
	for r := t.txn.Retry(!dbconn.CanBegin(h)); ; {
		err := t.inspectOnce(ctx, h, pooled, f)
		if again, err := r.Next(ctx, err); !again {
			return err
		}
	}
}

func (t *Table) inspectOnce(ctx context.Context, h dbconn.Handle, pooled bool, f func(*catalog.Inspector) error) error {
	on := stmtcache.Unwrap(h)
	if dbconn.CanBegin(on) {
		tx, err := txn.Begin(ctx, on, txn.Options{Std: &sql.TxOptions{ReadOnly: true}})
		if err != nil {
			return err
		}
		defer tx.Rollback(ctx)
		on = tx.Handle()
	}
	i, err := catalog.NewInspector(t.spec, t.txn, on, pooled)
	if err != nil {
		return err
	}
	return f(i)
}

// isPooled reports whether the driver tells that a pooler is between it and the server.
func (t *Table) isPooled(ctx context.Context, h dbconn.Handle) (bool, error) {
	if !t.traits.Typed || !dbconn.CanBegin(h) {
		return false, nil
	}
	p, err := t.peers.Of(ctx, h)
	return p.IsKnown() && !p.IsDirect(), err
}

// With returns a Table that writes the same rows by another spec, which differs in how its columns are compared.
func (t *Table) With(spec schema.Spec) (*Table, error) {
	return New(Config{
		Name: t.name, Mapping: t.rows.mapping, Needs: t.rows.needs, Columns: t.rows.cols, Keys: t.rows.keys, Generated: t.rows.generated,
		Spec: spec, Attempts: t.txn.Attempts, Copy: t.copies, Events: Events{Retried: t.txn.Retried, Chosen: t.chosen},
	})
}
