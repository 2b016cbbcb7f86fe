package mysqlengine_test

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"testing"

	sqle "github.com/dolthub/go-mysql-server"
	"github.com/dolthub/go-mysql-server/memory"
	"github.com/dolthub/go-mysql-server/server"
	gmsql "github.com/dolthub/go-mysql-server/sql"
	_ "github.com/go-sql-driver/mysql" // the driver
)

// serve starts an engine of its own, with the tables that schema makes, and returns its address.
func serve(t *testing.T, schema ...string) (address string) {
	t.Helper()
	base := memory.NewDatabase("db")
	base.EnablePrimaryKeyIndexes()
	provider := memory.NewDBProvider(base)
	engine := sqle.NewDefault(provider)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := server.Config{Protocol: "tcp", Address: listener.Addr().String(), Listener: listener}
	s, err := server.NewServer(config, engine, gmsql.NewContext, memory.NewSessionBuilder(provider), nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Start() }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	db := open(t, listener.Addr().String(), "")
	for _, statement := range schema {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	return listener.Addr().String()
}

// open opens the engine's database; params are the DSN's.
func open(t *testing.T, address, params string) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", fmt.Sprintf("root@tcp(%s)/db?%s", address, params))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := db.PingContext(context.Background()); err != nil {
		t.Fatal(err)
	}
	return db
}
