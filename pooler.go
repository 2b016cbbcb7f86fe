package upsert

import (
	"context"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/stmtcache"
)

// pooled reports whether a statement with parameters must be in a transaction for its text and its parameters to meet (hazard E2).
func (t *table) pooled(ctx context.Context, db DB) (bool, error) {
	if _, checked := db.(*stmtcache.Pool); checked || !t.traits.Typed || !dbconn.CanBegin(db) {
		return false, nil
	}
	p, err := t.peers.Of(ctx, db)
	return p.SplitsBehindPooler(), err
}

// resultTells reports whether what happened to a row may come in a statement's Result. database/sql begins a goroutine to
// watch over the rows of a query, which costs as much as a fifth of a round trip. Only drivers that are known are relied upon to
// count a SELECT's rows, and what says it takes the server longer to plan, so the statement is one that is kept.
func (t *table) resultTells(ctx context.Context, db DB) (bool, error) {
	if len(t.generated) > 0 || !t.traits.Typed || !dbconn.CanBegin(db) {
		return false, nil
	}
	if _, checked := db.(*stmtcache.Pool); checked {
		return true, nil
	}
	p, err := t.peers.Of(ctx, db)
	return p.KeepsTexts(), err
}

// checkPeer refuses a handle behind which a name may be that of another client's statement.
func (t *table) checkPeer(ctx context.Context, db DB) error {
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
