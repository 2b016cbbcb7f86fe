package faults

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"strings"
)

// address is the address on which a server listens.
type address struct{ network, addr string }

// mysqlVia returns the server's address in a DSN of go-sql-driver, and the same DSN with the address door. An example of a DSN is
// user:password@tcp(127.0.0.1:3306)/db?parseTime=true.
func mysqlVia(dsn, door string) (address, string, error) {
	slash := strings.LastIndex(dsn, "/")
	if slash < 0 {
		return address{}, "", fmt.Errorf("faults: no / in the data source name")
	}
	left, right := dsn[:slash], dsn[slash:]
	user, where := "", left
	if at := strings.LastIndex(left, "@"); at >= 0 {
		user, where = left[:at+1], left[at+1:]
	}
	network, rest, _ := strings.Cut(where, "(")
	server := address{network, strings.TrimSuffix(rest, ")")}
	switch {
	case network == "":
		server.network = "tcp"
	case network != "tcp" && (network != "unix" || server.addr == ""):
		return address{}, "", fmt.Errorf("faults: no proxy for the address %q: give tcp(host:port) or unix(path)", where)
	}
	if server.addr == "" {
		server = address{"tcp", "127.0.0.1:3306"}
	}
	if _, _, err := net.SplitHostPort(server.addr); err != nil && server.network == "tcp" {
		server.addr = net.JoinHostPort(server.addr, "3306")
	}
	join := "?"
	if strings.Contains(right, "?") {
		join = "&"
	}
	return server, user + "tcp(" + door + ")" + right + join + "tls=false&compress=false", nil
}

// postgresVia is mysqlVia for a DSN in either of libpq's two formats.
func postgresVia(dsn, door string) (address, string, error) {
	host, port, err := net.SplitHostPort(door)
	if err != nil {
		return address{}, "", err
	}
	if !strings.Contains(dsn, "://") {
		server := postgresAddress(word(dsn, "host"), word(dsn, "port"))
		return server, dsn + " host='" + host + "' port='" + port + "' sslmode='disable'", nil
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return address{}, "", err
	}
	q := u.Query()
	server := postgresAddress(or(q.Get("host"), u.Hostname()), or(q.Get("port"), u.Port()))
	q.Del("host")
	q.Del("port")
	q.Set("sslmode", "disable")
	u.Host, u.RawQuery = door, q.Encode()
	return server, u.String(), nil
}

func postgresAddress(host, port string) address {
	host, port = or(host, "localhost"), or(port, "5432")
	if strings.HasPrefix(host, "/") {
		return address{"unix", path.Join(host, ".s.PGSQL."+port)}
	}
	return address{"tcp", net.JoinHostPort(host, port)}
}

// word returns the last value of a key in "host=localhost port='5432'". Hosts and ports contain no spaces or quotes.
func word(dsn, key string) (value string) {
	for field := range strings.FieldsSeq(dsn) {
		if k, v, ok := strings.Cut(field, "="); ok && k == key {
			value = strings.Trim(v, "'")
		}
	}
	return value
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
