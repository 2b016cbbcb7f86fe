package bridges_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/goupsert/upsert/keys"
)

// addNoteTx stands for code that was there before, and wants a *sql.Tx.
func addNoteTx(ctx context.Context, tx *sql.Tx, text string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO notes (text) VALUES (?)", text)
	return err
}

func TestSQLTx_InsideRun(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	for _, want := range []bool{false, true} {
		_, replayed, err := keys.Run(t.Context(), s.keys, welcome, keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) (string, error) {
			return "noted", addNoteTx(ctx, tx.Tx.Tx, "welcome") // a *keys.Tx embeds a *sqlx.Tx, which embeds the *sql.Tx
		})
		if replayed != want || err != nil {
			t.Errorf("replayed %v, %v; want %v", replayed, err, want)
		}
		s.wants(0, 1)
	}
}
