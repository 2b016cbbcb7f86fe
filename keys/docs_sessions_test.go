package keys_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
)

// TestDocsFindSessions runs the queries of docs/keys.md for open transactions. They must find the session that holds a claim.
func TestDocsFindSessions(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/keys.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "```sql\n")
	block, _, _ = strings.Cut(block, "```")
	postgres, mysql, found := strings.Cut(block, "-- MySQL")
	if !found {
		t.Fatalf("docs/keys.md has no queries: %q", block)
	}
	hazards(t, lab.All, func(l *hazardLab) {
		query, own := "", ""
		switch l.lab.D.Name() {
		case "sqlite":
			return
		case "postgres":
			query, own = postgres, "SELECT pg_backend_pid()"
		default:
			query, own = "-- MySQL"+mysql, "SELECT CONNECTION_ID()"
		}
		sessions := func() (all []string) {
			rows, err := l.lab.DB.QueryxContext(l.lab.Context(), strings.TrimSuffix(strings.TrimSpace(query), ";"))
			if err != nil {
				l.lab.Fatalf("%s: %v", query, err)
			}
			defer rows.Close()
			for rows.Next() {
				values, err := rows.SliceScan()
				if err != nil {
					l.lab.Fatal(err)
				}
				if b, isText := values[0].([]byte); isText {
					values[0] = string(b)
				}
				all = append(all, fmt.Sprint(values[0]))
			}
			return all
		}
		k := keys.Key{Scope: "s", Op: "o", ID: "1"}
		_, err := keys.Exec(l.lab.Context(), l.store, k, keys.Fingerprint{}, func(ctx context.Context, tx *keys.Tx) error {
			var id sql.NullString
			if err := tx.GetContext(ctx, &id, own); err != nil {
				return err
			}
			for !slices.Contains(sessions(), id.String) { // InnoDB's table is up to date after a tenth of a second
				if err := l.lab.Context().Err(); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			l.lab.Fatal(err)
		}
	})
}
