package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/engine"
)

func TestLongGaleraNodeIsKilledAndComesBack(t *testing.T) {
	t.Parallel()
	nodes := engine.Galera(t).Nodes()
	ns := nodes[0].Namespace(t)
	ns.DB().MustExec("CREATE TABLE things (id INTEGER PRIMARY KEY)")
	for i, n := range nodes {
		n.On(ns).DB(engine.Param("wsrep_sync_wait", "7")).MustExec("INSERT INTO things VALUES (?)", i)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	killed := nodes[0]
	if err := killed.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := nodes[1].WaitSynced(ctx); err != nil {
		t.Fatal(err)
	}
	other := nodes[1].On(ns).DB()
	eventually(t, "the other two to go on", func() bool {
		_, err := other.ExecContext(ctx, "INSERT INTO things VALUES (3) ON DUPLICATE KEY UPDATE id = id")
		return err == nil
	})
	if err := killed.Start(ctx); err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		var ids int
		if err := n.On(ns).DB(engine.Param("wsrep_sync_wait", "7")).Get(&ids, "SELECT COUNT(*) FROM things"); err != nil || ids != 4 {
			t.Errorf("node %s has %d rows, err %v; want 4", n, ids, err)
		}
	}
}
