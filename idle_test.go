package upsert_test

import (
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
)

// TestSessionThatWasEndedIdleIsReplaced: the server ends a session of the pool that does nothing, and tells so only when the next
// statement comes, which it does not run.
func TestSessionThatWasEndedIdleIsReplaced(t *testing.T) {
	t.Parallel()
	type thing struct {
		K int `upsert:"key"`
		V int
	}
	lab.Each(t, lab.Postgres, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k int PRIMARY KEY, v int)")
		pool := l.Pool(engine.Param("idle_session_timeout", "1000"))
		table := labTable[thing](l, "things")
		for i, put := range []func() error{
			func() error { _, err := table.Put(l.Context(), pool, &thing{1, 1}); return err },
			func() error { _, err := table.Put(l.Context(), pool, &thing{1, 2}); return err },
			func() error { _, err := table.PutAll(l.Context(), pool, []thing{{2, 1}, {3, 1}}); return err },
			func() error {
				_, err := table.PutAll(l.Context(), pool, []thing{{2, 2}}, upsert.Outcomes())
				return err
			},
		} {
			if i > 0 {
				l.Until("no session is left", func() bool {
					return l.Text("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%things%'") == "0"
				})
			}
			if err := put(); err != nil {
				l.Errorf("call %d on a session that was ended: %v", i, err)
			}
		}
		l.Want("rows", l.Text("SELECT * FROM things ORDER BY k"), "1|2 2|2 3|1")
	})
}
