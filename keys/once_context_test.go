package keys_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
)

// TestOnce_ContextEndsInFn ends the context of the caller's transaction inside fn, so that database/sql rolls the transaction back. The
// error must tell the context's end, and not blame fn.
func TestOnce_ContextEndsInFn(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		ctx, cancel := context.WithCancel(l.bounded())
		defer cancel()
		tx, err := l.lab.DB.BeginTxx(ctx, nil)
		l.lab.Want("Begin", err, nil)
		_, _, err = keys.Once(ctx, l.store, tx, hazardKey("a"), keys.Fingerprint{}, func(context.Context, *keys.Tx) (string, error) {
			cancel()
			l.lab.Until("the transaction is rolled back", func() bool { return tx.Tx.Stmt(&sql.Stmt{}).Close() != nil })
			return "paid", nil
		})
		l.lab.WantErr("Once", err, context.Canceled)
	})
}
