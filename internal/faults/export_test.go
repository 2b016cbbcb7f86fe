package faults

// MySQLVia returns a server's network and address, and the DSN with the address door instead.
func MySQLVia(dsn, door string) (network, addr, via string, err error) {
	a, via, err := mysqlVia(dsn, door)
	return a.network, a.addr, via, err
}

// PostgresVia is MySQLVia for PostgreSQL.
func PostgresVia(dsn, door string) (network, addr, via string, err error) {
	a, via, err := postgresVia(dsn, door)
	return a.network, a.addr, via, err
}
