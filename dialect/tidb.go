package dialect

// newTiDB is TiDB: MySQL's statements with VALUES(), for its row alias parses without being bound. Whether it keeps
// LAST_INSERT_ID(expr) for the answer is not known, so outcomes are not asked. Its text follows the documentation and has
// not been run.
func newTiDB(version string) Dialect { return mysql{name: "tidb", version: version} }

// newVitess is Vitess: as TiDB. A keyspace that is sharded by a column of the key refuses the statements, which assign the
// key to itself.
func newVitess(version string) Dialect {
	return mysql{name: "vitess", version: version}
}
