package dialect

// newCockroach returns CockroachDB: PostgreSQL's statements without xmax, so an update cannot be told from an insert. The text
// follows the documentation and has not been run.
func newCockroach(version string) Dialect { return postgres{name: "cockroachdb", version: version} }

// newYugabyte returns YSQL of YugabyteDB: PostgreSQL's statements. Whether xmax tells an insert there is not known, so xmax is
// not asked for. The text follows the documentation and has not been run.
func newYugabyte(version string) Dialect {
	return postgres{name: "yugabytedb", version: version, bytes: true}
}
