package engine_test

import (
	"sync"
	"testing"

	"github.com/goupsert/upsert/internal/engine"
)

func TestPoolerSharesConnections(t *testing.T) {
	t.Parallel()
	ns := engine.Newest("postgres").Namespace(t)
	ns.DB().MustExec("CREATE TABLE things (id INTEGER PRIMARY KEY)")
	const clients = 16
	db := engine.Pooler(ns).DB()
	db.SetMaxIdleConns(clients)
	var all sync.WaitGroup
	var mu sync.Mutex
	servers := map[int]bool{}
	holder, err := db.BeginTxx(t.Context(), nil) // without the holder, fast clients could all use the same connection
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Rollback() }()
	var held int
	if err := holder.Get(&held, "SELECT pg_backend_pid()"); err != nil {
		t.Fatal(err)
	}
	servers[held] = true
	for i := range clients {
		all.Go(func() {
			tx, err := db.BeginTxx(t.Context(), nil)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = tx.Rollback() }()
			var pid int
			if err := tx.Get(&pid, "SELECT pg_backend_pid()"); err != nil {
				t.Error(err)
			}
			if _, err := tx.Exec("INSERT INTO things VALUES ($1)", i); err != nil {
				t.Errorf("the table is not in the search path: %v", err)
			}
			if err := tx.Commit(); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			servers[pid] = true
		})
	}
	all.Wait()
	_ = holder.Rollback()
	if len(servers) < 2 || len(servers) >= clients {
		t.Errorf("%d clients used %d connections to the server, want more than one and fewer than clients", clients, len(servers))
	}
	var n int
	if err := db.Get(&n, "SELECT COUNT(*) FROM things"); err != nil || n != clients {
		t.Errorf("%d rows, err %v; want %d", n, err, clients)
	}
}
