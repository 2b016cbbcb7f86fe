package hazards_test

import (
	"fmt"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/lab"
)

// TestHazard_H41_TriggerWritesARowThatIsUnchanged shows a hazard that only the trigger itself can avoid.
func TestHazard_H41_TriggerWritesARowThatIsUnchanged(t *testing.T) {
	t.Parallel()
	type thing struct {
		K   int `upsert:"key"`
		Rev int `upsert:"version"`
		V   int
	}
	lab.Each(t, lab.OnDuplicateKey, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT PRIMARY KEY, rev INT, v INT, seen INT NOT NULL DEFAULT 0)",
			"CREATE TRIGGER naive BEFORE UPDATE ON things FOR EACH ROW SET NEW.seen = OLD.seen + 1", "INSERT INTO things VALUES (1, 5, 5, 0)",
			"INSERT INTO things (k, rev, v) VALUES (1, 5, 5) ON DUPLICATE KEY UPDATE k = things.k")
		l.Want("hazard: what a statement that assigns nothing has written", l.Text("SELECT seen FROM things"), 1)
		table := lab.Table[thing](l, "things")
		three := func() {
			l.Helper()
			l.Want("Put of the same row", lab.Put(l, table, l.DB, thing{1, 5, 5}), upsert.Unchanged)
			l.Want("Put of an older row", lab.Put(l, table, l.DB, thing{1, 4, 4}), upsert.Stale)
			created, err := table.GetOrCreate(l.Context(), l.DB, &thing{1, 6, 6})
			l.Want("GetOrCreate", fmt.Sprint(created, err), "false <nil>")
		}
		three()
		l.Want("the row, which the trigger has written each time", l.Text("SELECT * FROM things"), "1|5|5|4")
		l.Exec("DROP TRIGGER naive", "CREATE TRIGGER quiet BEFORE UPDATE ON things FOR EACH ROW SET NEW.seen = OLD.seen + IF(NEW.rev <=> OLD.rev AND NEW.v <=> OLD.v, 0, 1)")
		three()
		l.Want("the row, with a trigger that looks whether a column changes", l.Text("SELECT * FROM things"), "1|5|5|4")
	})
}
