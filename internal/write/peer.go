package write

import (
	"context"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
)

// checkPeer refuses a handle on which the name of a prepared statement may belong to another client's statement.
func (t *Table) checkPeer(ctx context.Context, db dbconn.Handle) error {
	if !t.traits.Typed || !dbconn.CanBegin(db) {
		return nil // a transaction stays on its connection
	}
	p, err := t.peers.Of(ctx, db)
	if err != nil || p.IsDirect() {
		return err
	}
	hint := "use Put, or Prepare in a transaction"
	if !p.IsKnown() {
		hint = "it cannot be seen through this driver whether there is a pooler: " + hint
	}
	return &dialect.UnsupportedError{Feature: "prepared statement that is sure to be one's own behind a pooler in transaction mode (hazard E2)", Dialect: t.spec.Dialect.Name(), Hint: hint}
}
