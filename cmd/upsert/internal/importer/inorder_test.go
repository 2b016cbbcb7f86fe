package importer

import (
	"testing"

	"github.com/goupsert/upsert/cmd/upsert/internal/dbtest"
)

// TestEngines_InOrderWritesParentsBeforeChildren: the children's keys sort before the parents' keys.
func TestEngines_InOrderWritesParentsBeforeChildren(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		ns := e.Namespace(t)
		dsn := dsnWithForeignKeys(ns)
		execute(t, ns, "CREATE TABLE tree (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES tree (id))")
		file := dbtest.WriteFile(t, "tree.csv", "id,parent\n9,\n5,9\n1,5\n")
		if e.Dialect() == "mariadb" || e.Dialect() == "mysql" { // elsewhere a statement's rows are checked at its end
			run := runProgram(t, "-dsn", dsn, "-key", "id", file)
			run.failed(t, 1, "tree.csv:4:1: ")
			run.failed(t, 1, "-in-order")
		}
		runProgram(t, "-dsn", dsn, "-key", "id", "-in-order", file).ok(t, "3 inserted, 0 updated, 0 unchanged")
		runProgram(t, "-dsn", dsn, "-key", "id", "-in-order", "-chunk", "2", file).ok(t, "0 inserted, 0 updated, 3 unchanged")
	})
}

// TestEngines_InOrderHandsOnAUniqueValue: row 2 gives the name up before row 1 takes it.
func TestEngines_InOrderHandsOnAUniqueValue(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e *dbtest.Engine) {
		ns := e.Namespace(t)
		execute(t, ns, "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20) UNIQUE)")
		execute(t, ns, "INSERT INTO t VALUES (1, 'a'), (2, 'b')")
		file := dbtest.WriteFile(t, "t.csv", "id,name\n2,c\n1,b\n")
		run := runProgram(t, "-dsn", ns.DSN(), "-key", "id", file)
		run.failed(t, 1, "another row has the same values")
		run.failed(t, 1, "-in-order")
		runProgram(t, "-dsn", ns.DSN(), "-key", "id", "-in-order", file).ok(t, "0 inserted, 2 updated, 0 unchanged")
	})
}
