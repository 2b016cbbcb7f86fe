package upsert

import (
	"context"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/stmtcache"
)

// resultTells reports whether a row's outcome may come in a statement's Result instead of a row. To read a row, database/sql
// starts a goroutine that watches the query's rows, which costs as much as a fifth of a round trip. Only known drivers are relied
// upon to count the rows of a SELECT. The server takes longer to plan a statement that tells the outcome so, so the driver must
// keep the statement.
func (t *table) resultTells(ctx context.Context, db dbconn.Handle) (bool, error) {
	if len(t.generated) > 0 || !t.traits.Typed || !dbconn.CanBegin(db) {
		return false, nil
	}
	if _, checked := db.(*stmtcache.Pool); checked {
		return true, nil
	}
	p, err := t.peers.Of(ctx, db)
	return p.KeepsTexts(), err
}

// checkPeer refuses a handle on which the name of a prepared statement may belong to another client's statement.
func (t *table) checkPeer(ctx context.Context, db dbconn.Handle) error {
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
	return &dialect.UnsupportedError{Feature: "prepared statement that is sure to be one's own behind a pooler in transaction mode (hazard E2)", Dialect: t.dialect.Name(), Hint: hint}
}
