package faults_test

import (
	"testing"

	"github.com/goupsert/upsert/internal/faults"
)

func TestDSNByWayOfAProxy(t *testing.T) {
	t.Parallel()
	const door = "127.0.0.1:99"
	const noTLS = "tls=false&compress=false"
	for _, c := range []struct {
		via                      func(dsn, door string) (network, addr, via string, err error)
		dsn, network, addr, want string
	}{
		{faults.MySQLVia, "root@tcp(127.0.0.1:3307)/db?parseTime=true", "tcp", "127.0.0.1:3307", "root@tcp(127.0.0.1:99)/db?parseTime=true&" + noTLS},
		{faults.MySQLVia, "u:p@/(ss@unix(/run/my.sock)/", "unix", "/run/my.sock", "u:p@/(ss@tcp(127.0.0.1:99)/?" + noTLS},
		{faults.MySQLVia, "u@tcp(db)/x", "tcp", "db:3306", "u@tcp(127.0.0.1:99)/x?" + noTLS},
		{faults.MySQLVia, "/x", "tcp", "127.0.0.1:3306", "tcp(127.0.0.1:99)/x?" + noTLS},
		{faults.PostgresVia, "postgres://u:p@db:5433/x?search_path=a&sslmode=require", "tcp", "db:5433", "postgres://u:p@127.0.0.1:99/x?search_path=a&sslmode=disable"},
		{faults.PostgresVia, "postgres:///x?host=/run/pg&port=5434", "unix", "/run/pg/.s.PGSQL.5434", "postgres://127.0.0.1:99/x?sslmode=disable"},
		{faults.PostgresVia, "host=/run/pg user=u", "unix", "/run/pg/.s.PGSQL.5432", "host=/run/pg user=u host='127.0.0.1' port='99' sslmode='disable'"},
		{faults.PostgresVia, "user=u host='::1' port='5435'", "tcp", "[::1]:5435", "user=u host='::1' port='5435' host='127.0.0.1' port='99' sslmode='disable'"},
	} {
		network, addr, via, err := c.via(c.dsn, door)
		if err != nil || network != c.network || addr != c.addr || via != c.want {
			t.Errorf("%s: %s %s, %s, %v; want %s %s, %s", c.dsn, network, addr, via, err, c.network, c.addr, c.want)
		}
	}
	for dsn, via := range map[string]func(dsn, door string) (network, addr, via string, err error){
		"root@pipe(x)/db": faults.MySQLVia, "root@unix/db": faults.MySQLVia, "root": faults.MySQLVia, "postgres://%zz/": faults.PostgresVia,
	} {
		if _, _, got, err := via(dsn, door); err == nil {
			t.Errorf("%s: %s, want an error", dsn, got)
		}
	}
}
