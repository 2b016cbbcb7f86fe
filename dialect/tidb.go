package dialect

// newTiDB returns TiDB: MySQL's statements with VALUES(), because TiDB parses a row alias without binding it. Whether TiDB
// returns LAST_INSERT_ID(expr) in its answer is not known, so outcomes are not asked for. The text follows the documentation
// and has not been run.
func newTiDB(version string) Dialect { return mysql{name: "tidb", version: version} }

// newVitess returns Vitess, which is treated like TiDB. If a keyspace is sharded by a column of the key, Vitess refuses the
// statements, because they assign the key to itself.
func newVitess(version string) Dialect {
	return mysql{name: "vitess", version: version}
}
